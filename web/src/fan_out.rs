//! From one log to many streams, counted.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use sse_hyper::{Event, EventType, Streams};
use tokio::time::interval;

use crate::log::EventLog;

/// How often a page gets the counters.
const TICK: Duration = Duration::from_secs(1);

/// When a page that lost its connection comes back: soon enough to be watched.
const RECONNECTION_TIME: Duration = Duration::from_secs(1);

/// The log and all who follow it.
#[derive(Clone, Debug)]
pub(crate) struct FanOut {
    log: Arc<EventLog>,
    pub(crate) streams: Streams,
    /// The newest event when the server started.
    start: u64,
    delivered: Arc<AtomicU64>,
}

/// The data of a `server` event.
#[derive(Serialize)]
struct Counters {
    /// Milliseconds since 1970, for pages that want to know how long an event takes.
    now: f64,
    /// The ID of the newest event: what comes up to it on a new connection is a replay.
    newest: u64,
    /// How many streams are open.
    streams: usize,
    /// How many events were published since the server started.
    published: u64,
    /// To how many streams, taken together, those and older ones went.
    delivered: u64,
}

impl FanOut {
    pub(crate) fn new(log: Arc<EventLog>) -> Self {
        Self {
            streams: Streams::default(),
            start: log.newest(),
            delivered: Arc::default(),
            log,
        }
    }

    /// All events after this one.
    pub(crate) fn events(&self, seen: Option<u64>) -> impl Stream<Item = Event> + Send + use<> {
        let delivered = Arc::clone(&self.delivered);
        let events = Arc::clone(&self.log).subscribe(seen);
        events.inspect(move |_| {
            delivered.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// The same for a page: first of all, and then each second, a `server` event with the counters.
    /// It has no ID, for it is not one to go on from.
    pub(crate) fn events_and_counters(
        &self,
        seen: Option<u64>,
    ) -> impl Stream<Item = Event> + Send + use<> {
        let events = self.events(seen);
        let this = self.clone();
        let first = stream::once(async move { this.counters().with_retry(RECONNECTION_TIME) });
        let this = self.clone();
        let ticks = stream::unfold(interval(TICK), move |mut ticks| {
            let this = this.clone();
            async move {
                ticks.tick().await;
                Some((this.counters(), ticks))
            }
        });
        first.chain(stream::select(events, ticks))
    }

    fn counters(&self) -> Event {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let newest = self.log.newest();
        let counters = Counters {
            now: now.unwrap_or_default().as_secs_f64() * 1000.0,
            newest,
            streams: self.streams.open(),
            published: newest - self.start,
            delivered: self.delivered.load(Ordering::Relaxed),
        };
        // Plain numbers cannot fail to be JSON, nor is there a line end in the type.
        let event = Event::new(serde_json::to_string(&counters).unwrap_or_default());
        match EventType::new("server") {
            Ok(event_type) => event.with_type(event_type),
            Err(_) => event,
        }
    }
}
