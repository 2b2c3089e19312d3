//! Replay: returns the events that one subscriber has missed.

use std::{collections::VecDeque, sync::Arc};

use futures_core::Stream;
use futures_util::stream;
use sse_hub::{Replayed, TopicFilters};

use crate::{query::Query, shared::Shared};

/// Maximum number of events that are read at a time, before the subscriber reads them.
const MAX_BATCH_EVENTS: usize = 256;

/// Number of bytes after which a read ends.
const MAX_BATCH_BYTES: usize = 32 * 1024;

/// Returns the events of these filters after `after`, up to `through`. No transaction is open while the subscriber reads.
pub(crate) fn replay(
    shared: Arc<Shared>,
    after: u64,
    through: u64,
    filters: TopicFilters,
) -> impl Stream<Item = Replayed> + Send {
    let replay = Replay {
        shared,
        query: Query {
            after,
            through,
            filters,
            max_events: MAX_BATCH_EVENTS,
            max_bytes: MAX_BATCH_BYTES,
        },
        ready: VecDeque::new(),
    };
    stream::unfold(replay, |mut replay| async {
        let event = replay.next().await?;
        Some((event, replay))
    })
}

struct Replay {
    shared: Arc<Shared>,
    /// Events that were not read yet.
    query: Query,
    ready: VecDeque<Replayed>,
}

impl Replay {
    async fn next(&mut self) -> Option<Replayed> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.query.after >= self.query.through {
                return None;
            }
            let query = self.query.clone();
            let read = self
                .shared
                .read_in_turn(move |transaction| query.run(transaction));
            let end = match read.await {
                Ok(batch) if batch.first > self.query.after.saturating_add(1) => {
                    Replayed::Truncated
                }
                Ok(batch) => {
                    self.query.after = batch.through;
                    self.ready
                        .extend(batch.events.into_iter().map(Replayed::Event));
                    continue;
                }
                Err(error) => Replayed::Refused(error),
            };
            self.query.after = self.query.through;
            return Some(end);
        }
    }
}
