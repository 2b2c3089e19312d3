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

async fn events(State(feed): State<Feed>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = feed
        .subscribe()
        .map(|published| Ok(Event::default().data(published.text())));
    Sse::new(events).keep_alive(KeepAlive::default())
}
