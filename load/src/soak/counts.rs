//! How often what was done.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

/// What all clients have done together.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) connections: Count,
    pub(super) events: Count,
    pub(super) ended: Count,
    pub(super) closed: Count,
    pub(super) reset: Count,
    pub(super) stalls: Count,
    pub(super) resumed: Count,
}

/// One number.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.load(Ordering::Relaxed).fmt(f)
    }
}

impl fmt::Display for Counts {
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
            "{events} events in {connections} connections, of which {ended} read to the end, \
             {closed} left by FIN, {reset} left by RST, {stalls} stalled, {resumed} resumed"
        )
    }
}
