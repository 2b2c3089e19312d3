//! sse-hub on hyper's plain HTTP/1 connection.

use std::{convert::Infallible, error::Error, future::Future, io, pin::pin};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Empty};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use sse_hub::{Hub, Selection};
use sse_hyper::{Event, Streams};
use tokio::net::TcpListener;

use super::streams::farewell;
use crate::orders::{Orders, Publish};

/// What [`Either`] makes of errors that cannot happen.
type BoxError = Box<dyn Error + Send + Sync>;

pub(super) async fn serve(
    listener: TcpListener,
    orders: Orders,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut shutdown = pin!(shutdown);
    let connections = GracefulShutdown::new();
    let (hub, streams) = (Hub::default(), Streams::default());
    tokio::spawn(orders.obey(hub.clone()));
    loop {
        let connection = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            () = &mut shutdown => break,
        };
        let (hub, streams) = (hub.clone(), streams.clone());
        let service = service_fn(move |request| {
            let response = respond(&streams, &hub, &request);
            async { Ok::<_, Infallible>(response) }
        });
        // Flattened, a small frame takes a cheaper system call.
        let connection = http1::Builder::new()
            .writev(false)
            .serve_connection(TokioIo::new(connection), service);
        tokio::spawn(connections.watch(connection));
    }
    drop(listener);
    streams.close(farewell());
    connections.shutdown().await;
    Ok(())
}

fn respond(
    streams: &Streams,
    hub: &Hub,
    request: &Request<Incoming>,
) -> Response<impl Body<Data = Bytes, Error = BoxError> + use<>> {
    match hub.subscribe(Selection::all(), None) {
        Ok(subscription) if request.uri().path() == "/events" => {
            streams.respond(request, subscription).map(Either::Left)
        }
        _ => {
            let mut response = Response::new(Either::Right(Empty::new()));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

impl Publish for Hub {
    fn publish(&self, texts: Vec<String>) {
        for text in texts {
            let topic = sse_hub::Topic::new("feed");
            let published =
                topic.map(|topic| Self::publish(self, topic, Event::new(text)).now_or_never());
            assert!(matches!(published, Ok(Some(Ok(_)))), "{published:?}");
        }
    }

    fn missed(&self) -> u64 {
        let counts = self.counts();
        counts.dropped + counts.resets
    }
}
