//! sse-warp.

use std::{future::Future, io};

use tokio::net::TcpListener;
use warp::Filter as _;

use super::streams;
use crate::feed::Feed;

pub(super) async fn serve(
    listener: TcpListener,
    feed: Feed,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let routes = warp::path!("events")
        .and(warp::get())
        .map(move || sse_warp::reply(streams::events(&feed)));
    let shutdown = async {
        shutdown.await;
        streams::close_all();
    };
    warp::serve(routes)
        .incoming(listener)
        .graceful(shutdown)
        .run()
        .await;
    Ok(())
}
