use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Snapshot of a hub's counters since it was created, from [`Hub::stats`](crate::Hub::stats).
///
/// Export it with any metrics library. `sse hub` of sse-cli serves it to Prometheus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Number of open subscriptions.
    pub subscribers: usize,
    /// Number of events that were published, on this or another machine.
    pub published: u64,
    /// Number of events that subscribers took. An event counts once for each subscriber.
    pub delivered: u64,
    /// Number of delivered events that were published before their subscriber subscribed.
    pub replayed: u64,
    /// Number of events that subscribers missed because they were too slow.
    pub dropped: u64,
    /// Number of times that a subscriber was too slow.
    pub lagged: u64,
    /// Distribution of the number of events by which these subscribers were behind.
    pub lag: LagHistogram,
    /// Number of times that a subscriber was reset, because it could not resume after its last event.
    pub resets: u64,
    /// Number of times that a subscriber was reset because the backend refused the replay.
    pub failed_replays: u64,
    /// Number of events from the backend that [may not be published](crate::Hub::check) and were skipped. An event
    /// counts each time that it is read.
    pub refused: u64,
}

/// Histogram of the number of events by which slow subscribers were behind, as [`Stats::lag`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LagHistogram {
    /// Number of subscribers that were behind by at most this many events, for each of the
    /// [`BOUNDS`](Self::BOUNDS).
    pub buckets: [u64; Self::BOUNDS.len()],
    /// Number of subscribers that were too slow.
    pub count: u64,
    /// Sum of the number of events by which they were behind.
    pub sum: u64,
}

impl LagHistogram {
    /// Upper bounds of the buckets, in events, each inclusive.
    pub const BOUNDS: [u64; 6] = [1, 10, 100, 1_000, 10_000, 100_000];
}

/// Live counters of a hub.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    subscribers: AtomicUsize,
    published: AtomicU64,
    delivered: AtomicU64,
    replayed: AtomicU64,
    dropped: AtomicU64,
    lagged: AtomicU64,
    lag_buckets: [AtomicU64; LagHistogram::BOUNDS.len()],
    lag_sum: AtomicU64,
    resets: AtomicU64,
    failed_replays: AtomicU64,
    refused: AtomicU64,
}

impl Counters {
    /// Returns the current values.
    pub(crate) fn snapshot(&self) -> Stats {
        let lagged = self.lagged.load(Relaxed);
        Stats {
            subscribers: self.subscribers.load(Relaxed),
            published: self.published.load(Relaxed),
            delivered: self.delivered.load(Relaxed),
            replayed: self.replayed.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            lagged,
            lag: LagHistogram {
                buckets: self.lag_buckets.each_ref().map(|count| count.load(Relaxed)),
                count: lagged,
                sum: self.lag_sum.load(Relaxed),
            },
            resets: self.resets.load(Relaxed),
            failed_replays: self.failed_replays.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }

    /// Counts a new subscriber, unless there are `max` already. Returns whether it was counted.
    pub(crate) fn acquire(&self, max: usize) -> bool {
        let more = |count| (count < max).then_some(count + 1);
        self.subscribers
            .fetch_update(Relaxed, Relaxed, more)
            .is_ok()
    }

    /// Counts a subscriber that unsubscribes.
    pub(crate) fn release(&self) {
        self.subscribers.fetch_sub(1, Relaxed);
    }

    pub(crate) fn published(&self) {
        self.published.fetch_add(1, Relaxed);
    }

    pub(crate) fn delivered(&self, events: u64) {
        self.delivered.fetch_add(events, Relaxed);
    }

    pub(crate) fn replayed(&self, events: u64) {
        self.replayed.fetch_add(events, Relaxed);
    }

    /// Counts a subscriber that is too slow: it is `behind` events behind, and misses `dropped` of them.
    pub(crate) fn lagged(&self, behind: u64, dropped: u64) {
        self.lagged.fetch_add(1, Relaxed);
        self.dropped.fetch_add(dropped, Relaxed);
        self.lag_sum.fetch_add(behind, Relaxed);
        for (bound, bucket) in LagHistogram::BOUNDS.iter().zip(&self.lag_buckets) {
            if behind <= *bound {
                bucket.fetch_add(1, Relaxed);
            }
        }
    }

    pub(crate) fn reset(&self) {
        self.resets.fetch_add(1, Relaxed);
    }

    pub(crate) fn failed_replay(&self) {
        self.failed_replays.fetch_add(1, Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }
}
