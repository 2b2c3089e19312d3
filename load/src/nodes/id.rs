use std::fmt;

use anyhow::{Context as _, Result};

use crate::number::number;

/// ID of an event: the epoch, which is the same for all events of a stream in NATS, and the number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Id {
    epoch: String,
    number: u64,
}

impl Id {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let parts = text.rsplit_once('-');
        let parts = parts.and_then(|(epoch, digits)| Some((epoch.to_owned(), number(digits)?)));
        let (epoch, number) = parts.with_context(|| format!("{text:?} is not an ID"))?;
        Ok(Self { epoch, number })
    }

    /// Returns whether this event comes after another one of the same epoch.
    pub(super) fn is_after(&self, other: &Self) -> bool {
        self.epoch == other.epoch && self.number > other.number
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}
