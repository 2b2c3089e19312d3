//! sse-hyper on the HTTP/1 connection of hyper.

use std::{future::Future, io};

use tokio::net::TcpListener;

use super::http1;
use crate::feed::Feed;

pub(super) async fn serve(
    listener: TcpListener,
    feed: Feed,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    http1::serve(listener, move || feed.subscribe(), shutdown).await
}
