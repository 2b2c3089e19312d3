use std::{collections::VecDeque, error::Error, sync::Arc};

use futures_core::Stream;
use futures_util::stream;
use sse_hub::{BackendError, Publication, Replayed, Sequenced, TopicFilters};

use crate::{
    backoff::Backoff,
    link::Life,
    pull::{Delivered, Pull},
    raw::{ALL, Caution, Found},
    refusal::Refusals,
    shared::Shared,
    stream::bounds,
    wire::NotOurs,
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
        caution: Caution::default(),
        refusals: Refusals::default(),
        has_failed: false,
        was_short: 0,
    };
    stream::unfold(replay, |mut replay| async {
        let event = replay.next().await?;
        Some((event, replay))
    })
}

/// Returns each filter, or one without a filter.
fn each(filters: &Option<Vec<String>>) -> impl Iterator<Item = Option<&str>> {
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
    caution: Caution,
    refusals: Refusals,
    has_failed: bool,
    was_short: u32,
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
                    self.caution.begin_after(&error);
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
        let life = shared.link.up().await;
        shared.ensure_stream(&life).await?;
        while !self.caution.is_over() && self.after < self.through {
            let found = shared.read_carefully(&life, self.after, &mut self.caution);
            let Some(Found {
                sequence,
                publication,
            }) = found.await?
            else {
                break;
            };
            if sequence > self.after + 1 && self.is_gone(&life).await? {
                self.gone();
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
        for filter in each(&filters) {
            let batch = self.batch(&shared, life.clone(), filter).await?;
            messages.extend(batch.messages);
            through = through.min(batch.through);
        }
        // Messages after the end of an incomplete batch are fetched again.
        messages.retain(|message| message.sequence <= through);
        if messages.is_empty() {
            return self.end(&life, each(&filters)).await;
        }
        // With filters, gaps between the messages are normal, so this checks only once.
        if filters.is_some() && self.is_gone(&life).await? {
            self.gone();
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
            if has_gap && self.is_gone(&life).await? {
                self.gone();
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
        life: Life,
        filter: Option<&str>,
    ) -> Result<Batch, BackendError> {
        let mut pull = Pull::open(shared, life, self.after, filter).await?;
        let pending = pull.pending();
        let count = pending.min(BATCH_MESSAGES).min(self.through - self.after);
        let mut messages: Vec<Delivered> = Vec::new();
        if count > 0 {
            pull.ask(usize::try_from(count).unwrap_or(1)).await?;
        }
        let mut is_complete = pending == 0;
        while pull.asked() > 0 && !is_complete {
            let Some(delivered) = pull.next(shared).await? else {
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
    fn take(&mut self, shared: &Shared, sequence: u64, publication: Result<Publication, NotOurs>) {
        self.after = sequence;
        self.backoff.reset();
        match publication {
            _ if sequence > self.through => {}
            Ok(publication) => {
                let event = Sequenced::new(sequence, publication);
                self.ready.push_back(Replayed::Event(event));
            }
            Err(reason) => shared.warn_of(sequence, &reason),
        }
    }

    /// Handles the end of the stream: the replay is complete, events are gone, or a server does not have them yet.
    async fn end(
        &mut self,
        life: &Life,
        filters: impl Iterator<Item = Option<&str>>,
    ) -> Result<(), BackendError> {
        let stream = self.shared.stream(life).await?;
        let (first, last) = bounds(stream.cached_info());
        if first > self.after + 1 {
            self.gone();
            return Ok(());
        }
        if last < self.through {
            self.was_short += 1;
            if self.was_short < MAX_SHORT_READS {
                return Err(life.error(
                    &format!("stream {:?} is too short", self.shared.config.stream),
                    format!("it ends at {last}, but {} was seen before", self.through),
                ));
            }
            self.gone();
            return Ok(());
        }
        for filter in filters {
            let subjects = filter.unwrap_or(ALL);
            let next = self
                .shared
                .next_sequence(life, self.after, subjects)
                .await?;
            if let Some(next) = next.filter(|next| *next <= self.through) {
                let reason = format!("message {next} was not delivered");
                return Err(life.error("a server of the cluster lags", reason));
            }
        }
        // The last messages were deleted, or have other topics.
        self.after = self.through;
        Ok(())
    }

    /// Returns whether the limits of the stream have removed the next message. A message that was deleted on purpose,
    /// or is not an event, is not a loss.
    async fn is_gone(&self, life: &Life) -> Result<bool, BackendError> {
        let stream = self.shared.stream(life).await?;
        Ok(bounds(stream.cached_info()).0 > self.after + 1)
    }

    /// Ends the replay, because events are gone.
    fn gone(&mut self) {
        self.ready.push_back(Replayed::Truncated);
        self.after = self.through;
    }
}
