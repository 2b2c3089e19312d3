//! sse-hub with the event loop of sse-reactor.

use std::{convert::Infallible, future::Future, io};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Empty};
use sse_hub::{Hub, HubConfig, Topic, TopicFilters};
use sse_hyper::{Event, EventBody, StreamConfig, StreamTracker};
use sse_reactor::{HubEvents, Reactor, RequestBody};
use tokio::net::TcpListener;
use tower::service_fn;

use super::streams::close_event;
use crate::commands::{Commands, Publish};

pub(super) async fn serve(
    listener: TcpListener,
    commands: Commands,
    gzip: bool,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let hub = Hub::new(HubConfig::default().gzip(gzip));
    let streams = StreamTracker::new(StreamConfig::default().gzip(gzip));
    tokio::spawn(commands.run(hub.clone()));
    let reactor = Reactor::new(streams.clone())?;
    let service = {
        let reactor = reactor.clone();
        service_fn(move |request| {
            let response = respond(&hub, &reactor, &request);
            async move { Ok::<_, Infallible>(response) }
        })
    };
    sse_reactor::serve(listener, service, &reactor)
        .with_graceful_shutdown(async move {
            shutdown.await;
            streams.close(close_event());
        })
        .await
}

fn respond(
    hub: &Hub,
    reactor: &Reactor,
    request: &Request<RequestBody>,
) -> Response<Either<EventBody<HubEvents>, Empty<Bytes>>> {
    let status = if request.uri().path() != "/events" {
        StatusCode::NOT_FOUND
    } else if let Ok(subscription) = hub.subscribe(TopicFilters::all(), None) {
        return reactor.respond(request, subscription).map(Either::Left);
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut response = Response::new(Either::Right(Empty::new()));
    *response.status_mut() = status;
    response
}

impl Publish for Hub {
    fn publish(&self, texts: Vec<String>) {
        for text in texts {
            let topic = Topic::new("feed");
            let published = topic.map(|topic| self.try_publish((topic, Event::new(text))));
            assert!(matches!(published, Ok(Ok(_))), "{published:?}");
        }
    }

    fn missed(&self) -> u64 {
        let counts = self.stats();
        counts.dropped + counts.resets
    }
}
