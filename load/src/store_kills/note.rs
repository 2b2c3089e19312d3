//! Events of the publishers. The number of an event determines its topic and its data.

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;

use crate::program::number;

/// Number of topics. Each publisher has one of them.
pub(super) const TOPICS: usize = 8;

/// Maximum lengths of the filler of an event in bytes. An event chooses one of them: most are short, and few are longer
/// than a page of the file.
const MAX_FILLER_BYTES: [usize; 8] = [0, 50, 200, 200, 200, 200, 1_000, 10_000];

/// Event of a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// Index of the publisher.
    pub(super) publisher: usize,
    /// Number of the event, from 0 for each publisher.
    pub(super) number: usize,
}

impl Note {
    /// Reads an event, and checks its whole data.
    pub(super) fn parse(data: &str) -> Result<Self> {
        let shown = || {
            let start: String = data.chars().take(80).collect();
            format!("data of {} bytes: {start:?}", data.len())
        };
        let mut words = data.split(' ');
        let mut next = || usize::try_from(number(words.next()?)?).ok();
        let (publisher, number) = (next().with_context(shown)?, next().with_context(shown)?);
        let note = Self { publisher, number };
        ensure!(data == note.data(), "{} is not that of {note:?}", shown());
        Ok(note)
    }

    /// Returns the index of the topic.
    pub(super) fn topic(self) -> usize {
        self.publisher % TOPICS
    }

    pub(super) fn data(self) -> String {
        let Self { publisher, number } = self;
        let mut rng = Rng::with_seed((publisher as u64) << 40 | number as u64);
        let max = MAX_FILLER_BYTES[rng.usize(..MAX_FILLER_BYTES.len())];
        let filler = rng.lowercase().to_string().repeat(rng.usize(..=max));
        format!("{publisher} {number} {filler}")
    }
}

/// Returns the name of a topic.
pub(super) fn topic_name(topic: usize) -> String {
    format!("soak/{topic}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_data_is_an_error() {
        for number in 0..100 {
            let note = Note {
                publisher: 3,
                number,
            };
            let data = note.data();
            assert_eq!(Note::parse(&data).expect("its data"), note);
            assert!(Note::parse(&format!("{data}!")).is_err());
        }
        for data in ["", "3", "x 0 ", "3 -1 "] {
            assert!(Note::parse(data).is_err(), "{data:?}");
        }
    }
}
