//! Options for the retention of events.

use core::time::Duration;

use clap::Args;
use sse_hub::Retention;

use crate::seconds;

#[derive(Args)]
pub(crate) struct Keep {
    /// Maximum number of events that are kept for subscribers that reconnect; at least the newest is kept.
    #[arg(
        long,
        value_name = "N",
        env = "SSE_HUB_KEEP_EVENTS",
        default_value_t = Retention::new().events
    )]
    keep_events: usize,
    /// Maximum number of bytes of the events that are kept.
    #[arg(
        long,
        value_name = "BYTES",
        env = "SSE_HUB_KEEP_BYTES",
        default_value_t = Retention::new().bytes
    )]
    keep_bytes: usize,
    /// Number of newest events of each topic that are kept even while other topics are busy. They take at most half of
    /// --keep-bytes. 0 switches this off.
    #[arg(
        long,
        value_name = "N",
        env = "SSE_HUB_KEEP_PER_TOPIC",
        default_value_t = Retention::new().events_per_topic
    )]
    keep_per_topic: usize,
    /// Maximum age of an event that is replayed; by default, any.
    #[arg(long, value_name = "SECONDS", env = "SSE_HUB_KEEP_FOR", value_parser = seconds::parse)]
    keep_for: Option<Duration>,
}

impl Keep {
    pub(crate) fn retention(&self) -> Retention {
        let retention = Retention::new()
            .events(self.keep_events)
            .bytes(self.keep_bytes)
            .events_per_topic(self.keep_per_topic);
        match self.keep_for {
            Some(age) => retention.age(age),
            None => retention,
        }
    }
}
