//! Samples, and which of them counts.

use std::time::Duration;

/// How many events there were for each second that a process ran, again and again.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    rates: Vec<f64>,
    all: Duration,
    ran: Duration,
}

impl Samples {
    /// Adds a sample: so many events, while of all the time the process ran for this long.
    pub fn add(&mut self, events: f64, ran: Duration, all: Duration) {
        self.rates.push(events / ran.as_secs_f64());
        self.ran += ran;
        self.all += all;
    }

    /// Adds the samples of others.
    pub fn append(&mut self, more: Self) {
        self.rates.extend(more.rates);
        self.ran += more.ran;
        self.all += more.all;
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rates.len()
    }

    /// Events for each second that the process runs: of all samples the one that a fifth are faster
    /// than, since interruptions only ever add time.
    pub fn rate(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(|a, b| f64::total_cmp(b, a));
        rates.get(rates.len() / 5).copied().unwrap_or(f64::NAN)
    }

    /// For what share of the time the process ran.
    pub fn ran(&self) -> f64 {
        self.ran.as_secs_f64() / self.all.as_secs_f64()
    }
}

/// The one in the middle.
pub(crate) fn median<T: Copy + Default + Ord>(samples: impl Iterator<Item = T>) -> T {
    let mut samples: Vec<T> = samples.collect();
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}
