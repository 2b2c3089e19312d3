use core::time::Duration;

use super::{Reason, Settings};
use crate::Item;

/// A stream that breaks after this time is no sign of a server in trouble, whatever its delay is.
const LONG_LIFE: Duration = Duration::from_secs(60);

/// Number of delays that a stream has to live if it breaks. If it ends in order, one is enough: the client is then
/// connected for half of the time.
const DELAYS_BEFORE_BREAK: u32 = 8;

/// How long to wait before the next attempt.
#[derive(Debug)]
pub(super) struct Backoff {
    pub(super) reconnection_time: Duration,
    /// The attempts since something last came.
    pub(super) failures: u32,
    chance: u64,
}

impl Backoff {
    pub(super) fn new(seed: u64, reconnection_time: Duration) -> Self {
        Self {
            reconnection_time,
            failures: 0,
            chance: seed,
        }
    }

    /// An event came, so the last attempt was a success. A connection that only opens is none, nor is one
    /// that only says so in a comment, or a server that accepts and then drops its clients would have them
    /// all back at once.
    pub(super) fn on_item<T, I>(&mut self, item: Option<&Item<T, I>>) {
        match item {
            Some(Item::Retry(time)) => self.reconnection_time = *time,
            Some(Item::Event(_)) => self.on_success(),
            Some(Item::Comment(_)) | None => {}
        }
    }

    pub(super) fn on_success(&mut self) {
        self.failures = 0;
    }

    /// A stream ended that was open for this time. Without an event, that was a success if it lived long for its
    /// delay: a quiet stream that a proxy ends now and then is no failure.
    pub(super) fn on_end(&mut self, lived: Duration, reason: Reason, settings: &Settings) {
        let base = self.base(settings);
        let is_success = match reason {
            Reason::End | Reason::Truncated => lived >= base,
            _ => lived >= base.saturating_mul(DELAYS_BEFORE_BREAK).min(LONG_LIFE),
        };
        if is_success {
            self.on_success();
        }
    }

    /// The delay without failures and chance.
    fn base(&self, settings: &Settings) -> Duration {
        self.reconnection_time
            .clamp(settings.floor, settings.ceiling)
    }

    /// The delay behind an attempt: the reconnection time, doubled for each that failed before in a
    /// row, and up to a quarter more by chance, unless the settings leave that out.
    pub(super) fn delay(&mut self, settings: &Settings) -> Duration {
        let base = self.base(settings);
        let doubled = base.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        let wait = doubled.min(settings.backoff_limit.max(base));
        self.failures = self.failures.saturating_add(1);
        let more = match settings.delays_by_chance {
            true => wait / (4 * 255) * self.draw(),
            false => Duration::ZERO,
        };
        wait.saturating_add(more).min(settings.ceiling)
    }

    /// A number from 0 to 255, the same ones for the same seed: `SplitMix64`.
    fn draw(&mut self) -> u32 {
        self.chance = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.chance;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits >> 56) as u32
    }
}
