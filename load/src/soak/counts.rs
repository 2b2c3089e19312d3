//! Statistics of the clients.

use std::fmt;

use crate::count::Count;

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
