//! Timers of streams.

use core::cmp::Reverse;
use std::{collections::BinaryHeap, time::Instant};

use crate::stream_slab::StreamSlab;

/// Number of timers whose memory is reserved: more than 32 MiB, for the reason that is told at `SEGMENT` of the streams.
const RESERVED: usize = (32 << 20) / size_of::<Timer>() + 1;

/// Time at which a stream gets a turn.
type Timer = Reverse<(Instant, usize)>;

/// Times at which streams get a turn, the next one first.
//
// A heap takes less memory than a timer wheel, and its first entry is the timeout of the event loop. It changes about
// once per keep-alive interval of a stream, not for each event.
#[derive(Debug, Default)]
pub(crate) struct Timers(BinaryHeap<Timer>);

impl Timers {
    /// Sets the timer of a stream. An earlier one of the same stream has no effect any more.
    pub(crate) fn insert(&mut self, at: Instant, key: usize, streams: &mut StreamSlab) {
        if self.0.capacity() == 0 {
            self.0.reserve_exact(RESERVED);
        }
        // Timers that have no effect are removed before they take more memory than the others.
        if self.0.len() > 2 * streams.len() + 64 {
            self.0
                .retain(|Reverse((at, key))| streams.has_timer(*key, *at));
        }
        self.0.push(Reverse((at, key)));
    }

    /// Returns the time of the next timer. It may be one that has no effect any more.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Removes a timer that has expired, and returns its time and the key of its stream.
    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<(Instant, usize)> {
        let expired = self.next().is_some_and(|at| at <= now);
        let Reverse(timer) = expired.then(|| self.0.pop()).flatten()?;
        Some(timer)
    }

    /// Removes all timers, and returns their memory.
    pub(crate) fn clear(&mut self) {
        self.0 = BinaryHeap::new();
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn timers_expire_in_order() {
        let (mut timers, mut streams) = (Timers::default(), StreamSlab::default());
        let start = Instant::now();
        for (key, seconds) in [(1, 3), (2, 1), (3, 2)] {
            timers.insert(start + Duration::from_secs(seconds), key, &mut streams);
        }
        assert_eq!(timers.next(), Some(start + Duration::from_secs(1)));
        assert_eq!(timers.pop_expired(start), None);
        let now = start + Duration::from_secs(2);
        let expired: Vec<_> = core::iter::from_fn(|| timers.pop_expired(now)).collect();
        assert_eq!(
            expired.iter().map(|(_, key)| *key).collect::<Vec<_>>(),
            [2, 3]
        );
    }

    #[test]
    fn timers_without_a_stream_do_not_pile_up() {
        let (mut timers, mut streams) = (Timers::default(), StreamSlab::default());
        for key in 0..10_000 {
            timers.insert(Instant::now(), key, &mut streams);
        }
        assert!(timers.0.len() < 100, "{}", timers.0.len());
    }
}
