//! `Sse` of axum.

use std::{convert::Infallible, future::Future, io};

use axum::{
    Router,
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
    routing::get,
};
use futures_core::Stream;
use futures_util::StreamExt as _;
use tokio::net::TcpListener;
use tower_http::compression::{CompressionLayer, predicate::SizeAbove};

use crate::feed::Feed;

pub(super) async fn serve(
    listener: TcpListener,
    feed: Feed,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let routes = Router::new().route("/events", get(events)).with_state(feed);
    axum::serve(listener, routes)
        .with_graceful_shutdown(shutdown)
        .await
}

/// Serves like [`serve`], and compresses each stream.
pub(super) async fn serve_compressed(
    listener: TcpListener,
    feed: Feed,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // By default, the layer compresses no event streams.
    let layer = CompressionLayer::new().compress_when(SizeAbove::new(0));
    let routes = Router::new().route("/events", get(events)).with_state(feed);
    axum::serve(listener, routes.layer(layer))
        .with_graceful_shutdown(shutdown)
        .await
}

async fn events(State(feed): State<Feed>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = feed
        .subscribe()
        .map(|published| Ok(Event::default().data(published.text())));
    Sse::new(events).keep_alive(KeepAlive::default())
}
