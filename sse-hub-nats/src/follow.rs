//! Follower: returns the events of the stream as they are published, over all failures.

use core::{future, time::Duration};
use std::{collections::VecDeque, sync::Arc};

use futures_core::Stream;
use futures_util::stream;
use sse_hub::{BackendError, Sequenced, Update};

use crate::{
    connection::Backoff,
    consumer::{Delivered, OrderedConsumer},
    jetstream::Shared,
    poison::{ALL_SUBJECTS, Found, RawReads},
    stream::{bounds, epoch},
};

/// Number of messages that the follower requests at a time. It requests more after half of them have arrived.
const BATCH_MESSAGES: usize = 512;

/// Time after which the follower reports a missing connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Returns about this number of the latest events, and then each event when it is published. The stream never ends.
pub(crate) fn follow(
    shared: Arc<Shared>,
    initial_events: usize,
) -> impl Stream<Item = Update> + Send {
    let follower = Follower {
        shared,
        initial_events,
        position: None,
        consumer: None,
        catch_up_to: None,
        ready: VecDeque::new(),
        last_reported: None,
        backoff: Backoff::default(),
        raw_reads: RawReads::default(),
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
    initial_events: usize,
    /// Position in the stream. `None` until the first access to the stream.
    position: Option<Position>,
    consumer: Option<OrderedConsumer>,
    /// The follower counts as connected after it has returned all events up to this one.
    catch_up_to: Option<u64>,
    ready: VecDeque<Update>,
    /// Last reported reason of a disconnection.
    last_reported: Option<BackendError>,
    backoff: Backoff,
    raw_reads: RawReads,
    has_failed: bool,
    /// The stream has restarted with lower sequences, so the sequences of the hub are useless.
    is_broken: bool,
}

/// Position of a follower in the stream.
struct Position {
    /// All events up to this one were returned, or reported as truncated.
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
            let step = match &mut self.consumer {
                Some(consumer) => recv(&self.shared, consumer).await,
                None => self.open().await.map(|()| None),
            };
            let step = match step {
                Ok(Some(delivered)) => self.emit(delivered).await,
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
        let connection = self
            .shared
            .connections
            .connected_within(CONNECT_TIMEOUT)
            .await?;
        let stream = self.shared.stream(&connection).await?;
        let info = stream.cached_info();
        let (first, last) = bounds(info);
        let mut sequence = self.resume_after(epoch(info), first, last)?;
        self.catch_up_to = Some(last);
        while !self.raw_reads.is_empty() {
            let shared = Arc::clone(&self.shared);
            let found = shared.read_raw(&connection, sequence, &mut self.raw_reads);
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
            self.emit(Delivered {
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
        let consumer = OrderedConsumer::open(&self.shared, connection, sequence, None).await?;
        let pending = consumer.pending();
        self.consumer = Some(consumer);
        self.connect(sequence, pending).await
    }

    /// Returns the sequence after which to continue, in a stream with this epoch and these bounds. Reports the events
    /// that are truncated.
    fn resume_after(&mut self, epoch: u64, first: u64, last: u64) -> Result<u64, BackendError> {
        let Some(position) = &mut self.position else {
            let initial_events = u64::try_from(self.initial_events).unwrap_or(u64::MAX);
            let sequence = last
                .saturating_sub(initial_events)
                .max(first.saturating_sub(1));
            if sequence > 0 {
                self.ready.push_back(Update::Truncated(sequence));
            }
            self.position = Some(Position { sequence, epoch });
            return Ok(sequence);
        };
        let stream = &self.shared.config.stream;
        if first > position.sequence {
            if first > position.sequence + 1 {
                self.ready.push_back(Update::Truncated(first - 1));
            }
            *position = Position {
                sequence: first - 1,
                epoch,
            };
            self.shared.set_epoch(epoch);
        } else if position.epoch != 0 && epoch != 0 && position.epoch != epoch {
            self.is_broken = true;
            let sequence = position.sequence;
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
        } else if last < position.sequence {
            return Err(BackendError::new(format!(
                "stream {stream:?} ends at {last}, but {} was seen before",
                position.sequence
            )));
        }
        Ok(position.sequence)
    }

    /// Handles a message: returns its event, and reports the truncated events before it.
    async fn emit(&mut self, delivered: Delivered) -> Result<(), BackendError> {
        let Delivered {
            sequence,
            pending,
            publication,
        } = delivered;
        let last = self
            .position
            .as_ref()
            .map_or(0, |position| position.sequence);
        if sequence <= last {
            return Ok(());
        }
        if sequence > last + 1 {
            // Messages in between were deleted on purpose, which is not a loss, or removed by the limits.
            let connection = self
                .shared
                .connections
                .connected_within(CONNECT_TIMEOUT)
                .await?;
            let stream = self.shared.stream(&connection).await?;
            let truncated = bounds(stream.cached_info())
                .0
                .min(sequence)
                .saturating_sub(1);
            if truncated > last {
                self.ready.push_back(Update::Truncated(truncated));
            }
        }
        match publication {
            Ok(publication) => self
                .ready
                .push_back(Update::Event(Sequenced::new(sequence, publication))),
            Err(reason) => self.shared.warn_skipped(sequence, &reason),
        }
        if let Some(position) = &mut self.position {
            position.sequence = sequence;
        }
        self.backoff.reset();
        self.connect(sequence, pending).await
    }

    /// Reports the connection if all these events were returned.
    async fn connect(&mut self, sequence: u64, pending: u64) -> Result<(), BackendError> {
        let Some(catch_up_to) = self.catch_up_to else {
            return Ok(());
        };
        // If no messages are pending, the last ones were deleted, or the consumer's server in the cluster does not
        // have them yet.
        let is_all = sequence >= catch_up_to
            || (pending == 0 && {
                let connection = self
                    .shared
                    .connections
                    .connected_within(CONNECT_TIMEOUT)
                    .await?;
                let next = self
                    .shared
                    .next_sequence(&connection, sequence, ALL_SUBJECTS)
                    .await?;
                next.is_none_or(|next| next > catch_up_to)
            });
        if is_all {
            self.catch_up_to = None;
            self.last_reported = None;
            self.backoff.reset();
            self.ready.push_back(Update::Connected);
        }
        Ok(())
    }

    /// Handles a failure: the follower opens a new consumer, and reports the reason unless it is the last reported one.
    fn fail(&mut self, error: BackendError) {
        self.consumer = None;
        self.catch_up_to = None;
        self.has_failed = true;
        self.raw_reads.require_after(&error);
        let last = self.last_reported.as_ref();
        if !last.is_some_and(|last| last.has_same_text(&error)) {
            self.last_reported = Some(error.clone());
            self.ready.push_back(Update::Disconnected(error));
        }
    }
}

/// Waits for the next message, and requests more messages if necessary.
async fn recv(
    shared: &Shared,
    consumer: &mut OrderedConsumer,
) -> Result<Option<Delivered>, BackendError> {
    if consumer.outstanding() <= BATCH_MESSAGES / 2 {
        consumer.request(BATCH_MESSAGES).await?;
    }
    consumer.next(shared).await
}
