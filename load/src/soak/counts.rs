//! How often what was done.

use std::fmt;

use crate::count::Count;

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
