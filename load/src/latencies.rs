//! How long events take from being published to being read.
//!
//! Whoever publishes notes when, and whoever subscribes notes when which event came. The two meet only
//! when all is over, so that the text of an event needs no time in it, and nobody has to look for one.

use std::ops::Range;

use anyhow::{Result, ensure};

use crate::machine;

/// When each event has come, to each subscriber.
#[derive(Debug)]
pub struct Arrivals {
    /// For each event, the times in nanoseconds.
    times: Vec<Vec<u64>>,
}

impl Arrivals {
    /// Room for this many events that come to this many.
    pub(crate) fn of(events: usize, subscribers: usize) -> Self {
        Self {
            times: (0..events)
                .map(|_| Vec::with_capacity(subscribers))
                .collect(),
        }
    }

    /// These have come to one of them, now. What was not expected does not count.
    pub(crate) fn add(&mut self, events: Range<usize>) {
        if !events.is_empty() {
            let now = machine::nanoseconds();
            for times in self.times.iter_mut().take(events.end).skip(events.start) {
                times.push(now);
            }
        }
    }
}

/// The latencies of all deliveries.
#[derive(Debug, Default)]
pub struct Latencies {
    nanoseconds: Vec<u64>,
}

impl Latencies {
    /// Adds those of events that were published at these times.
    ///
    /// # Errors
    ///
    /// If there are more events than times, or less.
    pub fn add(
        &mut self,
        arrivals: &Arrivals,
        published: impl IntoIterator<Item = u64>,
    ) -> Result<()> {
        let published: Vec<u64> = published.into_iter().collect();
        let (events, times) = (arrivals.times.len(), published.len());
        ensure!(events == times, "{events} events at {times} times");
        for (arrivals, published) in arrivals.times.iter().zip(published) {
            let latencies = arrivals.iter().map(|it| it.saturating_sub(published));
            self.nanoseconds.extend(latencies);
        }
        self.nanoseconds.sort_unstable();
        Ok(())
    }

    /// What this many of a hundred deliveries took at most, in nanoseconds.
    pub fn of(&self, percent: usize) -> u64 {
        let count = self.nanoseconds.len();
        let index = (count * percent).div_ceil(100).saturating_sub(1);
        self.nanoseconds.get(index).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Arrivals, Latencies};

    #[test]
    fn latencies_are_those_of_all_deliveries() {
        let arrivals = Arrivals {
            times: vec![(1..=99).map(|it| 1000 + it).collect(), vec![5000]],
        };
        let mut latencies = Latencies::default();
        assert!(latencies.add(&arrivals, [1000]).is_err());
        latencies.add(&arrivals, [1000, 2000]).expect("as many");
        assert_eq!(latencies.of(50), 50);
        assert_eq!(latencies.of(99), 99);
        assert_eq!(latencies.of(100), 3000);
    }
}
