use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// Stats of a hub since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Number of open subscriptions.
    pub subscribers: usize,
    /// Number of events that were published, on this or another machine.
    pub published: u64,
    /// Number of events that subscribers took. An event counts once for each subscriber.
    pub delivered: u64,
    /// Number of delivered events that were published before the subscriber came.
    pub replayed: u64,
    /// Number of events that subscribers missed because they were too slow.
    pub dropped: u64,
    /// Number of times that a subscriber was too slow.
    pub lagged: u64,
    /// Number of times that a subscriber was reset, because it could not resume after its last event.
    pub resets: u64,
    /// Number of times that a subscriber was reset because the backend refused the replay.
    pub failed_replays: u64,
    /// Number of events from the backend that [may not be published](crate::Hub::check) and were skipped. An event
    /// counts each time that it is read.
    pub refused: u64,
}

/// Live counters of a hub, which also update the metrics of the crate `metrics`.
#[derive(Debug)]
pub(crate) struct Counters {
    subscribers: AtomicUsize,
    published: AtomicU64,
    delivered: AtomicU64,
    replayed: AtomicU64,
    dropped: AtomicU64,
    lagged: AtomicU64,
    resets: AtomicU64,
    failed_replays: AtomicU64,
    refused: AtomicU64,
    metrics: Metrics,
}

/// Metrics of the recorder that was installed when the hub was created.
struct Metrics {
    subscribers: Gauge,
    published: Counter,
    delivered: Counter,
    replayed: Counter,
    dropped: Counter,
    lagged: Counter,
    resets: Counter,
    failed_replays: Counter,
    refused: Counter,
    lag: Histogram,
    connected: Gauge,
}

impl Counters {
    pub(crate) fn new() -> Self {
        describe();
        Self {
            subscribers: AtomicUsize::new(0),
            published: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            replayed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            lagged: AtomicU64::new(0),
            resets: AtomicU64::new(0),
            failed_replays: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            metrics: Metrics {
                subscribers: gauge!("sse_hub_subscribers"),
                published: counter!("sse_hub_published_total"),
                delivered: counter!("sse_hub_delivered_total"),
                replayed: counter!("sse_hub_replayed_total"),
                dropped: counter!("sse_hub_dropped_total"),
                lagged: counter!("sse_hub_lagged_total"),
                resets: counter!("sse_hub_resets_total"),
                failed_replays: counter!("sse_hub_failed_replays_total"),
                refused: counter!("sse_hub_refused_total"),
                lag: histogram!("sse_hub_lag_events"),
                connected: gauge!("sse_hub_backend_connected"),
            },
        }
    }

    /// Returns the current values.
    pub(crate) fn now(&self) -> Stats {
        Stats {
            subscribers: self.subscribers.load(Relaxed),
            published: self.published.load(Relaxed),
            delivered: self.delivered.load(Relaxed),
            replayed: self.replayed.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            lagged: self.lagged.load(Relaxed),
            resets: self.resets.load(Relaxed),
            failed_replays: self.failed_replays.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }

    /// Stats a new subscriber, unless there are `max` already. Returns whether it was counted.
    pub(crate) fn acquire(&self, max: usize) -> bool {
        let more = |count| (count < max).then_some(count + 1);
        let came = self
            .subscribers
            .fetch_update(Relaxed, Relaxed, more)
            .is_ok();
        if came {
            self.metrics.subscribers.increment(1);
        }
        came
    }

    /// Stats a subscriber that leaves.
    pub(crate) fn release(&self) {
        self.subscribers.fetch_sub(1, Relaxed);
        self.metrics.subscribers.decrement(1);
    }

    pub(crate) fn published(&self) {
        self.published.fetch_add(1, Relaxed);
        self.metrics.published.increment(1);
    }

    pub(crate) fn delivered(&self, events: u64) {
        self.delivered.fetch_add(events, Relaxed);
        self.metrics.delivered.increment(events);
    }

    pub(crate) fn replayed(&self, events: u64) {
        self.replayed.fetch_add(events, Relaxed);
        self.metrics.replayed.increment(events);
    }

    /// Stats a subscriber that is too slow: it is `behind` events behind, and misses `dropped` of them.
    pub(crate) fn lagged(&self, behind: u64, dropped: u64) {
        self.lagged.fetch_add(1, Relaxed);
        self.dropped.fetch_add(dropped, Relaxed);
        self.metrics.lagged.increment(1);
        self.metrics.dropped.increment(dropped);
        self.metrics.lag.record(behind as f64);
    }

    pub(crate) fn reset(&self) {
        self.resets.fetch_add(1, Relaxed);
        self.metrics.resets.increment(1);
    }

    pub(crate) fn failed_replay(&self) {
        self.failed_replays.fetch_add(1, Relaxed);
        self.metrics.failed_replays.increment(1);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
        self.metrics.refused.increment(1);
    }

    pub(crate) fn connected(&self, is_connected: bool) {
        self.metrics
            .connected
            .set(f64::from(u8::from(is_connected)));
    }
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};

    describe_gauge!("sse_hub_subscribers", "Open subscriptions");
    describe_counter!("sse_hub_published_total", "Events published");
    describe_counter!(
        "sse_hub_delivered_total",
        "Events taken by subscribers, counted once for each subscriber"
    );
    describe_counter!(
        "sse_hub_replayed_total",
        "Delivered events that were published before the subscriber came"
    );
    describe_counter!(
        "sse_hub_dropped_total",
        "Events that subscribers missed because they were too slow"
    );
    describe_counter!("sse_hub_lagged_total", "Times a subscriber was too slow");
    describe_counter!(
        "sse_hub_resets_total",
        "Subscribers that could not resume after their last event"
    );
    describe_counter!(
        "sse_hub_failed_replays_total",
        "Subscribers that were reset because the backend refused a replay"
    );
    describe_counter!(
        "sse_hub_refused_total",
        "Events from the backend that may not be published, counted each time that they are read"
    );
    describe_histogram!(
        "sse_hub_lag_events",
        "Number of events by which slow subscribers were behind"
    );
    describe_gauge!(
        "sse_hub_backend_connected",
        "1 if the backend is connected, 0 if not"
    );
}

impl core::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
