use std::{convert::Infallible, io, time::Duration};

use axum::{
    Extension, Router,
    http::HeaderMap,
    response::sse::{Event, KeepAlive, Sse},
    routing::get,
};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use tokio::{net::TcpListener, sync::watch, time::sleep};

#[derive(Serialize)]
struct Tick {
    count: u64,
}

pub(crate) async fn serve(
    listener: TcpListener,
    signal: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let (shutdown, closed) = watch::channel(());
    let router = Router::new()
        .route("/events", get(events))
        .layer(Extension(closed));
    let signal = async move {
        signal.await;
        drop(shutdown);
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(signal)
        .await
}

async fn events(
    headers: HeaderMap,
    Extension(mut closed): Extension<watch::Receiver<()>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let seen = headers.get("last-event-id");
    let seen = seen.and_then(|id| id.to_str().ok()?.parse().ok());
    let events = ticks(seen.unwrap_or(0)).map(Ok);
    let closed = async move { closed.changed().await };
    Sse::new(events.take_until(Box::pin(closed))).keep_alive(KeepAlive::default())
}

fn ticks(seen: u64) -> impl Stream<Item = Event> {
    stream::iter(seen.saturating_add(1)..=u64::MAX).then(async |count| {
        sleep(Duration::from_millis(10)).await;
        let event = Event::default().id(count.to_string());
        event.json_data(Tick { count }).expect("valid JSON")
    })
}
