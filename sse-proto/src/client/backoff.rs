//! Delay between attempts, with backoff and jitter.

use core::time::Duration;

use super::{ClientConfig, DisconnectReason};
use crate::Item;

/// Lifetime after which a broken stream counts as a success, whatever its delay is: the server is not in trouble.
const MIN_LIFETIME: Duration = Duration::from_secs(60);

/// Number of delays that a stream has to last to be a success if it breaks. If it ends in order, one delay is
/// enough: the client is then connected for half of the time.
const DELAYS_BEFORE_BREAK: u32 = 8;

/// Delay before the next attempt.
#[derive(Debug)]
pub(super) struct Backoff {
    pub(super) reconnection_time: Duration,
    /// Number of failed attempts since the last success.
    pub(super) failures: u32,
    random_state: u64,
}

impl Backoff {
    pub(super) fn new(seed: u64, reconnection_time: Duration) -> Self {
        Self {
            reconnection_time,
            failures: 0,
            random_state: seed,
        }
    }

    /// Handles an item. An event means that the last attempt was a success.
    ///
    /// A connection that only opens is not a success, and neither is a comment. Otherwise all clients of a server
    /// that accepts and then drops them would reconnect at once.
    pub(super) fn handle_item<T, I>(&mut self, item: Option<&Item<T, I>>) {
        match item {
            Some(Item::Retry(time)) => self.reconnection_time = *time,
            Some(Item::Event(_)) => self.handle_success(),
            Some(Item::Comment(_)) | None => {}
        }
    }

    pub(super) fn handle_success(&mut self) {
        self.failures = 0;
    }

    /// Handles the end of a stream that was open for this time.
    ///
    /// A stream without an event is a success if it lasted long compared with its delay. For example, a proxy that
    /// ends quiet streams is not a failure.
    pub(super) fn handle_end(
        &mut self,
        lifetime: Duration,
        reason: DisconnectReason,
        config: &ClientConfig,
    ) {
        let base = self.base(config);
        let is_success = match reason {
            DisconnectReason::EndOfStream | DisconnectReason::Truncated => lifetime >= base,
            _ => lifetime >= base.saturating_mul(DELAYS_BEFORE_BREAK).min(MIN_LIFETIME),
        };
        if is_success {
            self.handle_success();
        }
    }

    /// Returns the delay without backoff and jitter.
    fn base(&self, config: &ClientConfig) -> Duration {
        let [min, max] = config.delay_bounds();
        self.reconnection_time.clamp(min, max)
    }

    /// Returns the delay after an attempt: the reconnection time, doubled for each consecutive failed attempt
    /// before. Jitter of up to a quarter is added, unless the configuration turns it off.
    pub(super) fn delay(&mut self, config: &ClientConfig) -> Duration {
        let base = self.base(config);
        let doubled = base.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        let wait = doubled.min(config.max_backoff.max(base));
        self.failures = self.failures.saturating_add(1);
        let jitter = match config.jitter {
            true => wait / (4 * 255) * self.draw(),
            false => Duration::ZERO,
        };
        wait.saturating_add(jitter).min(config.delay_bounds()[1])
    }

    /// Returns a random number from 0 to 255 by `SplitMix64`. The sequence depends only on the seed.
    fn draw(&mut self) -> u32 {
        self.random_state = self.random_state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.random_state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits >> 56) as u32
    }
}
