use core::{error::Error, future, iter, time::Duration};
use std::{collections::VecDeque, sync::Arc};

use futures_core::Stream;
use futures_util::stream;
use sse_hub::{BackendError, Sequenced, Update};

use crate::{
    backoff::Backoff,
    pull::{Delivered, Pull},
    raw::{ALL, Caution, Found},
    shared::Shared,
    stream::{bounds, epoch},
};

/// Number of messages that the follower requests at a time. It requests more after half of them have arrived.
const BATCH_MESSAGES: usize = 512;

/// Time after which the follower reports a missing connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Returns the newest events, and then each event when it is published. The stream never ends.
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
    /// Position in the stream. `None` until the first access to the stream.
    told: Option<Told>,
    pull: Option<Pull>,
    /// The follower counts as connected after it has returned all events up to this one.
    due: Option<u64>,
    ready: VecDeque<Update>,
    /// Last reported reason of a disconnection.
    lost: Option<String>,
    backoff: Backoff,
    caution: Caution,
    has_failed: bool,
    /// The stream has restarted with lower sequences, so the hub's numbers are useless.
    is_broken: bool,
}

/// Position of a follower in the stream.
struct Told {
    /// All events up to this one were returned, or reported as gone.
    sequence: u64,
    /// Epoch of the stream. 0 if it has none.
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

    /// Opens a consumer that begins after the current position.
    async fn open(&mut self) -> Result<(), BackendError> {
        if self.is_broken {
            future::pending::<()>().await;
        }
        if core::mem::take(&mut self.has_failed) {
            self.backoff.wait().await;
        }
        let life = self.shared.link.up_within(CONNECT_TIMEOUT).await?;
        let stream = self.shared.stream(&life).await?;
        let info = stream.cached_info();
        let (first, last) = bounds(info);
        let mut sequence = self.place(epoch(info), first, last)?;
        self.due = Some(last);
        while !self.caution.is_over() {
            let shared = Arc::clone(&self.shared);
            let found = shared.read_carefully(&life, sequence, &mut self.caution);
            let Some(Found {
                sequence: next,
                publication,
            }) = found.await?
            else {
                break;
            };
            sequence = next;
            // The number of pending messages is unknown.
            let pending = u64::MAX;
            self.tell(Delivered {
                sequence,
                pending,
                publication,
            })
            .await?;
            if self.ready.len() >= BATCH_MESSAGES {
                // These events are returned first.
                return Ok(());
            }
        }
        let pull = Pull::open(&self.shared, life, sequence, None).await?;
        let pending = pull.pending();
        self.pull = Some(pull);
        self.connect(sequence, pending).await
    }

    /// Returns the number after which to continue, in a stream with this epoch and these bounds. Reports the events
    /// that are gone.
    fn place(&mut self, epoch: u64, first: u64, last: u64) -> Result<u64, BackendError> {
        let Some(told) = &mut self.told else {
            let newest = u64::try_from(self.newest).unwrap_or(u64::MAX);
            let sequence = last.saturating_sub(newest).max(first.saturating_sub(1));
            if sequence > 0 {
                self.ready.push_back(Update::Truncated(sequence));
            }
            self.told = Some(Told { sequence, epoch });
            return Ok(sequence);
        };
        let stream = &self.shared.config.stream;
        if first > told.sequence {
            if first > told.sequence + 1 {
                self.ready.push_back(Update::Truncated(first - 1));
            }
            *told = Told {
                sequence: first - 1,
                epoch,
            };
            self.shared.set_epoch(epoch);
        } else if told.epoch != 0 && epoch != 0 && told.epoch != epoch {
            self.is_broken = true;
            let sequence = told.sequence;
            tracing::error!(
                stream,
                sequence,
                last,
                "the stream was deleted and recreated with lower sequences: restart this process"
            );
            return Err(BackendError::new(format!(
                "stream {stream:?} was deleted and recreated with lower sequences: its last message \
                 is {last}, but {sequence} was seen before; restart this process"
            )));
        } else if last < told.sequence {
            return Err(BackendError::new(format!(
                "stream {stream:?} ends at {last}, but {} was seen before",
                told.sequence
            )));
        }
        Ok(told.sequence)
    }

    /// Handles a message: returns its event, and reports the events before it that are gone.
    async fn tell(&mut self, delivered: Delivered) -> Result<(), BackendError> {
        let Delivered {
            sequence,
            pending,
            publication,
        } = delivered;
        let told = self.told.as_ref().map_or(0, |position| position.sequence);
        if sequence <= told {
            return Ok(());
        }
        if sequence > told + 1 {
            // Messages in between were deleted on purpose, which is not a loss, or removed by the limits.
            let life = self.shared.link.up_within(CONNECT_TIMEOUT).await?;
            let stream = self.shared.stream(&life).await?;
            let gone = bounds(stream.cached_info())
                .0
                .min(sequence)
                .saturating_sub(1);
            if gone > told {
                self.ready.push_back(Update::Truncated(gone));
            }
        }
        match publication {
            Ok(publication) => self
                .ready
                .push_back(Update::Event(Sequenced::new(sequence, publication))),
            Err(reason) => self.shared.warn_of(sequence, &reason),
        }
        if let Some(told) = &mut self.told {
            told.sequence = sequence;
        }
        self.backoff.reset();
        self.connect(sequence, pending).await
    }

    /// Reports the connection if all due events were returned.
    async fn connect(&mut self, sequence: u64, pending: u64) -> Result<(), BackendError> {
        let Some(due) = self.due else {
            return Ok(());
        };
        // If no messages are pending, the last ones were deleted, or the consumer's server in the cluster does not
        // have them yet.
        let is_all = sequence >= due
            || (pending == 0 && {
                let life = self.shared.link.up_within(CONNECT_TIMEOUT).await?;
                let next = self.shared.next_sequence(&life, sequence, ALL).await?;
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

    /// Handles a failure: the follower opens a new consumer, and reports the reason unless it is the last reported one.
    fn fail(&mut self, error: BackendError) {
        self.pull = None;
        self.due = None;
        self.has_failed = true;
        self.caution.begin_after(&error);
        let reason = chain(&error);
        if self.lost.as_ref() != Some(&reason) {
            self.lost = Some(reason);
            self.ready.push_back(Update::Disconnected(error));
        }
    }
}

/// Returns the text of an error with all its causes.
fn chain(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |&error| error.source());
    let texts = causes.map(|cause| format!(": {cause}"));
    iter::once(error.to_string()).chain(texts).collect()
}

/// Waits for the next message, and requests more messages if necessary.
async fn hear(shared: &Shared, pull: &mut Pull) -> Result<Option<Delivered>, BackendError> {
    if pull.asked() <= BATCH_MESSAGES / 2 {
        pull.ask(BATCH_MESSAGES).await?;
    }
    pull.next(shared).await
}
