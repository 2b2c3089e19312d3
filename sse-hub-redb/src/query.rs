//! Queries: what the followers and subscribers read from the file, each in one transaction.

use std::ops::Bound;

use redb::{ReadTransaction, ReadableTable as _};
use sse_hub::{Sequenced, TopicFilters};

use crate::{
    file::{EVENTS, IDS, LATEST_NAME, STATE},
    record::{Header, InvalidRecord},
};

/// Maximum number of events that one read looks at, because the filters may match few of them.
const MAX_SCANNED_EVENTS: usize = 4096;

/// Maximum number of bytes that one read looks at.
const MAX_SCANNED_BYTES: usize = 4 * 1024 * 1024;

/// Events to read.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    /// Only events after this sequence.
    pub(crate) after: u64,
    /// Only events up to this sequence. It is greater than `after`.
    pub(crate) through: u64,
    /// Only events that these filters match.
    pub(crate) filters: TopicFilters,
    pub(crate) max_events: usize,
    /// The result ends with the event that reaches this number of bytes.
    pub(crate) max_bytes: usize,
}

/// Result of a [`Query`].
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Sequence of the earliest event in the file, or of the next event if the file is empty.
    pub(crate) first: u64,
    pub(crate) events: Vec<Sequenced>,
    /// All events of the query up to this sequence are in the batch.
    pub(crate) through: u64,
}

impl Query {
    /// Reads the events.
    pub(crate) fn run(&self, transaction: &ReadTransaction) -> Result<Batch, redb::Error> {
        let events = transaction.open_table(EVENTS)?;
        let mut batch = Batch {
            first: earliest_sequence(transaction)?,
            events: Vec::new(),
            through: self.through,
        };
        let (mut scanned, mut scanned_bytes, mut bytes) = (0, 0, 0);
        let range = (Bound::Excluded(self.after), Bound::Included(self.through));
        for entry in events.range::<u64>(range)? {
            let (sequence, record) = entry?;
            let (sequence, record) = (sequence.value(), record.value());
            scanned += 1;
            scanned_bytes += record.len();
            match self.decode(sequence, record) {
                Ok(None) => {}
                Ok(Some(event)) => {
                    bytes += record.len();
                    batch.events.push(event);
                }
                Err(reason) => {
                    tracing::warn!(sequence, %reason, "skipped a record that is not an event");
                }
            }
            if batch.events.len() >= self.max_events
                || bytes >= self.max_bytes
                || scanned >= MAX_SCANNED_EVENTS
                || scanned_bytes >= MAX_SCANNED_BYTES
            {
                batch.through = sequence;
                break;
            }
        }
        Ok(batch)
    }

    /// Decodes an event. Returns `None` if the filters do not match it.
    fn decode(&self, sequence: u64, record: &[u8]) -> Result<Option<Sequenced>, InvalidRecord> {
        let (header, body) = Header::decode(record)?;
        let topics = header.topics()?;
        if !topics.iter().any(|topic| self.filters.matches(topic)) {
            return Ok(None);
        }
        let publication = header.decode_body(topics, body)?;
        Ok(Some(Sequenced::new(sequence, publication)))
    }
}

/// Returns the sequence of the earliest event, or of the next event if the file is empty.
pub(crate) fn earliest_sequence(transaction: &ReadTransaction) -> Result<u64, redb::Error> {
    let events = transaction.open_table(EVENTS)?;
    if let Some((sequence, _)) = events.first()? {
        return Ok(sequence.value());
    }
    let state = transaction.open_table(STATE)?;
    let latest = state.get(LATEST_NAME)?.map_or(0, |latest| latest.value());
    Ok(latest + 1)
}

/// Returns the sequence of the earliest event to which its publisher has given this ID.
pub(crate) fn sequence_of_id(
    transaction: &ReadTransaction,
    id: &str,
) -> Result<Option<u64>, redb::Error> {
    let ids = transaction.open_table(IDS)?;
    let first = ids.range((id, 0)..=(id, u64::MAX))?.next().transpose()?;
    Ok(first.map(|(key, _)| key.value().1))
}
