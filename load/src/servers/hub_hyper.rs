//! sse-hub on the HTTP/1 connection of hyper.

use std::{future::Future, io};

use futures_util::{future::Either, stream};
use sse_hub::{Hub, TopicFilters};
use sse_hyper::Encoded;
use tokio::net::TcpListener;

use super::http1;
use crate::commands::Commands;

pub(super) async fn serve(
    listener: TcpListener,
    commands: Commands,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let hub = Hub::default();
    tokio::spawn(commands.run(hub.clone()));
    let follow = move || match hub.subscribe(TopicFilters::all(), None) {
        Ok(subscription) => Either::Left(subscription),
        Err(_) => Either::Right(stream::empty::<Encoded>()),
    };
    http1::serve(listener, follow, shutdown).await
}
