//! What subscribers that do not read cost those who do.

use anyhow::{Context as _, Result};

use super::paced::{self, Pace, Paced};
use crate::{samples, servers::Library};

/// A server whose subscribers all read, and the same one with some that do not.
#[derive(Clone, Copy, Debug)]
pub struct Stalls {
    /// Who serves.
    pub library: Library,
    /// How long an event is.
    pub length: u64,
    /// How many subscribe.
    pub subscribers: usize,
    /// How many of them do not read, in the second case.
    pub stalled: usize,
    /// All read.
    pub without: Paced,
    /// Some do not.
    pub with: Paced,
}

/// Measures each library with events of each length, in so many turns without and with those that do
/// not read. They are part of all subscribers: without them, as many more do read.
///
/// # Errors
///
/// If a reader does not get each event once.
pub fn all(
    pace: &Pace<'_>,
    libraries: &[Library],
    lengths: &[u64],
    turns: usize,
) -> Result<Vec<Stalls>> {
    let mut all = Vec::new();
    for length in lengths {
        for library in libraries {
            let with = Pace {
                length: *length,
                ..*pace
            };
            let without = Pace {
                readers: pace.readers + pace.stalled,
                stalled: 0,
                ..with
            };
            let mut runs = [Vec::new(), Vec::new()];
            for _ in 0..turns {
                for (pace, runs) in [&without, &with].into_iter().zip(&mut runs) {
                    let run = paced::run(pace, *library);
                    runs.push(run.with_context(|| format!("{library} with those who stall"))?);
                }
            }
            let [without, with] = runs.map(|it| together(&it));
            let (without, with) = (without.context("no turn")?, with.context("no turn")?);
            all.push(Stalls {
                library: *library,
                length: *length,
                subscribers: pace.readers + pace.stalled,
                stalled: pace.stalled,
                without,
                with,
            });
        }
    }
    Ok(all)
}

/// The median of each latency, and the most of memory.
fn together(runs: &[Paced]) -> Option<Paced> {
    let last = *runs.last()?;
    Some(Paced {
        median: samples::median(runs.iter().map(|it| it.median)),
        tail: samples::median(runs.iter().map(|it| it.tail)),
        peak: runs.iter().map(|it| it.peak).max()?,
        ..last
    })
}
