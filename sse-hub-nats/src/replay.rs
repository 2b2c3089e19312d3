use std::{collections::VecDeque, error::Error, sync::Arc};

use futures_core::Stream;
use futures_util::stream;
use sse_hub::{BackendError, BackendErrorKind, Numbered, Post, Replayed};

use crate::{
    backoff::Backoff,
    link::Life,
    pull::Pull,
    raw::{Caution, Found},
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

/// The events behind `after`, up to `through`. Nothing is under way at NATS while the subscriber reads.
pub(crate) fn replay(
    shared: Arc<Shared>,
    after: u64,
    through: u64,
) -> impl Stream<Item = Replayed> + Send {
    let replay = Replay {
        shared,
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

struct Replay {
    shared: Arc<Shared>,
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
                    if error.kind() != BackendErrorKind::Refused {
                        self.caution.begin();
                    }
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
            let is_gone = !self.take(&shared, &life, number, post).await?;
            if is_gone || self.ready.len() as u64 >= AHEAD {
                return Ok(());
            }
        }
        if self.after >= self.through {
            return Ok(());
        }
        let mut pull = Pull::open(&shared, life.clone(), self.after).await?;
        let count = pull.pending().min(AHEAD).min(self.through - self.after);
        if count == 0 {
            return self.end(&life).await;
        }
        pull.ask(usize::try_from(count).unwrap_or(1)).await?;
        while pull.asked() > 0 && self.after < self.through {
            let Some(delivered) = pull.next().await? else {
                break;
            };
            if !self
                .take(&shared, &life, delivered.number, delivered.post)
                .await?
            {
                break;
            }
        }
        Ok(())
    }

    /// A message has come. Tells whether it goes on: not if the limits of the stream have removed some before it.
    async fn take(
        &mut self,
        shared: &Shared,
        life: &Life,
        number: u64,
        post: Result<Post, NotOurs>,
    ) -> Result<bool, BackendError> {
        if number > self.after + 1 && self.is_gone(life).await? {
            self.gone();
            return Ok(false);
        }
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
        Ok(true)
    }

    /// There is no more. Was there?
    async fn end(&mut self, life: &Life) -> Result<(), BackendError> {
        let stream = self.shared.stream(life).await?;
        let (first, last) = bounds(stream.cached_info());
        if first > self.after + 1 {
            self.gone();
        } else if last < self.through {
            self.was_short += 1;
            if self.was_short < TOO_SHORT {
                return Err(life.error(
                    &format!("the stream {:?}", self.shared.settings.stream),
                    format!("it ends at {last}, and {} was known", self.through),
                ));
            }
            self.gone();
        } else {
            match self.shared.next_number(life, self.after).await? {
                Some(next) if next <= self.through => {
                    let reason = format!("its next message is {next}");
                    return Err(life.error("a server of the cluster is behind", reason));
                }
                // The last ones were deleted.
                _ => self.after = self.through,
            }
        }
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
