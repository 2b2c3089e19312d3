//! Retention: removes the oldest events that are over the limits, a bounded number at a time.

use core::time::Duration;
use std::time::SystemTime;

use redb::{ReadableTable as _, Table};

use crate::{RedbConfig, file::Kept, record::Header};

/// Number of events that a transaction removes in addition to twice the number that it adds.
const SLICE_EVENTS: u64 = 1024;

/// Number of bytes that a transaction removes in addition to twice the number that it adds.
const SLICE_BYTES: u64 = 4 * 1024 * 1024;

/// Work that retention may do in one transaction, so that a lowered limit does not delay the publishers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slice {
    events: u64,
    bytes: u64,
}

impl Slice {
    /// Returns the work for a transaction that adds these events and bytes. It is more than they are, so that the kept
    /// events become fewer.
    pub(crate) fn after_adding(events: u64, bytes: u64) -> Self {
        Self {
            events: SLICE_EVENTS + events.saturating_mul(2),
            bytes: SLICE_BYTES.saturating_add(bytes.saturating_mul(2)),
        }
    }
}

impl RedbConfig {
    /// Returns whether the oldest event has to be removed. The latest event stays.
    pub(crate) fn is_over(&self, kept: &Kept) -> bool {
        let is_too_old = |max_age: Duration| {
            u128::from(now().saturating_sub(kept.oldest_at)) >= max_age.as_millis()
        };
        kept.events > 1
            && (self.max_events.is_some_and(|limit| kept.events > limit)
                || self.max_bytes.is_some_and(|limit| kept.bytes > limit)
                || self.max_age.is_some_and(is_too_old))
    }

    /// Removes the oldest events that are over the limits, at most this slice of them.
    pub(crate) fn trim(
        &self,
        events: &mut Table<'_, u64, &'static [u8]>,
        ids: &mut Table<'_, (&'static str, u64), ()>,
        kept: &mut Kept,
        slice: Slice,
    ) -> Result<(), redb::Error> {
        let (mut removed, mut removed_bytes) = (0, 0);
        while self.is_over(kept) && removed < slice.events && removed_bytes < slice.bytes {
            let bytes = {
                let Some((sequence, record)) = events.pop_first()? else {
                    return Ok(());
                };
                let record = record.value();
                if let Ok((header, _)) = Header::decode(record)
                    && let Some(id) = header.id
                {
                    ids.remove((id, sequence.value()))?;
                }
                record.len() as u64
            };
            kept.events = kept.events.saturating_sub(1);
            kept.bytes = kept.bytes.saturating_sub(bytes);
            kept.oldest_at = match events.first()? {
                Some((_, record)) => Header::published_at(record.value()),
                None => 0,
            };
            removed += 1;
            removed_bytes += bytes;
        }
        Ok(())
    }
}

/// Returns the time in milliseconds since 1970, or 0 before that.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |time| {
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    })
}
