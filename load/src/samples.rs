//! Samples of a measurement, and the rate that results from them.

use std::time::Duration;

/// Samples of the number of events per second of processor time.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    rates: Vec<f64>,
    all: Duration,
    ran: Duration,
}

impl Samples {
    /// Adds a sample: the number of events, the processor time `ran`, and the elapsed time `all`.
    pub fn add(&mut self, events: f64, ran: Duration, all: Duration) {
        self.rates.push(events / ran.as_secs_f64());
        self.ran += ran;
        self.all += all;
    }

    /// Adds all samples of another measurement.
    pub fn append(&mut self, more: Self) {
        self.rates.extend(more.rates);
        self.ran += more.ran;
        self.all += more.all;
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
    pub fn ran(&self) -> f64 {
        self.ran.as_secs_f64() / self.all.as_secs_f64()
    }
}

/// Returns the median, or the default if there are no samples.
pub(crate) fn median<T: Copy + Default + Ord>(samples: impl Iterator<Item = T>) -> T {
    let mut samples: Vec<T> = samples.collect();
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}
