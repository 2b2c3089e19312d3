//! IDs of events of a hub over NATS.

use std::fmt;

/// ID of an event: the epoch, which is the same for all events of a stream in NATS, and the number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubId {
    epoch: String,
    number: u64,
}

impl HubId {
    /// Reads an ID.
    ///
    /// # Errors
    ///
    /// If the text is not an epoch, a hyphen and a number.
    #[expect(clippy::disallowed_methods, reason = "hubs write digits")]
    pub fn parse(text: &str) -> Result<Self, InvalidHubId> {
        let invalid = || InvalidHubId(text.to_owned());
        let (epoch, digits) = text.rsplit_once('-').ok_or_else(invalid)?;
        Ok(Self {
            epoch: epoch.to_owned(),
            number: digits.parse().map_err(|_| invalid())?,
        })
    }

    /// Returns the number, which ascends within an epoch.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns whether this event comes after another one of the same epoch.
    pub fn is_after(&self, other: &Self) -> bool {
        self.epoch == other.epoch && self.number > other.number
    }
}

impl fmt::Display for HubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.number)
    }
}

/// Text that is not an epoch, a hyphen and a number.
#[derive(Debug)]
pub struct InvalidHubId(String);

impl fmt::Display for InvalidHubId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an ID of a hub over NATS", self.0)
    }
}

impl std::error::Error for InvalidHubId {}
