//! Counters that tasks and threads share, and those of all clients.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

/// Counter that starts at 0.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Adds 1.
    pub(crate) fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.load(Ordering::Relaxed).fmt(f)
    }
}

/// Counters of all clients together.
#[derive(Debug, Default)]
pub(super) struct Stats {
    pub(super) connections: Count,
    pub(super) events: Count,
    pub(super) ended: Count,
    pub(super) closed: Count,
    pub(super) reset: Count,
    pub(super) stalls: Count,
    pub(super) resumed: Count,
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            connections,
            events,
            ended,
            closed,
            reset,
            stalls,
            resumed,
        } = self;
        write!(
            f,
            "{events} events in {connections} connections: {ended} read to the end, {closed} closed \
             by FIN, {reset} by RST, {stalls} stalled, {resumed} resumed"
        )
    }
}
