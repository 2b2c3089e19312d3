use std::{io, time::Duration};

use axum::{Extension, Router, response::IntoResponse, routing::get};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use sse_hyper::{CloseEvent, Event, EventId, EventStreamRequest, StreamTracker};
use tokio::{net::TcpListener, time::sleep};

#[derive(Serialize)]
struct Tick {
    count: u64,
}

pub(crate) async fn serve(
    listener: TcpListener,
    signal: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let tracker = StreamTracker::default();
    let router = Router::new()
        .route("/events", get(events))
        .layer(Extension(tracker.clone()));
    axum::serve(listener, router)
        .with_graceful_shutdown(tracker.close_on(signal, CloseEvent::default()))
        .await
}

async fn events(sse: EventStreamRequest) -> impl IntoResponse {
    sse.respond(ticks(sse.last_event_id().unwrap_or(0)))
}

fn ticks(seen: u64) -> impl Stream<Item = Event> {
    stream::iter(seen.saturating_add(1)..=u64::MAX).then(async |count| {
        sleep(Duration::from_millis(10)).await;
        let event = Event::json(&Tick { count }).expect("valid JSON");
        event.with_id(EventId::from(count))
    })
}
