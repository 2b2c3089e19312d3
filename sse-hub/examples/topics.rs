//! Server with a hub on axum: sends each event to all subscribers of its topic, and keeps it for clients that
//! reconnect.
//!
//! ```text
//! cargo run -p sse-hub --example topics
//! curl -N '127.0.0.1:8080/events?topic=news&topic=orders/**'
//! curl -d 'it works' 127.0.0.1:8080/publish/orders/17
//! ```
//!
//! The second curl prints the ID of the event, and the first one prints the event. A new client first gets the last
//! ten events of these topics. A client that reconnects with `Last-Event-ID` gets the events that it has missed. If
//! these are not kept any more, it gets an event of the type `reset`. Ctrl-C ends all streams, and then the server.
//!
//! Every client may publish here. Add authentication before you expose this server to a network.

use std::{env, io, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    http::Uri,
    response::{IntoResponse, Result},
    routing::{get, post},
};
use futures_util::FutureExt;
use sse_hub::{CloseEvent, Event, Hub, InvalidTopic, Topic, TopicFilters};
use sse_hyper::StreamTracker;
use tokio::{net::TcpListener, signal, time::sleep};

/// Number of events that a new client gets first.
const INITIAL_EVENTS: usize = 10;

/// Time that the shutdown waits for clients that have stopped reading.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Clone, Default)]
struct App {
    hub: Hub,
    streams: StreamTracker,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or("8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    eprintln!("http://127.0.0.1:{port}/events?topic=news");
    let app = App::default();
    let router = Router::new()
        .route("/events", get(subscribe))
        .route("/publish/{*topic}", post(publish))
        .with_state(app.clone());
    let closed = async move {
        let _ = signal::ctrl_c().await;
        let spread = Duration::from_secs(1)..=Duration::from_secs(10);
        let close_event = CloseEvent::new(Event::new("back soon"));
        app.streams.close(close_event.with_retry(spread));
    };
    let closed = closed.shared();
    let server = axum::serve(listener, router).with_graceful_shutdown(closed.clone());
    tokio::select! {
        ended = server => ended,
        () = closed.then(|()| sleep(SHUTDOWN_TIMEOUT)) => Ok(()),
    }
}

async fn subscribe(State(app): State<App>, request: Request) -> Result<impl IntoResponse> {
    // An invalid ID counts as no ID. After a status 400, a browser would not reconnect.
    let seen = sse_hyper::last_event_id(request.headers()).ok().flatten();
    let subscription = app.hub.subscription(filters(request.uri())?);
    let subscription = subscription
        .replay_last(INITIAL_EVENTS)
        .after(seen.as_ref());
    let events = subscription.subscribe()?;
    Ok(app.streams.respond(&request, events).map(Body::new))
}

fn filters(uri: &Uri) -> Result<TopicFilters, InvalidTopic> {
    let query = uri.query().unwrap_or_default();
    let parameters = form_urlencoded::parse(query.as_bytes());
    let topics = parameters.filter(|(name, _)| name == "topic");
    // Clients choose patterns here, so every client may receive all events.
    TopicFilters::from_patterns(topics.map(|(_, value)| value))
}

async fn publish(
    State(app): State<App>,
    Path(topic): Path<String>,
    data: String,
) -> Result<String> {
    let topic = Topic::new(topic)?;
    let id = app.hub.publish((topic, Event::new(data))).await?;
    Ok(format!("{id}\n"))
}
