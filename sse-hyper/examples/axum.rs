//! Server of events on axum, with a page that shows them:
//!
//! ```text
//! cargo run -p sse-hyper --features axum --example axum
//! curl -N 127.0.0.1:8080/events
//! ```
//!
//! curl prints an event each second, and <http://127.0.0.1:8080/> shows it. A client that reconnects with
//! `Last-Event-ID: 7` gets the eighth event next. A client with `Last-Event-ID: seven`, which is not an ID of this
//! server, gets the first. On Ctrl-C or SIGTERM every client gets a last event, and then the server ends.

use std::{env, io, time::Duration};

use axum::{
    Extension, Router,
    response::{Html, IntoResponse},
    routing::get,
};
use futures_util::{Stream, StreamExt, stream};
use sse_hyper::{CloseEvent, Event, EventId, EventStreamRequest, StreamTracker};
use tokio::{net::TcpListener, signal::ctrl_c, time::sleep};

/// Time for which the shutdown waits for clients that have stopped reading.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or("8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    eprintln!("http://127.0.0.1:{port}/");
    let tracker = StreamTracker::default();
    let router = Router::new()
        .route("/", get(Html(include_str!("page.html"))))
        .route("/events", get(events))
        .layer(Extension(tracker.clone()));
    // The random reconnection times spread the clients.
    let close_event = CloseEvent::new(Event::new("back soon"))
        .with_retry(Duration::from_secs(1)..=Duration::from_secs(10));
    let server = axum::serve(listener, router)
        .with_graceful_shutdown(tracker.close_on(shutdown_signal(), close_event));
    let ended = tracker.run_server(server, SHUTDOWN_TIMEOUT).await;
    ended.unwrap_or(Ok(()))
}

async fn events(sse: EventStreamRequest) -> impl IntoResponse {
    sse.respond(seconds(sse.last_event_id().unwrap_or(0)))
}

/// Returns a stream of one event each second, from the one after the last that the client saw.
fn seconds(seen: u64) -> impl Stream<Item = Event> {
    stream::iter(seen.saturating_add(1)..=u64::MAX).then(|n| async move {
        sleep(Duration::from_secs(1)).await;
        Event::new(format!("second {n}")).with_id(EventId::from(n))
    })
}

/// Waits for Ctrl-C or, on Unix, for SIGTERM.
async fn shutdown_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        let mut terminate = signal(SignalKind::terminate()).expect("a handler of SIGTERM");
        tokio::select! {
            _ = ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = ctrl_c().await;
}
