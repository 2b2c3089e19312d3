use core::{error::Error, future, iter, time::Duration};
use std::{collections::VecDeque, sync::Arc};

use futures_core::Stream;
use futures_util::stream;
use sse_hub::{BackendError, Numbered, Update};

use crate::{
    backoff::Backoff,
    pull::{Delivered, Pull},
    raw::{ALL, Caution, Found},
    shared::Shared,
    stream::{bounds, epoch},
};

/// How many messages are asked for at a time, and again when half of them have come.
const AHEAD: usize = 512;

/// Without a connection for so long, it is said.
const PATIENCE: Duration = Duration::from_secs(2);

/// The newest events, and each as it comes, for ever.
pub(crate) fn follow(shared: Arc<Shared>, newest: usize) -> impl Stream<Item = Update> + Send {
    let follower = Follower {
        shared,
        newest,
        told: None,
        pull: None,
        due: None,
        ready: VecDeque::new(),
        lost: None,
        backoff: Backoff::default(),
        caution: Caution::default(),
        has_failed: false,
        is_broken: false,
    };
    stream::unfold(follower, |mut follower| async {
        let update = follower.next().await;
        Some((update, follower))
    })
}

struct Follower {
    shared: Arc<Shared>,
    newest: usize,
    /// Where it is, once it has seen the stream.
    told: Option<Told>,
    pull: Option<Pull>,
    /// It is connected when all up to this one is told.
    due: Option<u64>,
    ready: VecDeque<Update>,
    /// What was told to be the reason.
    lost: Option<String>,
    backoff: Backoff,
    caution: Caution,
    has_failed: bool,
    /// Its numbers are of no use any more.
    is_broken: bool,
}

struct Told {
    /// All up to here was told, or was said to be gone.
    number: u64,
    /// That of the stream; 0 if it has none.
    epoch: u64,
}

impl Follower {
    async fn next(&mut self) -> Update {
        loop {
            if let Some(update) = self.ready.pop_front() {
                return update;
            }
            let step = match &mut self.pull {
                Some(pull) => hear(&self.shared, pull).await,
                None => self.open().await.map(|()| None),
            };
            let step = match step {
                Ok(Some(delivered)) => self.tell(delivered).await,
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = step {
                self.fail(error);
            }
        }
    }

    /// Begins behind what was told.
    async fn open(&mut self) -> Result<(), BackendError> {
        if self.is_broken {
            future::pending::<()>().await;
        }
        if core::mem::take(&mut self.has_failed) {
            self.backoff.wait().await;
        }
        let life = self.shared.link.up_within(PATIENCE).await?;
        let stream = self.shared.stream(&life).await?;
        let info = stream.cached_info();
        let (first, last) = bounds(info);
        let mut number = self.place(epoch(info), first, last)?;
        self.due = Some(last);
        while !self.caution.is_over() {
            let shared = Arc::clone(&self.shared);
            let found = shared.read_carefully(&life, number, &mut self.caution);
            let Some(Found { number: next, post }) = found.await? else {
                break;
            };
            number = next;
            // More than these are not known of.
            let pending = u64::MAX;
            self.tell(Delivered {
                number,
                pending,
                post,
            })
            .await?;
            if self.ready.len() >= AHEAD {
                // They are told first.
                return Ok(());
            }
        }
        let pull = Pull::open(&self.shared, life, number, None).await?;
        let pending = pull.pending();
        self.pull = Some(pull);
        self.connect(number, pending).await
    }

    /// Where it goes on, in the stream as it is now.
    fn place(&mut self, epoch: u64, first: u64, last: u64) -> Result<u64, BackendError> {
        let Some(told) = &mut self.told else {
            let newest = u64::try_from(self.newest).unwrap_or(u64::MAX);
            let number = last.saturating_sub(newest).max(first.saturating_sub(1));
            if number > 0 {
                self.ready.push_back(Update::Gone(number));
            }
            self.told = Some(Told { number, epoch });
            return Ok(number);
        };
        let stream = &self.shared.settings.stream;
        if first > told.number {
            if first > told.number + 1 {
                self.ready.push_back(Update::Gone(first - 1));
            }
            *told = Told {
                number: first - 1,
                epoch,
            };
            self.shared.set_epoch(epoch);
        } else if told.epoch != 0 && epoch != 0 && told.epoch != epoch {
            self.is_broken = true;
            let number = told.number;
            tracing::error!(
                stream,
                number,
                last,
                "the stream was deleted and made anew, and its numbers begin anew: \
                 restart this process"
            );
            return Err(BackendError::new(format!(
                "the stream {stream:?} was deleted and made anew with lower numbers, up to {last} \
                 where {number} was known: restart this process"
            )));
        } else if last < told.number {
            return Err(BackendError::new(format!(
                "the stream {stream:?} ends at {last}, and {} was known",
                told.number
            )));
        }
        Ok(told.number)
    }

    /// A message has come.
    async fn tell(&mut self, delivered: Delivered) -> Result<(), BackendError> {
        let Delivered {
            number,
            pending,
            post,
        } = delivered;
        let told = self.told.as_ref().map_or(0, |it| it.number);
        if number <= told {
            return Ok(());
        }
        if number > told + 1 {
            // Either some in between were deleted, which is nobody's loss, or the limits did it.
            let life = self.shared.link.up_within(PATIENCE).await?;
            let stream = self.shared.stream(&life).await?;
            let gone = bounds(stream.cached_info()).0.min(number).saturating_sub(1);
            if gone > told {
                self.ready.push_back(Update::Gone(gone));
            }
        }
        match post {
            Ok(post) => self
                .ready
                .push_back(Update::Event(Numbered::new(number, post))),
            Err(reason) => self.shared.warn_of(number, &reason),
        }
        if let Some(told) = &mut self.told {
            told.number = number;
        }
        self.backoff.reset();
        self.connect(number, pending).await
    }

    /// Says that it is connected, if all is told that is due.
    async fn connect(&mut self, number: u64, pending: u64) -> Result<(), BackendError> {
        let Some(due) = self.due else {
            return Ok(());
        };
        // If there is no more to come, the last ones were deleted; or this consumer is at a server of
        // the cluster that does not know of them yet.
        let is_all = number >= due
            || (pending == 0 && {
                let life = self.shared.link.up_within(PATIENCE).await?;
                let next = self.shared.next_number(&life, number, ALL).await?;
                next.is_none_or(|next| next > due)
            });
        if is_all {
            self.due = None;
            self.lost = None;
            self.backoff.reset();
            self.ready.push_back(Update::Connected);
        }
        Ok(())
    }

    /// It begins again. The same reason is not told again.
    fn fail(&mut self, error: BackendError) {
        self.pull = None;
        self.due = None;
        self.has_failed = true;
        self.caution.begin_after(&error);
        let reason = chain(&error);
        if self.lost.as_ref() != Some(&reason) {
            self.lost = Some(reason);
            self.ready.push_back(Update::Lost(error));
        }
    }
}

/// An error with all its causes.
fn chain(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |&it| it.source());
    let texts = causes.map(|cause| format!(": {cause}"));
    iter::once(error.to_string()).chain(texts).collect()
}

async fn hear(shared: &Shared, pull: &mut Pull) -> Result<Option<Delivered>, BackendError> {
    if pull.asked() <= AHEAD / 2 {
        pull.ask(AHEAD).await?;
    }
    pull.next(shared).await
}
