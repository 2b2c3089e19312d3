//! axum and sse-hyper's body.

use std::{future::Future, io};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::get,
};
use tokio::net::TcpListener;

use super::streams;
use crate::feed::Feed;

pub(super) async fn serve(
    listener: TcpListener,
    feed: Feed,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let routes = Router::new().route("/events", get(events)).with_state(feed);
    let shutdown = async {
        shutdown.await;
        streams::close_all();
    };
    axum::serve(listener, routes)
        .with_graceful_shutdown(shutdown)
        .await
}

async fn events(State(feed): State<Feed>, request: Request) -> Response {
    sse_hyper::response(&request, streams::events(&feed)).map(Body::new)
}
