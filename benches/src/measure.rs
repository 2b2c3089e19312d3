//! Measurement of times on a machine that is shared with other programs.
//!
//! All contenders are sampled in turn and repeatedly, so that a slow moment of the machine affects each of them. A
//! sample consists of as many passes as take about a millisecond. This is short enough that many samples are not
//! interrupted. The result of a contender is the 20th percentile of its samples, because interruptions only add
//! time.

use std::time::{Duration, Instant};

/// Target duration of a sample.
const SAMPLE: Duration = Duration::from_millis(1);

/// Minimum number of samples for each contender.
const MIN_SAMPLES: usize = 3;

/// Operation that can be repeated.
pub struct Contender<'a> {
    /// Runs the operation once and returns the time that counts.
    pass: Box<dyn FnMut() -> Duration + 'a>,
    /// Number of passes in a sample.
    passes: u32,
    /// Time of a pass in each sample, in nanoseconds.
    samples: Vec<f64>,
    /// Time of all samples.
    spent: Duration,
}

impl<'a> Contender<'a> {
    /// Creates a contender for which the whole time of `pass` counts.
    pub fn new(mut pass: impl FnMut() + 'a) -> Self {
        Self::timed(move || {
            let start = Instant::now();
            pass();
            start.elapsed()
        })
    }

    /// Creates a contender for which the time that `pass` returns counts.
    pub fn timed(pass: impl FnMut() -> Duration + 'a) -> Self {
        Self {
            pass: Box::new(pass),
            passes: 1,
            samples: Vec::new(),
            spent: Duration::ZERO,
        }
    }

    /// Warms up, and determines the number of passes in a sample.
    fn calibrate(&mut self) {
        let first = (self.pass)();
        if first > 10 * SAMPLE {
            return;
        }
        let pass = (self.pass)().min(first).as_nanos().max(1);
        let passes = (SAMPLE.as_nanos() / pass).clamp(1, 10_000);
        self.passes = u32::try_from(passes).unwrap_or(1);
    }

    fn sample(&mut self) {
        let start = Instant::now();
        let time: Duration = (0..self.passes).map(|_| (self.pass)()).sum();
        self.samples
            .push(time.as_nanos() as f64 / f64::from(self.passes));
        self.spent += start.elapsed();
    }

    /// Returns the time of a pass.
    fn reading(mut self) -> f64 {
        self.samples.sort_by(f64::total_cmp);
        self.samples[self.samples.len() / 5]
    }
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender")
            .field("passes", &self.passes)
            .field("samples", &self.samples.len())
            .finish_non_exhaustive()
    }
}

/// Returns the time of a pass of each contender, in nanoseconds. `budget` is the approximate time of the
/// measurement.
pub fn interleaved(mut contenders: Vec<Contender<'_>>, budget: Duration) -> Vec<f64> {
    let start = Instant::now();
    contenders.iter_mut().for_each(Contender::calibrate);
    // A slow contender may take more than its share, but not all of the budget.
    let share = 2 * budget / u32::try_from(contenders.len().max(1)).unwrap_or(u32::MAX);
    let mut round = 0;
    while round < MIN_SAMPLES || start.elapsed() < budget {
        for contender in &mut contenders {
            if round < MIN_SAMPLES || contender.spent < share {
                contender.sample();
            }
        }
        round += 1;
    }
    contenders.into_iter().map(Contender::reading).collect()
}
