//! Options that apply to all streams.

use core::time::Duration;

use clap::{Args, builder::BoolishValueParser};
use sse_hyper::{Event, KeepAlive, StreamConfig};

use crate::seconds;

/// Type of the event that `--ping` sends.
pub(crate) const PING_TYPE: &str = "ping";

#[derive(Args)]
pub(crate) struct StreamOptions {
    /// Send a comment to a stream that was idle for this time, so that proxies keep its connection.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SSE_HUB_KEEP_ALIVE",
        value_parser = seconds::parse,
        default_value = "15"
    )]
    keep_alive: Duration,

    /// Send an event of the type `ping` instead of the comment, because scripts in browsers cannot see comments.
    /// Publishers then cannot use this type.
    #[arg(long, env = "SSE_HUB_PING", value_parser = BoolishValueParser::new())]
    pub(crate) ping: bool,

    /// End each stream after a random time between 80% and 100% of this one, so that clients spread over the servers
    /// again; by default, streams do not end.
    #[arg(long, value_name = "SECONDS", env = "SSE_HUB_MAX_AGE", value_parser = seconds::parse)]
    max_age: Option<Duration>,

    /// Minimum reconnection time that each stream begins with, in the block of its first event. It is random, up to
    /// twice this time, so that clients do not all reconnect at once after a crash.
    #[arg(
        long,
        value_name = "SECONDS",
        env = "SSE_HUB_RETRY",
        value_parser = seconds::parse,
        default_value = "2"
    )]
    retry: Duration,
}

impl StreamOptions {
    pub(crate) fn config(&self) -> StreamConfig {
        let mut keep_alive = KeepAlive::new().interval(self.keep_alive);
        if self.ping {
            keep_alive = keep_alive.event(&Event::new("{}"));
        }
        let config = StreamConfig::default()
            .keep_alive(keep_alive)
            .reconnection_time_range(self.retry..=self.retry.saturating_mul(2));
        match self.max_age {
            Some(age) => config.max_age(age / 5 * 4..=age),
            None => config,
        }
    }
}
