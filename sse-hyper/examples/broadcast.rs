//! Sends each event of a broadcast channel of tokio to all connected clients:
//!
//! ```text
//! cargo run -p sse-hyper --example broadcast
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
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::{get, post},
};
use futures_util::{FutureExt, stream};
use sse_hyper::{CloseEvent, Encoded, Event, EventStream, EventType, StreamTracker};
use tokio::{
    net::TcpListener,
    signal,
    sync::broadcast::{Receiver, Sender, error::RecvError},
    time::sleep,
};

/// Number of events that the channel keeps for clients that lag.
const CHANNEL_CAPACITY: usize = 64;

/// Time for which the shutdown waits for clients that have stopped reading.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Clone)]
struct App {
    /// Channel of events, each encoded once for all clients.
    events: Sender<Encoded>,
    streams: StreamTracker,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or("8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    eprintln!("http://127.0.0.1:{port}/events");
    let streams = StreamTracker::default();
    let events = Sender::new(CHANNEL_CAPACITY);
    let router = Router::new()
        .route("/events", get(follow))
        .route("/publish", post(publish))
        .with_state(App {
            events,
            streams: streams.clone(),
        });
    let closed = async move {
        let _ = signal::ctrl_c().await;
        streams.close(CloseEvent::default());
    };
    let closed = closed.shared();
    let server = axum::serve(listener, router).with_graceful_shutdown(closed.clone());
    tokio::select! {
        ended = server => ended,
        () = closed.then(|()| sleep(SHUTDOWN_TIMEOUT)) => Ok(()),
    }
}

async fn follow(State(app): State<App>, request: Request) -> Response {
    let events = listen(app.events.subscribe());
    app.streams.respond(&request, events).map(Body::new)
}

async fn publish(State(app): State<App>, data: String) -> String {
    // `send` fails if no client is connected.
    let listeners = app.events.send(Encoded::from(&Event::new(data)));
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
