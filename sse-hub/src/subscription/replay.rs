//! Replay: steps of a new subscription before it reads the log of this hub.

use core::task::{Context, Poll, ready};
use std::sync::Arc;

use futures_core::{future::BoxFuture, stream::BoxStream};

use crate::{
    Backend, BackendError, Encoded, EventId, Publication, Replayed, Sequenced, TopicFilters,
    fanout::channel::Channel,
    hub::Shared,
    log::{BackwardSearch, MAX_FRAME_BYTES, cost},
    subscription::{Start, cursor::Cursor},
    turn::Turn,
};

/// Work of taking an event from a backend and decoding it, in units of [`Turn`].
const EVENT_WORK: usize = 16;

/// Number of bytes of an event that are one more unit of work.
const EVENT_BYTES_PER_WORK: usize = 256;

/// Step that a subscription completes before it can read the log of this hub.
pub(crate) enum Replay {
    /// Searches the log for the position where the latest events of the filters begin.
    SearchLog(BackwardSearch),
    /// Asks the backend for its latest event, because the log is not loaded yet. The subscription begins this number of
    /// events before that.
    AwaitLatest(LatestSequence, u64),
    /// Asks the backend for the event with the client's last event ID, which this hub does not have.
    AwaitSequence(BoxFuture<'static, Result<Found, BackendError>>),
    /// Asks the backend where the requested events begin.
    Locate(BoxFuture<'static, Result<Located, BackendError>>),
    /// Replays events from the backend, up to this sequence.
    Backend(BoxStream<'static, Replayed>, u64),
}

/// Answer of the backend about an event.
pub(crate) struct Found {
    /// Sequence of the event. `None` if it is unknown.
    sequence: Option<u64>,
    /// Sequence of the latest event.
    latest: u64,
}

/// Position where a subscription begins, as the backend knows it.
pub(crate) struct Located {
    pub(crate) position: u64,
    pub(crate) start: Start,
}

type LatestSequence = BoxFuture<'static, Result<u64, BackendError>>;

/// Result of [`Replay::poll`].
pub(crate) enum ReplayStep {
    /// Some events. There may be more.
    Events(Encoded),
    /// The last events of the replay, if there are any.
    Done(Option<Encoded>),
    /// The subscription ends, because its position is unknown. `Some` with its last event.
    Ended(Option<Encoded>),
}

impl Replay {
    /// Creates a replay of the events of these filters after `after`, up to `through`.
    pub(crate) fn from_backend(
        backend: &dyn Backend,
        after: u64,
        through: u64,
        filters: &TopicFilters,
    ) -> Self {
        Self::Backend(backend.replay(after, through, filters), through)
    }

    /// Creates a request for the event with this ID.
    pub(crate) fn find(shared: &Arc<Shared>, id: EventId) -> Self {
        let shared = Arc::clone(shared);
        Self::AwaitSequence(Box::pin(async move {
            let Some(backend) = &shared.backend else {
                return Err(BackendError::new("no backend"));
            };
            let latest = backend.latest_sequence().await?;
            let sequence = sequence_of_id(&shared, &**backend, &id).await?;
            let sequence = sequence.filter(|sequence| *sequence <= latest);
            Ok(Found { sequence, latest })
        }))
    }

    /// Creates a request for the position after this event, or of the earliest event if the backend does not have all
    /// events after it.
    pub(crate) fn locate(shared: &Arc<Shared>, id: Option<EventId>) -> Self {
        let shared = Arc::clone(shared);
        Self::Locate(Box::pin(async move {
            let Some(backend) = &shared.backend else {
                return Err(BackendError::new("no backend"));
            };
            let earliest = backend.earliest_sequence().await?;
            let from_start = Located {
                position: earliest.saturating_sub(1),
                start: Start::Earliest,
            };
            let Some(id) = id else {
                return Ok(from_start);
            };
            let sequence = sequence_of_id(&shared, &**backend, &id).await?;
            let kept = sequence.filter(|sequence| sequence.saturating_add(1) >= earliest);
            Ok(match kept {
                Some(position) if position <= backend.latest_sequence().await? => Located {
                    position,
                    start: Start::Resumed,
                },
                _ => from_start,
            })
        }))
    }

    /// Returns whether the subscriber's position is known before the replay ends, because the client sent its last
    /// event ID.
    pub(crate) fn has_start_position(&self) -> bool {
        matches!(self, Self::Backend(..))
    }

    /// Takes all events that are ready, up to a full frame.
    pub(crate) fn poll(
        &mut self,
        cursor: &mut Cursor,
        shared: &Shared,
        channel: &Channel,
        cx: &mut Context<'_>,
    ) -> Poll<ReplayStep> {
        let (events, through) = match self {
            Self::SearchLog(search) => {
                let turn = &mut cursor.turn;
                let core = shared.read();
                let Some(position) = core.log.search_back(search, &channel.audience, turn) else {
                    drop(core);
                    turn.yield_if_over(cx);
                    return Poll::Pending;
                };
                cursor.position = position;
                cursor.complete_after = core.log.complete_after(false);
                return Poll::Ready(ReplayStep::Done(None));
            }
            Self::AwaitLatest(latest, before) => {
                let latest = match ready!(latest.as_mut().poll(cx)) {
                    Ok(latest) => latest,
                    Err(error) => return refuse(cursor, shared, channel, error),
                };
                let position = latest.saturating_sub(*before);
                cursor.position = cursor.position.max(position);
                return Poll::Ready(ReplayStep::Done(None));
            }
            Self::AwaitSequence(found) => {
                let Found { sequence, latest } = match ready!(found.as_mut().poll(cx)) {
                    Ok(found) => found,
                    Err(error) => return refuse(cursor, shared, channel, error),
                };
                cursor.position = sequence.unwrap_or(latest);
                let is_unknown = sequence.is_none();
                let reset = is_unknown.then(|| cursor.reset(shared, channel, "unknown"));
                return Poll::Ready(ReplayStep::Done(reset.flatten()));
            }
            Self::Locate(located) => {
                match ready!(located.as_mut().poll(cx)) {
                    Ok(Located { position, start }) => {
                        (cursor.position, cursor.start) = (position, start);
                    }
                    Err(error) => {
                        shared.replay_failed(error);
                        cursor.position = shared.read().log.replay_start(false);
                        cursor.start = Start::Earliest;
                    }
                }
                return Poll::Ready(ReplayStep::Done(None));
            }
            Self::Backend(events, through) => (events, *through),
        };
        let mut blocks = Vec::new();
        let mut size = 0;
        let mut end = None;
        let mut is_lost = false;
        while size < MAX_FRAME_BYTES && end.is_none() && !cursor.turn.yield_if_over(cx) {
            match events.as_mut().poll_next(cx) {
                Poll::Ready(Some(Replayed::Event(event))) if event.sequence > cursor.position => {
                    cursor.position = event.sequence;
                    spend(
                        &mut cursor.turn,
                        &event,
                        cost(&event.publication.topics, &channel.audience),
                    );
                    let Publication {
                        topics, private, ..
                    } = &event.publication;
                    if channel.audience.receives(topics, *private) && shared.accepts(&event) {
                        let block = shared.encode(event.sequence, &event.publication);
                        size += block.len();
                        blocks.push(block);
                    }
                }
                // A repeated event.
                Poll::Ready(Some(Replayed::Event(event))) => spend(&mut cursor.turn, &event, 0),
                Poll::Ready(Some(Replayed::Truncated)) => {
                    shared.replayed();
                    is_lost = true;
                    end = Some(cursor.reset(shared, channel, "too old"));
                }
                Poll::Ready(Some(Replayed::Refused(error))) => {
                    shared.replay_failed(error);
                    is_lost = true;
                    end = Some(cursor.reset(shared, channel, "unavailable"));
                }
                Poll::Ready(None) => {
                    shared.replayed();
                    cursor.position = cursor.position.max(through);
                    end = Some(None);
                }
                Poll::Pending => break,
            }
        }
        let events = blocks.len() as u64;
        shared.counters.replayed(events);
        shared.counters.delivered(events);
        if let Some(reset) = end {
            // Without a `reset` event, the client would not notice that it misses events.
            let has_ended = is_lost && reset.is_none();
            blocks.extend(reset);
            let all = (!blocks.is_empty()).then(|| Encoded::join(&blocks));
            return Poll::Ready(match has_ended {
                true => ReplayStep::Ended(all),
                false => ReplayStep::Done(all),
            });
        }
        if blocks.is_empty() {
            return Poll::Pending;
        }
        Poll::Ready(ReplayStep::Events(Encoded::join(&blocks)))
    }
}

/// Returns the sequence of the event with this ID, of the hub or of its publisher. `None` if it is unknown.
///
/// An answer of the backend must have come before, because the epoch is known only then.
async fn sequence_of_id(
    shared: &Shared,
    backend: &dyn Backend,
    id: &EventId,
) -> Result<Option<u64>, BackendError> {
    let own = shared.sequence(id);
    if own.is_some() || !shared.config.publisher_ids {
        return Ok(own);
    }
    let stored = backend.sequence_of_id(id).await?;
    Ok(stored.or_else(|| shared.read().log.sequence_of_id(id)))
}

/// Resets a subscriber whose position is unknown, because the backend refuses to return its latest sequence.
fn refuse(
    cursor: &mut Cursor,
    shared: &Shared,
    channel: &Channel,
    error: BackendError,
) -> Poll<ReplayStep> {
    shared.replay_failed(error);
    let reset = cursor.reset(shared, channel, "unavailable");
    // If the log is loaded, the subscriber continues from there.
    Poll::Ready(match shared.is_loaded() {
        true => ReplayStep::Done(reset),
        false => ReplayStep::Ended(reset),
    })
}

/// Subtracts the work of an event from a backend, and `others`, from the turn's budget.
pub(crate) fn spend(turn: &mut Turn, event: &Sequenced, others: usize) {
    turn.spend(EVENT_WORK + event.publication.event.data().len() / EVENT_BYTES_PER_WORK + others);
}
