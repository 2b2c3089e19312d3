//! warp's own `sse`.

use std::{convert::Infallible, future::Future, io};

use futures_util::StreamExt as _;
use tokio::net::TcpListener;
use warp::{
    Filter as _,
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
            .map(|it| Ok::<_, Infallible>(Event::default().data(it.text())));
        sse::reply(sse::keep_alive().stream(events))
    });
    warp::serve(routes)
        .incoming(listener)
        .graceful(shutdown)
        .run()
        .await;
    Ok(())
}
