//! Common part of our servers on the HTTP/1 connection of hyper.

use std::{convert::Infallible, error::Error, future::Future, io, pin::pin};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Empty};
use hyper::{
    body::{Body, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use sse_hyper::{EventBody, EventStream, StreamTracker};
use tokio::net::TcpListener;

use super::streams::close_event;

/// Error type of [`Either`] for errors that cannot happen.
type BoxError = Box<dyn Error + Send + Sync>;

/// Serves a stream from `follow` for each request of `/events`.
pub(super) async fn serve<S: EventStream + Send + 'static>(
    listener: TcpListener,
    follow: impl Fn() -> S + Clone + Send + 'static,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut shutdown = pin!(shutdown);
    let connections = GracefulShutdown::new();
    let streams = StreamTracker::default();
    loop {
        let connection = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            () = &mut shutdown => break,
        };
        let (follow, streams) = (follow.clone(), streams.clone());
        let service = service_fn(move |request| {
            let response = respond(&streams, &follow, &request);
            async { Ok::<_, Infallible>(response) }
        });
        // Without `writev`, hyper copies small frames, and the system call is cheaper.
        let connection = http1::Builder::new()
            .writev(false)
            .serve_connection(TokioIo::new(connection), service);
        tokio::spawn(connections.watch(connection));
    }
    drop(listener);
    streams.close(close_event());
    connections.shutdown().await;
    Ok(())
}

fn respond<S: EventStream>(
    streams: &StreamTracker,
    follow: impl Fn() -> S,
    request: &Request<Incoming>,
) -> Response<Either<EventBody<S>, Empty<Bytes>>>
where
    Either<EventBody<S>, Empty<Bytes>>: Body<Data = Bytes, Error = BoxError>,
{
    if request.uri().path() == "/events" {
        streams.respond(request, follow()).map(Either::Left)
    } else {
        let mut response = Response::new(Either::Right(Empty::new()));
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    }
}
