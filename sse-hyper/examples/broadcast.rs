//! Sends each event of a broadcast channel of tokio to all connected clients:
//!
//! ```text
//! cargo run -p sse-hyper --features axum --example broadcast
//! curl -N 127.0.0.1:8080/events
//! curl -d 'it works' 127.0.0.1:8080/publish
//! ```
//!
//! The first curl prints `data: it works`, and the second prints the number of clients that got the event. A client
//! that reads too slowly misses the events that the channel has dropped. Then it gets an event of type `lagged` with
//! the number of these events. The events have no IDs, because none is kept. For clients that resume, use a hub
//! (`sse-hub`).

use std::{env, io, time::Duration};

use axum::{
    Extension, Router,
    extract::State,
    response::IntoResponse,
    routing::{get, post},
};
use futures_util::stream;
use sse_hyper::{
    CloseEvent, Encoded, Event, EventStream, EventStreamRequest, EventType, StreamTracker,
};
use tokio::{
    net::TcpListener,
    signal::ctrl_c,
    sync::broadcast::{Receiver, Sender, error::RecvError},
};

/// Number of events that the channel keeps for clients that lag.
const CHANNEL_CAPACITY: usize = 64;

/// Time for which the shutdown waits for clients that have stopped reading.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or("8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    eprintln!("http://127.0.0.1:{port}/events");
    let tracker = StreamTracker::default();
    // Each event is encoded once for all clients.
    let events = Sender::<Encoded>::new(CHANNEL_CAPACITY);
    let router = Router::new()
        .route("/events", get(follow))
        .route("/publish", post(publish))
        .layer(Extension(tracker.clone()))
        .with_state(events);
    let server = axum::serve(listener, router)
        .with_graceful_shutdown(tracker.close_on(ctrl_c(), CloseEvent::default()));
    let ended = tracker.run_server(server, SHUTDOWN_TIMEOUT).await;
    ended.unwrap_or(Ok(()))
}

async fn follow(
    sse: EventStreamRequest,
    State(events): State<Sender<Encoded>>,
) -> impl IntoResponse {
    sse.respond(listen(events.subscribe()))
}

async fn publish(State(events): State<Sender<Encoded>>, data: String) -> String {
    // `send` fails if no client is connected.
    let listeners = events.send(Encoded::from(&Event::new(data)));
    format!("{}\n", listeners.unwrap_or(0))
}

/// Returns a stream of the events that the channel gets from now on, and of notices about dropped events.
fn listen(events: Receiver<Encoded>) -> impl EventStream {
    stream::unfold(events, |mut events| async {
        let event = match events.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(missed)) => lagged(missed),
            Err(RecvError::Closed) => return None,
        };
        Some((event, events))
    })
}

fn lagged(missed: u64) -> Encoded {
    let lagged = EventType::new("lagged").expect("a type without a line end");
    Encoded::from(&Event::new(format!(r#"{{"missed":{missed}}}"#)).with_type(lagged))
}
