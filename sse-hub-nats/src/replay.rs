use std::{collections::VecDeque, error::Error, sync::Arc};

use futures_core::Stream;
use futures_util::stream;
use sse_hub::{BackendError, Numbered, Post, Replayed, Selection};

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

/// How many messages are fetched at a time, and wait for the subscriber.
const AHEAD: u64 = 256;

/// How often the stream may end too early. A server that has just become the leader of a cluster may
/// not know its end yet.
const TOO_SHORT: u32 = 5;

/// Returns the events of this selection after `after`, up to `through`, and some others. NATS sends nothing while the
/// subscriber reads.
pub(crate) fn replay(
    shared: Arc<Shared>,
    after: u64,
    through: u64,
    selection: Selection,
) -> impl Stream<Item = Replayed> + Send {
    let replay = Replay {
        shared,
        selection,
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

/// Returns each filter, or the one that lets all through.
fn each(filters: &Option<Vec<String>>) -> impl Iterator<Item = Option<&str>> {
    let all = filters.is_none().then_some(None);
    let some = filters.iter().flatten().map(|it| Some(&**it));
    all.into_iter().chain(some)
}

/// The next messages of some subjects.
struct Batch {
    messages: Vec<Delivered>,
    /// Up to this number, there are no others.
    through: u64,
}

struct Replay {
    shared: Arc<Shared>,
    selection: Selection,
    /// All up to here was fetched.
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
                    tracing::debug!(error, after = self.after, "a replay is interrupted");
                }
            }
        }
    }

    /// Fetches some more.
    async fn fetch(&mut self) -> Result<(), BackendError> {
        let shared = Arc::clone(&self.shared);
        // It is never closed.
        let _permit = shared.permits.acquire().await;
        let life = shared.link.up().await;
        shared.ensure_stream(&life).await?;
        while !self.caution.is_over() && self.after < self.through {
            let found = shared.read_carefully(&life, self.after, &mut self.caution);
            let Some(Found { number, post }) = found.await? else {
                break;
            };
            if number > self.after + 1 && self.is_gone(&life).await? {
                self.gone();
                return Ok(());
            }
            self.take(&shared, number, post);
            if self.ready.len() as u64 >= AHEAD {
                return Ok(());
            }
        }
        if self.after >= self.through {
            return Ok(());
        }
        let filters = shared.filters(&self.selection);
        let mut messages = Vec::new();
        let mut through = self.through;
        for filter in each(&filters) {
            let batch = self.batch(&shared, life.clone(), filter).await?;
            messages.extend(batch.messages);
            through = through.min(batch.through);
        }
        // Messages after the end of an incomplete batch are fetched again.
        messages.retain(|it| it.number <= through);
        if messages.is_empty() {
            return self.end(&life, each(&filters)).await;
        }
        // With filters, gaps between the messages are normal, so this is checked once.
        if filters.is_some() && self.is_gone(&life).await? {
            self.gone();
            return Ok(());
        }
        // A message that two filters match is there twice.
        messages.sort_unstable_by_key(|it| it.number);
        messages.dedup_by_key(|it| it.number);
        for Delivered { number, post, .. } in messages {
            let has_gap = filters.is_none() && number > self.after + 1;
            if has_gap && self.is_gone(&life).await? {
                self.gone();
                break;
            }
            self.take(&shared, number, post);
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
        let count = pending.min(AHEAD).min(self.through - self.after);
        let mut messages: Vec<Delivered> = Vec::new();
        if count > 0 {
            pull.ask(usize::try_from(count).unwrap_or(1)).await?;
        }
        let mut is_complete = pending == 0;
        while pull.asked() > 0 && !is_complete {
            let Some(delivered) = pull.next(shared).await? else {
                break;
            };
            is_complete = delivered.pending == 0 || delivered.number >= self.through;
            if delivered.number <= self.through {
                messages.push(delivered);
            }
        }
        let through = match messages.last() {
            _ if is_complete => self.through,
            Some(last) => last.number,
            None => self.after,
        };
        Ok(Batch { messages, through })
    }

    /// A message has come, of which nothing is missing before.
    fn take(&mut self, shared: &Shared, number: u64, post: Result<Post, NotOurs>) {
        self.after = number;
        self.backoff.reset();
        match post {
            _ if number > self.through => {}
            Ok(post) => {
                let event = Numbered::new(number, post);
                self.ready.push_back(Replayed::Event(event));
            }
            Err(reason) => shared.warn_of(number, &reason),
        }
    }

    /// There is no more. Was there?
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
            if self.was_short < TOO_SHORT {
                return Err(life.error(
                    &format!("the stream {:?}", self.shared.settings.stream),
                    format!("it ends at {last}, and {} was known", self.through),
                ));
            }
            self.gone();
            return Ok(());
        }
        for filter in filters {
            let subjects = filter.unwrap_or(ALL);
            let next = self.shared.next_number(life, self.after, subjects).await?;
            if let Some(next) = next.filter(|next| *next <= self.through) {
                let reason = format!("its next message is {next}");
                return Err(life.error("a server of the cluster is behind", reason));
            }
        }
        // The last ones were deleted, or are of other topics.
        self.after = self.through;
        Ok(())
    }

    /// Whether the limits of the stream have removed the next one. If it was deleted, or is no event,
    /// nobody has lost anything.
    async fn is_gone(&self, life: &Life) -> Result<bool, BackendError> {
        let stream = self.shared.stream(life).await?;
        Ok(bounds(stream.cached_info()).0 > self.after + 1)
    }

    fn gone(&mut self) {
        self.ready.push_back(Replayed::Gone);
        self.after = self.through;
    }
}
