//! warp with sse-warp.

use std::{future::Future, io};

use sse_warp::{EventStreamRequest, StreamTracker};
use tokio::net::TcpListener;
use warp::Filter as _;

use super::streams::closed;
use crate::feed::Feed;

pub(super) async fn serve(
    listener: TcpListener,
    feed: Feed,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let streams = StreamTracker::default();
    let closed = closed(streams.clone(), shutdown);
    let routes = warp::path!("events")
        .and(warp::get())
        .and(sse_warp::request_with(streams))
        .map(move |request: EventStreamRequest| request.respond(feed.subscribe()));
    super::warp::run(routes, listener, closed).await;
    Ok(())
}
