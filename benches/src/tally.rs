//! Summary of the decoded events, to compare the results of decoders.

use std::hint::black_box;

use crate::workloads::Record;

/// Count of the events in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Number of events.
    pub events: u64,
    /// Checksum of the lengths of their data, in order.
    pub checksum: u64,
    /// True if the decoder reported an error.
    pub failed: bool,
}

impl Tally {
    /// Counts an event with this data.
    #[inline]
    pub fn event(&mut self, data: &[u8]) {
        self.events += 1;
        self.checksum = self.checksum.rotate_left(5) ^ black_box(data).len() as u64;
    }

    /// Records that the decoder reported an error.
    pub fn error(&mut self) {
        self.failed = true;
    }
}

/// Returns the result of a correct decoder for these records.
pub fn expected(records: &[Record]) -> Tally {
    let mut tally = Tally::default();
    for record in records {
        if let Some(data) = &record.data {
            tally.event(data.as_bytes());
        }
    }
    tally
}
