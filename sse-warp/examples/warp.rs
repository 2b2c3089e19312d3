//! Server of events on warp that pages of other origins can read:
//!
//! ```text
//! cargo run -p sse-warp --example warp
//! curl -N 127.0.0.1:8080/events
//! ```
//!
//! curl prints an event each second. A client that reconnects with `Last-Event-ID: 7`, or with
//! `?lastEventId=7`, gets the eighth event next. Ctrl-C ends all streams, and then the server.

use std::{env, io, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use sse_warp::{CloseEvent, Event, EventId, EventStreamRequest, StreamTracker};
use tokio::{net::TcpListener, signal::ctrl_c, time::sleep};
use warp::Filter;

/// Time for which the shutdown waits for clients that have stopped reading.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or("8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    eprintln!("http://127.0.0.1:{port}/events");
    let tracker = StreamTracker::default();
    let cors = warp::cors()
        .allow_any_origin()
        .allow_header("last-event-id");
    let events = warp::path!("events")
        .and(warp::get().or(warp::head()).unify())
        .and(sse_warp::request_with(tracker.clone()))
        .map(|sse: EventStreamRequest| {
            let seen = sse.last_event_id_or_query("lastEventId");
            sse.respond(seconds(seen.unwrap_or(0)))
        })
        .with(cors);
    // The random reconnection times spread the clients.
    let close_event = CloseEvent::new(Event::new("back soon"))
        .with_retry(Duration::from_secs(1)..=Duration::from_secs(10));
    let server = warp::serve(events)
        .incoming(listener)
        .graceful(tracker.close_on(ctrl_c(), close_event));
    tracker.run_server(server.run(), SHUTDOWN_TIMEOUT).await;
    Ok(())
}

/// Returns a stream of one event each second, from the one after the last that the client saw.
fn seconds(seen: u64) -> impl Stream<Item = Event> + Send {
    let numbers = stream::iter(seen.saturating_add(1)..=u64::MAX);
    numbers.then(async |n| {
        sleep(Duration::from_secs(1)).await;
        Event::new(format!("second {n}")).with_id(EventId::from(n))
    })
}
