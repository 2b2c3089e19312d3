//! What the programs that print tables are asked for.

use clap::{Args, ValueEnum};

/// How thoroughly is measured, and who.
#[derive(Clone, Debug, Args)]
pub struct Asked<T: ValueEnum + Send + Sync + 'static> {
    /// In a fraction of the time, less exact.
    #[arg(long, conflicts_with = "smoke")]
    quick: bool,
    /// Some seconds with little of everything: only to see that it runs.
    #[arg(long)]
    smoke: bool,
    /// Only these.
    #[arg(long)]
    only: Vec<T>,
}

/// How thoroughly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Only to see that everything runs.
    Smoke,
    /// Less exact.
    Quick,
    /// As the tables in the README are made.
    Whole,
}

impl<T: ValueEnum + Copy + PartialEq + Send + Sync + 'static> Asked<T> {
    /// How thoroughly.
    pub fn effort(&self) -> Effort {
        match (self.smoke, self.quick) {
            (true, _) => Effort::Smoke,
            (_, true) => Effort::Quick,
            _ => Effort::Whole,
        }
    }

    /// Whether this one is asked for.
    pub fn wants(&self, one: T) -> bool {
        self.only.is_empty() || self.only.contains(&one)
    }

    /// Those of them that are asked for.
    pub fn of(&self, all: &[T]) -> Vec<T> {
        all.iter().copied().filter(|it| self.wants(*it)).collect()
    }
}
