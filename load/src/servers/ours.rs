//! hyper's plain HTTP/1 connection and sse-hyper.

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
use sse_hyper::Streams;
use tokio::net::TcpListener;

use super::streams::farewell;
use crate::feed::Feed;

/// What [`Either`] makes of errors that cannot happen.
type BoxError = Box<dyn Error + Send + Sync>;

pub(super) async fn serve(
    listener: TcpListener,
    feed: Feed,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut shutdown = pin!(shutdown);
    let connections = GracefulShutdown::new();
    let streams = Streams::default();
    loop {
        let connection = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            () = &mut shutdown => break,
        };
        let (feed, streams) = (feed.clone(), streams.clone());
        let service = service_fn(move |request| {
            let response = respond(&streams, &feed, &request);
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
    feed: &Feed,
    request: &Request<Incoming>,
) -> Response<impl Body<Data = Bytes, Error = BoxError> + use<>> {
    if request.uri().path() == "/events" {
        streams.respond(request, feed.subscribe()).map(Either::Left)
    } else {
        let mut response = Response::new(Either::Right(Empty::new()));
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    }
}
