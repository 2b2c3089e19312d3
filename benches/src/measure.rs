//! Who takes how long, on a machine that others use too.
//!
//! All contenders are sampled in turn, again and again, so that a slow moment of the machine hits
//! each of them. A sample is as many passes as take about a millisecond: short enough that many
//! are not interrupted at all. Of a contender's samples the one is taken that a fifth are faster
//! than: interruptions only ever add time.

use std::time::{Duration, Instant};

/// How long a sample should take.
const SAMPLE: Duration = Duration::from_millis(1);

/// How many samples a contender has at least.
const FEWEST: usize = 3;

/// Something that can be done again and again.
pub struct Contender<'a> {
    /// Does it once, and says how long the part took that counts.
    pass: Box<dyn FnMut() -> Duration + 'a>,
    /// How many passes make a sample.
    passes: u32,
    /// What a pass took, in nanoseconds, for each sample.
    samples: Vec<f64>,
    /// What all samples took.
    spent: Duration,
}

impl<'a> Contender<'a> {
    /// All of `pass` counts.
    pub fn new(mut pass: impl FnMut() + 'a) -> Self {
        Self::timed(move || {
            let start = Instant::now();
            pass();
            start.elapsed()
        })
    }

    /// Only what `pass` says counts.
    pub fn timed(pass: impl FnMut() -> Duration + 'a) -> Self {
        Self {
            pass: Box::new(pass),
            passes: 1,
            samples: Vec::new(),
            spent: Duration::ZERO,
        }
    }

    /// Warms up, and finds out how many passes make a sample.
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

    /// What a pass takes.
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

/// What a pass of each contender takes, in nanoseconds, found within about this time.
pub fn interleaved(mut contenders: Vec<Contender<'_>>, budget: Duration) -> Vec<f64> {
    let start = Instant::now();
    contenders.iter_mut().for_each(Contender::calibrate);
    // Who is slow may take more than its share, but not all.
    let share = 2 * budget / u32::try_from(contenders.len().max(1)).unwrap_or(u32::MAX);
    let mut round = 0;
    while round < FEWEST || start.elapsed() < budget {
        for contender in &mut contenders {
            if round < FEWEST || contender.spent < share {
                contender.sample();
            }
        }
        round += 1;
    }
    contenders.into_iter().map(Contender::reading).collect()
}
