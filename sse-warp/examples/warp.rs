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

use futures_util::{FutureExt, Stream, StreamExt, stream};
use sse_warp::{CloseEvent, Event, EventId, StreamTracker};
use tokio::{net::TcpListener, signal, time::sleep};
use warp::{Filter, http::Request, reply};

/// Time for which the shutdown waits for clients that have stopped reading.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> io::Result<()> {
    let port = env::var("PORT").unwrap_or("8080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    eprintln!("http://127.0.0.1:{port}/events");
    let streams = StreamTracker::default();
    let closing = streams.clone();
    let cors = warp::cors()
        .allow_any_origin()
        .allow_header("last-event-id");
    let events = warp::path!("events")
        .and(warp::get().or(warp::head()).unify())
        .and(sse_warp::request())
        .and(sse_warp::last_event_id_or_query("lastEventId"))
        .map(move |request, seen| respond(&streams, &request, seen))
        .with(cors);
    let closed = async move {
        let _ = signal::ctrl_c().await;
        let spread = Duration::from_secs(1)..=Duration::from_secs(10);
        closing.close(CloseEvent::new(Event::new("back soon")).with_retry(spread));
    };
    let closed = closed.shared();
    let server = warp::serve(events)
        .incoming(listener)
        .graceful(closed.clone());
    tokio::select! {
        () = server.run() => {}
        () = closed.then(|()| sleep(SHUTDOWN_TIMEOUT)) => {}
    }
    Ok(())
}

fn respond(
    streams: &StreamTracker,
    request: &Request<()>,
    seen: Option<EventId>,
) -> reply::Response {
    // An ID of another format is ignored: a browser does not reconnect after a status 400.
    let seen = sse_warp::parse_event_id(seen.as_ref()).ok().flatten();
    sse_warp::respond(request, streams.body(ticks(seen.unwrap_or(0))))
}

/// Returns a stream of one event each second. Each event has its number as its ID.
fn ticks(seen: u64) -> impl Stream<Item = Event> + Send {
    let numbers = stream::iter(seen.saturating_add(1)..=u64::MAX);
    numbers.then(async |n| {
        sleep(Duration::from_secs(1)).await;
        Event::new(format!("second {n}")).with_id(EventId::from(n))
    })
}
