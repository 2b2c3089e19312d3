//! `sse` of warp.

use std::{convert::Infallible, future::Future, io};

use futures_util::StreamExt as _;
use tokio::net::TcpListener;
use warp::{
    Filter, Rejection, Reply,
    sse::{self, Event},
};

use crate::feed::Feed;

pub(super) async fn serve(
    listener: TcpListener,
    feed: Feed,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let routes = warp::path!("events").and(warp::get()).map(move || {
        let events = feed
            .subscribe()
            .map(|published| Ok::<_, Infallible>(Event::default().data(published.text())));
        sse::reply(sse::keep_alive().stream(events))
    });
    run(routes, listener, shutdown).await;
    Ok(())
}

/// Serves until `shutdown` is ready and the shutdown is complete.
pub(super) async fn run<R: Reply>(
    routes: impl Filter<Extract = (R,), Error = Rejection> + Clone + Send + Sync + 'static,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    warp::serve(routes)
        .incoming(listener)
        .graceful(shutdown)
        .run()
        .await;
}
