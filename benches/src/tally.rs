//! What decoding comes to, so that answers can be compared.

use std::hint::black_box;

use crate::workloads::Record;

/// The events of a stream, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many events there were.
    pub events: u64,
    /// Of the lengths of their data, in order.
    pub checksum: u64,
    /// The decoder reported an error.
    pub failed: bool,
}

impl Tally {
    /// Counts an event with this data.
    #[inline]
    pub fn event(&mut self, data: &[u8]) {
        self.events += 1;
        self.checksum = self.checksum.rotate_left(5) ^ black_box(data).len() as u64;
    }

    /// Notes that the decoder reported an error.
    pub fn error(&mut self) {
        self.failed = true;
    }
}

/// What a right decoder makes of these records.
pub fn expected(records: &[Record]) -> Tally {
    let mut tally = Tally::default();
    for record in records {
        if let Some(data) = &record.data {
            tally.event(data.as_bytes());
        }
    }
    tally
}
