//! Effect of subscribers that do not read on the others.

use anyhow::{Context as _, Result};

use super::paced::{self, Pace, Paced};
use crate::{samples, servers::Library};

/// Results of a server without and with stalled subscribers.
#[derive(Clone, Copy, Debug)]
pub struct Stalls {
    /// Library of the server.
    pub library: Library,
    /// Length of an event in bytes.
    pub length: u64,
    /// Number of all subscribers.
    pub subscribers: usize,
    /// Number of subscribers that do not read, in the second case.
    pub stalled: usize,
    /// Results if all subscribers read.
    pub without: Paced,
    /// Results if some subscribers do not read.
    pub with: Paced,
}

/// Measures each library with events of each length, without and with stalled subscribers. The number of all
/// subscribers is the same in both cases.
///
/// # Errors
///
/// Returns an error if a reader does not get each event once.
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
                    runs.push(run.with_context(|| format!("{library}, stalled subscribers"))?);
                }
            }
            let [without, with] = runs.map(|runs| together(&runs));
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

/// Returns the median of each latency, and the maximum of the memory.
fn together(runs: &[Paced]) -> Option<Paced> {
    let last = *runs.last()?;
    Some(Paced {
        median: samples::median(runs.iter().map(|run| run.median)),
        tail: samples::median(runs.iter().map(|run| run.tail)),
        peak: runs.iter().map(|run| run.peak).max()?,
        ..last
    })
}
