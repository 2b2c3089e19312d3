//! axum with the body of sse-hyper.

use std::{future::Future, io};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::get,
};
use sse_hyper::StreamTracker;
use tokio::net::TcpListener;

use super::streams::closed;
use crate::feed::Feed;

pub(super) async fn serve(
    listener: TcpListener,
    feed: Feed,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let streams = StreamTracker::default();
    let routes = Router::new()
        .route("/events", get(respond))
        .with_state((streams.clone(), feed));
    axum::serve(listener, routes)
        .with_graceful_shutdown(closed(streams, shutdown))
        .await
}

async fn respond(
    State((streams, feed)): State<(StreamTracker, Feed)>,
    request: Request,
) -> Response {
    streams.respond(&request, feed.subscribe()).map(Body::new)
}
