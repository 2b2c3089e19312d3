//! Statistics of a measurement: rates from samples, and latencies.
//!
//! The publisher records when it publishes, and each subscriber records when it reads each event. The times are
//! compared only at the end. So the text of an event contains no time, and no subscriber has to parse one.

use std::{ops::Range, time::Duration};

use anyhow::{Result, ensure};

use crate::machine;

/// Samples of the number of events per second of processor time.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    rates: Vec<f64>,
    elapsed: Duration,
    cpu_time: Duration,
}

impl Samples {
    /// Adds a sample: the number of events, the processor time `cpu_time`, and the elapsed time `elapsed`.
    pub fn add(&mut self, events: f64, cpu_time: Duration, elapsed: Duration) {
        self.rates.push(events / cpu_time.as_secs_f64());
        self.cpu_time += cpu_time;
        self.elapsed += elapsed;
    }

    /// Adds all samples of another measurement.
    pub fn append(&mut self, more: Self) {
        self.rates.extend(more.rates);
        self.cpu_time += more.cpu_time;
        self.elapsed += more.elapsed;
    }

    /// Returns the number of samples.
    pub fn count(&self) -> usize {
        self.rates.len()
    }

    /// Returns the events per second of processor time.
    ///
    /// The result is the sample that a fifth of all samples are faster than, because interruptions can only add time.
    pub fn rate(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(|a, b| f64::total_cmp(b, a));
        rates.get(rates.len() / 5).copied().unwrap_or(f64::NAN)
    }

    /// Returns the processor time as a share of the elapsed time.
    pub fn cpu_share(&self) -> f64 {
        self.cpu_time.as_secs_f64() / self.elapsed.as_secs_f64()
    }
}

/// Returns the median, or the default if there are no samples.
pub(crate) fn median<T: Copy + Default + Ord>(samples: impl Iterator<Item = T>) -> T {
    let mut samples: Vec<T> = samples.collect();
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}

/// Times at which each subscriber received each event.
#[derive(Debug)]
pub struct Arrivals {
    /// Times in nanoseconds, for each event.
    times: Vec<Vec<u64>>,
}

impl Arrivals {
    /// Allocates space for this number of events and subscribers.
    pub(crate) fn of(events: usize, subscribers: usize) -> Self {
        Self {
            times: (0..events)
                .map(|_| Vec::with_capacity(subscribers))
                .collect(),
        }
    }

    /// Records that one subscriber received these events now. Ignores unexpected events.
    pub(crate) fn add(&mut self, events: Range<usize>) {
        if !events.is_empty() {
            let now = machine::nanoseconds();
            for times in self.times.iter_mut().take(events.end).skip(events.start) {
                times.push(now);
            }
        }
    }
}

/// Latencies of all deliveries.
#[derive(Debug, Default)]
pub struct Latencies {
    nanoseconds: Vec<u64>,
}

impl Latencies {
    /// Adds the latencies of events that were published at these times.
    ///
    /// # Errors
    ///
    /// Returns an error if the number of events is not that of times.
    pub fn add(
        &mut self,
        arrivals: &Arrivals,
        published: impl IntoIterator<Item = u64>,
    ) -> Result<()> {
        let published: Vec<u64> = published.into_iter().collect();
        let (events, times) = (arrivals.times.len(), published.len());
        ensure!(events == times, "{events} events, but {times} times");
        for (arrivals, published) in arrivals.times.iter().zip(published) {
            let latencies = arrivals
                .iter()
                .map(|arrival| arrival.saturating_sub(published));
            self.nanoseconds.extend(latencies);
        }
        self.nanoseconds.sort_unstable();
        Ok(())
    }

    /// Returns this percentile of the latencies, in nanoseconds.
    pub fn of(&self, percent: usize) -> u64 {
        let count = self.nanoseconds.len();
        let index = (count * percent).div_ceil(100).saturating_sub(1);
        self.nanoseconds.get(index).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_those_of_all_deliveries() {
        let arrivals = Arrivals {
            times: vec![
                (1..=99).map(|nanoseconds| 1000 + nanoseconds).collect(),
                vec![5000],
            ],
        };
        let mut latencies = Latencies::default();
        assert!(latencies.add(&arrivals, [1000]).is_err());
        latencies.add(&arrivals, [1000, 2000]).expect("two times");
        assert_eq!(latencies.of(50), 50);
        assert_eq!(latencies.of(99), 99);
        assert_eq!(latencies.of(100), 3000);
    }
}
