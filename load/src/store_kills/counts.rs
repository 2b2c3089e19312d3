//! Counters of publishers and subscribers.

use core::fmt;

use crate::soak::counts::Count;

#[derive(Debug, Default)]
pub(super) struct Stats {
    /// Connections of publishers that the hub did not accept, because it was not running.
    pub(super) refused: Count,
    /// Events whose response was cut.
    pub(super) cut: Count,
    /// Events that the hub answered with 503.
    pub(super) unavailable: Count,
    /// Connections of subscribers.
    pub(super) connections: Count,
    /// Connections that a subscriber ended.
    pub(super) left: Count,
    /// Absences of subscribers until the hub had the missed events no more in memory.
    pub(super) late: Count,
    /// `lagged` events.
    pub(super) lagged: Count,
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            refused,
            cut,
            unavailable,
            connections,
            left,
            late,
            lagged,
        } = self;
        write!(
            f,
            "publishers: {cut} responses cut, {unavailable} with 503, {refused} connections refused; \
             subscribers: {connections} connections, {left} closed by subscribers, {late} long absences, \
             {lagged} too slow"
        )
    }
}
