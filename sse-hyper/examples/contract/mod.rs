//! Contract that every contract server serves, with any server library:
//!
//! - `/golden`: seven fixed events, 30 ms apart; with `Last-Event-ID: N`, those after N.
//! - `/live?n=K&ms=M&pad=P`: K events, M ms apart, each with P times `x` after its text.
//! - `/echo?data=&event=&id=`: one event from the given strings.
//! - `/stats`: the number of open event streams.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use sse_hyper::{
    CloseEvent, Event, EventId, EventType, InvalidValue, KeepAlive, StreamConfig, StreamTracker,
};
use tokio::signal;

/// Contract server on 127.0.0.1.
#[derive(Parser)]
struct Arguments {
    /// Port to listen on.
    #[arg(long)]
    port: u16,
    /// Interval of keep-alive comments, in milliseconds, instead of the default. 0 turns them off.
    #[arg(long)]
    keep_alive_interval: Option<u64>,
}

/// Returns the address to listen on, with the port from the command line.
pub(crate) fn address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, Arguments::parse().port).into()
}

/// Time for which a server that shuts down waits for clients that have stopped reading. All other clients have their
/// last event by then.
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

/// Responses and state of a contract server.
#[derive(Clone)]
pub(crate) struct Contract {
    pub(crate) tracker: StreamTracker,
}

/// Response that the server library has to send.
pub(crate) enum Answer {
    Events(BoxStream<'static, Event>),
    Json(String),
    BadRequest(String),
    NotFound,
}

impl Contract {
    /// Returns the contract with the keep-alive that the command line sets.
    pub(crate) fn from_arguments() -> Self {
        let config = StreamConfig::default();
        let config = match Arguments::parse().keep_alive_interval {
            None => config,
            Some(0) => config.keep_alive(None),
            Some(interval) => {
                config.keep_alive(KeepAlive::new().interval(Duration::from_millis(interval)))
            }
        };
        Self {
            tracker: StreamTracker::new(config),
        }
    }

    pub(crate) fn answer(&self, path: &str, query: &str, last_event_id: Option<EventId>) -> Answer {
        let query = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let events = match path {
            "/golden" => golden(last_event_id.as_ref()),
            "/live" => live(&query),
            "/echo" => echo(&query),
            "/stats" => {
                let active = self.tracker.open_streams();
                return Answer::Json(format!("{{\"active\": {active}}}"));
            }
            _ => return Answer::NotFound,
        };
        match events {
            Ok(events) => Answer::Events(events),
            Err(reason) => Answer::BadRequest(reason),
        }
    }

    /// Waits for the signal to end, then sends a close event to all clients and ends their streams.
    ///
    /// After that, the server does not have to wait for open streams.
    pub(crate) fn close(&self) -> impl Future<Output = ()> + use<> {
        let spread = Duration::from_millis(500)..=Duration::from_secs(5);
        let event =
            event_type("shutdown").map(|event_type| Event::new("back soon").with_type(event_type));
        let close_event = event.map_or_else(|_| CloseEvent::default(), CloseEvent::new);
        self.tracker
            .close_on(shutdown_signal(), close_event.with_retry(spread))
    }
}

/// Waits for SIGTERM, or for Ctrl-C on systems without signals.
async fn shutdown_signal() {
    #[cfg(unix)]
    match signal::unix::signal(signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => _ = terminate.recv().await,
        Err(error) => eprintln!("no graceful shutdown: {error}"),
    }
    #[cfg(not(unix))]
    if let Err(error) = signal::ctrl_c().await {
        eprintln!("no graceful shutdown: {error}");
    }
}

type Query = HashMap<String, String>;
type Events = Result<BoxStream<'static, Event>, String>;

fn golden(last_event_id: Option<&EventId>) -> Events {
    let events = [
        Event::new("hello").with_retry(Duration::from_millis(500)),
        Event::new("line 1\nline 2").with_type(event_type("update")?),
        Event::new(""),
        Event::new("€豆腐😀"),
        Event::new(" leading space kept"),
        Event::new(r#"{"a":"b: c"}"#),
        Event::new("bye").with_type(event_type("done")?),
    ];
    let seen = match last_event_id {
        None => 0,
        Some(id) => number("Last-Event-ID", id.as_str())?,
    };
    let numbered = (1..)
        .zip(events)
        .map(|(n, event)| event.with_id(EventId::from(n)));
    let rest = numbered.skip(usize::try_from(seen).unwrap_or(usize::MAX));
    Ok(paced(stream::iter(rest), 30).boxed())
}

fn live(query: &Query) -> Events {
    let count = parameter(query, "n", 10)?;
    let pause = parameter(query, "ms", 1000)?;
    let pad = usize::try_from(parameter(query, "pad", 0)?).unwrap_or(usize::MAX);
    if pad > 16 * 1024 * 1024 {
        return Err(format!("pad: {pad} is more than 16 MiB"));
    }
    let numbers = paced(stream::iter(1..=count), pause);
    let events = numbers.map(move |n| {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let text = format!("tick {n} {}{}", now.as_millis(), "x".repeat(pad));
        Event::new(text).with_id(EventId::from(n))
    });
    Ok(events.boxed())
}

fn echo(query: &Query) -> Events {
    let given = |name: &str| query.get(name).filter(|text| !text.is_empty()).cloned();
    let mut event = Event::new(given("data").unwrap_or_default());
    if let Some(text) = given("event") {
        event = event.with_type(event_type(text)?);
    }
    if let Some(text) = given("id") {
        event = event.with_id(EventId::new(text).map_err(reason)?);
    }
    Ok(stream::iter([event]).boxed())
}

/// Adds a pause before each item but the first. With 0 ms, the items come as fast as they are polled.
fn paced<T>(items: impl Stream<Item = T>, milliseconds: u64) -> impl Stream<Item = T> {
    let pause = Duration::from_millis(milliseconds);
    items.enumerate().then(move |(index, item)| async move {
        if index > 0 && !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        item
    })
}

fn parameter(query: &Query, name: &str, default: u64) -> Result<u64, String> {
    query
        .get(name)
        .map_or(Ok(default), |text| number(name, text))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a query parameter may have a sign"
)]
fn number(name: &str, text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|error| format!("{name}: {text:?}: {error}"))
}

fn event_type(text: impl Into<String>) -> Result<EventType, String> {
    EventType::new(text.into()).map_err(reason)
}

fn reason(error: InvalidValue) -> String {
    error.to_string()
}
