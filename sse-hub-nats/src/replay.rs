//! Replay: returns the events that one subscriber has missed.

use std::{collections::VecDeque, error::Error, sync::Arc};

use futures_core::Stream;
use futures_util::stream;
use sse_hub::{BackendError, Publication, Replayed, Sequenced, TopicFilters};

use crate::{
    connection::{Backoff, ConnectionEpoch},
    consumer::{Delivered, OrderedConsumer},
    error::Refusals,
    jetstream::Shared,
    message::InvalidMessage,
    poison::{ALL_SUBJECTS, Found, RawReads},
    stream::bounds,
};

/// Number of messages that are fetched at a time, before the subscriber reads them.
const BATCH_MESSAGES: u64 = 256;

/// Number of times after which a stream that ends too early counts as truncated. Before that, the replay tries again:
/// a server that has just become the leader of a cluster may not have the last messages yet.
const MAX_SHORT_READS: u32 = 5;

/// Returns the events of these filters after `after`, up to `through`, and some others. There is no request to NATS
/// in progress while the subscriber reads.
pub(crate) fn replay(
    shared: Arc<Shared>,
    after: u64,
    through: u64,
    filters: TopicFilters,
) -> impl Stream<Item = Replayed> + Send {
    let replay = Replay {
        shared,
        filters,
        after,
        through,
        ready: VecDeque::new(),
        backoff: Backoff::default(),
        raw_reads: RawReads::default(),
        refusals: Refusals::default(),
        has_failed: false,
        short_reads: 0,
    };
    stream::unfold(replay, |mut replay| async {
        let event = replay.next().await?;
        Some((event, replay))
    })
}

/// Returns each filter, or one without a filter.
fn each_filter(filters: &Option<Vec<String>>) -> impl Iterator<Item = Option<&str>> {
    let all = filters.is_none().then_some(None);
    let some = filters.iter().flatten().map(|filter| Some(&**filter));
    all.into_iter().chain(some)
}

/// Next messages of some subjects.
struct Batch {
    messages: Vec<Delivered>,
    /// Up to this sequence, the subjects have no other messages.
    through: u64,
}

struct Replay {
    shared: Arc<Shared>,
    filters: TopicFilters,
    /// All messages up to this sequence were fetched.
    after: u64,
    through: u64,
    ready: VecDeque<Replayed>,
    backoff: Backoff,
    raw_reads: RawReads,
    refusals: Refusals,
    has_failed: bool,
    short_reads: u32,
}

impl Replay {
    async fn next(&mut self) -> Option<Replayed> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.after >= self.through {
                return None;
            }
            if core::mem::take(&mut self.has_failed) {
                self.backoff.wait().await;
            }
            match self.fetch().await {
                Ok(()) => {
                    self.backoff.reset();
                    self.refusals = Refusals::default();
                }
                Err(error) if self.refusals.are_final(&error) => {
                    self.after = self.through;
                    return Some(Replayed::Refused(error));
                }
                Err(error) => {
                    self.has_failed = true;
                    self.raw_reads.require_after(&error);
                    let error: &(dyn Error + 'static) = &error;
                    tracing::debug!(error, after = self.after, "replay is interrupted");
                }
            }
        }
    }

    /// Fetches the next events.
    async fn fetch(&mut self) -> Result<(), BackendError> {
        let shared = Arc::clone(&self.shared);
        // The semaphore is never closed.
        let _permit = shared.permits.acquire().await;
        let connection = shared.connections.connected().await;
        shared.ensure_stream(&connection).await?;
        while !self.raw_reads.is_empty() && self.after < self.through {
            let found = shared.read_raw(&connection, self.after, &mut self.raw_reads);
            let Some(Found {
                sequence,
                publication,
            }) = found.await?
            else {
                break;
            };
            if sequence > self.after + 1 && self.is_truncated(&connection).await? {
                self.truncate();
                return Ok(());
            }
            self.take(&shared, sequence, publication);
            if self.ready.len() as u64 >= BATCH_MESSAGES {
                return Ok(());
            }
        }
        if self.after >= self.through {
            return Ok(());
        }
        let filters = shared.filters(&self.filters);
        let mut messages = Vec::new();
        let mut through = self.through;
        for filter in each_filter(&filters) {
            let batch = self.batch(&shared, connection.clone(), filter).await?;
            messages.extend(batch.messages);
            through = through.min(batch.through);
        }
        // Messages after the end of an incomplete batch are fetched again.
        messages.retain(|message| message.sequence <= through);
        if messages.is_empty() {
            return self.end(&connection, each_filter(&filters)).await;
        }
        // With filters, gaps between the messages are normal, so this checks only once.
        if filters.is_some() && self.is_truncated(&connection).await? {
            self.truncate();
            return Ok(());
        }
        // A message that matches two filters was fetched twice.
        messages.sort_unstable_by_key(|message| message.sequence);
        messages.dedup_by_key(|message| message.sequence);
        for Delivered {
            sequence,
            publication,
            ..
        } in messages
        {
            let has_gap = filters.is_none() && sequence > self.after + 1;
            if has_gap && self.is_truncated(&connection).await? {
                self.truncate();
                break;
            }
            self.take(&shared, sequence, publication);
        }
        Ok(())
    }

    /// Fetches the next messages of these subjects.
    async fn batch(
        &self,
        shared: &Shared,
        connection: ConnectionEpoch,
        filter: Option<&str>,
    ) -> Result<Batch, BackendError> {
        let mut consumer = OrderedConsumer::open(shared, connection, self.after, filter).await?;
        let pending = consumer.pending();
        let count = pending.min(BATCH_MESSAGES).min(self.through - self.after);
        let mut messages: Vec<Delivered> = Vec::new();
        if count > 0 {
            consumer
                .request(usize::try_from(count).unwrap_or(1))
                .await?;
        }
        let mut is_complete = pending == 0;
        while consumer.outstanding() > 0 && !is_complete {
            let Some(delivered) = consumer.next(shared).await? else {
                break;
            };
            is_complete = delivered.pending == 0 || delivered.sequence >= self.through;
            if delivered.sequence <= self.through {
                messages.push(delivered);
            }
        }
        let through = match messages.last() {
            _ if is_complete => self.through,
            Some(last) => last.sequence,
            None => self.after,
        };
        Ok(Batch { messages, through })
    }

    /// Takes the next message. No event before it is missing.
    fn take(
        &mut self,
        shared: &Shared,
        sequence: u64,
        publication: Result<Publication, InvalidMessage>,
    ) {
        self.after = sequence;
        self.backoff.reset();
        match publication {
            _ if sequence > self.through => {}
            Ok(publication) => {
                let event = Sequenced::new(sequence, publication);
                self.ready.push_back(Replayed::Event(event));
            }
            Err(reason) => shared.warn_skipped(sequence, &reason),
        }
    }

    /// Handles the end of the stream: the replay is complete, events are truncated, or a server does not have them yet.
    async fn end(
        &mut self,
        connection: &ConnectionEpoch,
        filters: impl Iterator<Item = Option<&str>>,
    ) -> Result<(), BackendError> {
        let stream = self.shared.stream(connection).await?;
        let (first, last) = bounds(stream.cached_info());
        if first > self.after + 1 {
            self.truncate();
            return Ok(());
        }
        if last < self.through {
            self.short_reads += 1;
            if self.short_reads < MAX_SHORT_READS {
                return Err(connection.error(
                    &format!("stream {:?} is too short", self.shared.config.stream),
                    format!("it ends at {last}, but {} was seen before", self.through),
                ));
            }
            self.truncate();
            return Ok(());
        }
        for filter in filters {
            let subjects = filter.unwrap_or(ALL_SUBJECTS);
            let next = self
                .shared
                .next_sequence(connection, self.after, subjects)
                .await?;
            if let Some(next) = next.filter(|next| *next <= self.through) {
                let reason = format!("message {next} was not delivered");
                return Err(connection.error("a server of the cluster lags", reason));
            }
        }
        // The last messages were deleted, or have other topics.
        self.after = self.through;
        Ok(())
    }

    /// Returns whether the limits of the stream have removed the next message. A message that was deleted on purpose,
    /// or is not an event, is not a loss.
    async fn is_truncated(&self, connection: &ConnectionEpoch) -> Result<bool, BackendError> {
        let stream = self.shared.stream(connection).await?;
        Ok(bounds(stream.cached_info()).0 > self.after + 1)
    }

    /// Ends the replay, because events are truncated.
    fn truncate(&mut self) {
        self.ready.push_back(Replayed::Truncated);
        self.after = self.through;
    }
}
