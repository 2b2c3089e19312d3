//! sse-hub with the event loop of sse-reactor.

use std::{convert::Infallible, future::Future, io, pin::pin};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Empty};
use hyper::{server::conn::http1, service::service_fn};
use sse_hub::{Hub, Topic, TopicFilters};
use sse_hyper::{Event, EventBody, StreamTracker};
use sse_reactor::{HubEvents, Reactor, RequestBody, serve_connection};
use tokio::net::{TcpListener, TcpStream};

use super::streams::close_event;
use crate::commands::{Commands, Publish};

pub(super) async fn serve(
    listener: TcpListener,
    commands: Commands,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let (hub, streams) = (Hub::default(), StreamTracker::default());
    tokio::spawn(commands.run(hub.clone()));
    let server = Server {
        hub,
        reactor: Reactor::new(streams.clone())?,
    };
    let mut shutdown = pin!(shutdown);
    loop {
        let connection = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            () = &mut shutdown => break,
        };
        server.clone().serve(connection, Bytes::new());
    }
    streams.close(close_event());
    while streams.open_streams() > 0 {
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[derive(Clone)]
struct Server {
    hub: Hub,
    reactor: Reactor,
}

impl Server {
    fn serve(self, connection: TcpStream, read_ahead: Bytes) {
        let (server, again) = (self.clone(), self.clone());
        let service = service_fn(move |request| {
            let response = server.respond(&request);
            async { Ok::<_, Infallible>(response) }
        });
        let mut http = http1::Builder::new();
        http.writev(false);
        let on_return = |connection, read_ahead| again.serve(connection, read_ahead);
        tokio::spawn(serve_connection(
            &self.reactor,
            &http,
            connection,
            read_ahead,
            service,
            on_return,
        ));
    }

    fn respond(
        &self,
        request: &Request<RequestBody>,
    ) -> Response<Either<EventBody<HubEvents>, Empty<Bytes>>> {
        let status = if request.uri().path() != "/events" {
            StatusCode::NOT_FOUND
        } else if let Ok(subscription) = self.hub.subscribe(TopicFilters::all(), None) {
            return self
                .reactor
                .respond(request, subscription)
                .map(Either::Left);
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        let mut response = Response::new(Either::Right(Empty::new()));
        *response.status_mut() = status;
        response
    }
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
