//! Arguments of the programs that print tables.

use clap::{Args, ValueEnum};

/// Effort of a run, and the selected participants.
#[derive(Clone, Debug, Args)]
pub struct RunOptions<T: ValueEnum + Send + Sync + 'static> {
    /// Measure for a shorter time, with less exact results.
    #[arg(long, conflicts_with = "smoke")]
    quick: bool,
    /// Run everything for some seconds, only to check that it works.
    #[arg(long)]
    smoke: bool,
    /// Measure only this participant. Can be repeated.
    #[arg(long)]
    only: Vec<T>,
}

/// Effort of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Some seconds, only to check that everything works.
    Smoke,
    /// A shorter time, with less exact results.
    Quick,
    /// The full time, for the tables in the README.
    Full,
}

impl<T: ValueEnum + Copy + PartialEq + Send + Sync + 'static> RunOptions<T> {
    /// Returns the effort of the run.
    pub fn effort(&self) -> Effort {
        match (self.smoke, self.quick) {
            (true, _) => Effort::Smoke,
            (_, true) => Effort::Quick,
            _ => Effort::Full,
        }
    }

    /// Returns true if this participant is selected.
    pub fn wants(&self, one: T) -> bool {
        self.only.is_empty() || self.only.contains(&one)
    }

    /// Returns the selected ones of these participants.
    pub fn of(&self, all: &[T]) -> Vec<T> {
        all.iter()
            .copied()
            .filter(|participant| self.wants(*participant))
            .collect()
    }
}
