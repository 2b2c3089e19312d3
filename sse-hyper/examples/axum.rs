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
    Router,
    body::Body,
    extract::{Request, State},
    response::{Html, Response},
    routing::get,
};
use futures_util::{FutureExt, Stream, StreamExt, stream};
use sse_hyper::{CloseEvent, Event, EventId, LastEventId, StreamTracker};
use tokio::{net::TcpListener, signal::ctrl_c, time::sleep};

/// Time for which the shutdown waits for clients that have stopped reading.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or("8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    eprintln!("http://127.0.0.1:{port}/");
    let streams = StreamTracker::default();
    let router = Router::new()
        .route("/", get(Html(include_str!("page.html"))))
        .route("/events", get(events))
        .with_state(streams.clone());
    let closed = close(streams).shared();
    let server = axum::serve(listener, router).with_graceful_shutdown(closed.clone());
    tokio::select! {
        ended = server => ended,
        () = closed.then(|()| sleep(SHUTDOWN_TIMEOUT)) => Ok(()),
    }
}

async fn events(
    State(streams): State<StreamTracker>,
    LastEventId(seen): LastEventId<u64>,
    request: Request,
) -> Response {
    let events = seconds(seen.unwrap_or(0));
    streams.respond(&request, events).map(Body::new)
}

/// Returns a stream of one event each second, from the one after the last that the client saw.
fn seconds(seen: u64) -> impl Stream<Item = Event> {
    stream::iter(seen.saturating_add(1)..=u64::MAX).then(|n| async move {
        sleep(Duration::from_secs(1)).await;
        Event::new(format!("second {n}")).with_id(EventId::from(n))
    })
}

/// Waits for the signal to end, then closes all streams and spreads the times at which the clients reconnect.
async fn close(streams: StreamTracker) {
    asked_to_end().await;
    let spread = Duration::from_secs(1)..=Duration::from_secs(10);
    streams.close(CloseEvent::new(Event::new("back soon")).with_retry(spread));
}

/// Waits for Ctrl-C or, on Unix, for SIGTERM.
async fn asked_to_end() {
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
