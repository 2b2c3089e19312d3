//! What a client has received, so that it can be compared with what was sent.

use std::{fmt, hash::BuildHasher as _};

use foldhash::fast::FixedState;

use crate::clients::Received;

/// Events counted and their data summed up, in order; of a body that is not decoded the length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many events.
    pub events: u64,
    /// How long their data is, or the body.
    pub bytes: u64,
    /// Of their data and its order.
    pub checksum: u64,
}

impl Tally {
    /// Counts what was received. Each byte of the data is looked at, a nanosecond for some twenty.
    #[inline]
    pub fn add(&mut self, received: Received<'_>) {
        match received {
            Received::Event { data, .. } => {
                self.events += 1;
                self.bytes += data.len() as u64;
                self.checksum = FixedState::with_seed(self.checksum).hash_one(data);
            }
            Received::Bytes(bytes) => self.bytes += bytes.len() as u64,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            events,
            bytes,
            checksum,
        } = self;
        write!(f, "{events} events of {bytes} B, checksum {checksum:x}")
    }
}
