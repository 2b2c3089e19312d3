//! A channel of tokio as event streams: what is posted goes to all who listen.
//!
//! ```text
//! cargo run -p sse-hyper --example broadcast
//! curl -N 127.0.0.1:8080/events
//! curl -d 'it works' 127.0.0.1:8080/publish
//! ```
//!
//! The first curl prints `data: it works`, and the second to how many it went. A client that reads too
//! slowly misses what the channel has dropped meanwhile, and is told: `event: lagged` with the number. There
//! are no IDs, for nothing is kept; who wants to go on where he was takes a hub (`sse-hub`).

use std::{env, io, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::{get, post},
};
use futures_util::{FutureExt, stream};
use sse_hyper::{Encoded, Event, EventStream, EventType, Farewell, Streams};
use tokio::{
    net::TcpListener,
    signal,
    sync::broadcast::{Receiver, Sender, error::RecvError},
    time::sleep,
};

/// How many events a client may be behind.
const BEHIND: usize = 64;

/// How long the end waits for clients that have stopped reading.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Clone)]
struct App {
    /// Encoded once, for all.
    events: Sender<Encoded>,
    streams: Streams,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or("8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    eprintln!("http://127.0.0.1:{port}/events");
    let streams = Streams::default();
    let events = Sender::new(BEHIND);
    let router = Router::new()
        .route("/events", get(follow))
        .route("/publish", post(publish))
        .with_state(App {
            events,
            streams: streams.clone(),
        });
    let closed = async move {
        let _ = signal::ctrl_c().await;
        streams.close(Farewell::default());
    };
    let closed = closed.shared();
    let server = axum::serve(listener, router).with_graceful_shutdown(closed.clone());
    tokio::select! {
        ended = server => ended,
        () = closed.then(|()| sleep(PATIENCE)) => Ok(()),
    }
}

async fn follow(State(app): State<App>, request: Request) -> Response {
    let events = listen(app.events.subscribe());
    app.streams.respond(&request, events).map(Body::new)
}

async fn publish(State(app): State<App>, data: String) -> String {
    // With nobody there, it goes to none.
    let listeners = app.events.send(Encoded::from(&Event::new(data)));
    format!("{}\n", listeners.unwrap_or(0))
}

/// All that the channel has from now on, and how much it had not any more.
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
    let lagged = EventType::new("lagged").expect("no line end in it");
    Encoded::from(&Event::new(format!(r#"{{"missed":{missed}}}"#)).with_type(lagged))
}
