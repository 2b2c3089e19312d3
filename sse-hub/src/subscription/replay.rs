//! Replay: steps of a new subscription before it reads the log of this hub.

use core::task::{Context, Poll, ready};

use futures_core::{future::BoxFuture, stream::BoxStream};

use crate::{
    Backend, BackendError, Encoded, EventId, Replayed, Sequenced, TopicFilters,
    fanout::channel::Channel,
    hub::Shared,
    log::{BackwardSearch, MAX_FRAME_BYTES, cost},
    subscription::cursor::Cursor,
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
    /// Asks the backend if there is an event with this ID. The client has seen it, but it has not come to this hub yet.
    AwaitSequence(LatestSequence, EventId),
    /// Replays events from the backend, up to this sequence.
    Backend(BoxStream<'static, Replayed>, u64),
}

type LatestSequence = BoxFuture<'static, Result<u64, BackendError>>;

/// Result of [`Replay::poll`].
pub(crate) enum ReplayStep {
    /// Some events. There may be more.
    Events(Encoded),
    /// The last events of the replay, if there are any.
    Done(Option<Encoded>),
    /// The last event of the subscription, which ends because its position is unknown.
    Ended(Encoded),
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
                let Some(position) = core.log.search_back(search, &channel.filters, turn) else {
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
            Self::AwaitSequence(latest, id) => {
                let latest = match ready!(latest.as_mut().poll(cx)) {
                    Ok(latest) => latest,
                    Err(error) => return refuse(cursor, shared, channel, error),
                };
                let sequence = shared.sequence(id).filter(|sequence| *sequence <= latest);
                cursor.position = sequence.unwrap_or(latest);
                if sequence.is_some() {
                    return Poll::Ready(ReplayStep::Done(None));
                }
                let reset = cursor.reset(shared, channel, "unknown");
                return Poll::Ready(ReplayStep::Done(Some(reset)));
            }
            Self::Backend(events, through) => (events, *through),
        };
        let mut blocks = Vec::new();
        let mut size = 0;
        let mut end = None;
        while size < MAX_FRAME_BYTES && end.is_none() && !cursor.turn.yield_if_over(cx) {
            match events.as_mut().poll_next(cx) {
                Poll::Ready(Some(Replayed::Event(event))) if event.sequence > cursor.position => {
                    cursor.position = event.sequence;
                    spend(
                        &mut cursor.turn,
                        &event,
                        cost(&event.publication.topics, &channel.filters),
                    );
                    if channel.filters.matches_any(&event.publication.topics)
                        && shared.accepts(&event)
                    {
                        let block = shared.encode(event.sequence, &event.publication);
                        size += block.len();
                        blocks.push(block);
                    }
                }
                // A repeated event.
                Poll::Ready(Some(Replayed::Event(event))) => spend(&mut cursor.turn, &event, 0),
                Poll::Ready(Some(Replayed::Truncated)) => {
                    shared.replayed();
                    end = Some(Some(cursor.reset(shared, channel, "too old")));
                }
                Poll::Ready(Some(Replayed::Refused(error))) => {
                    shared.replay_failed(error);
                    end = Some(Some(cursor.reset(shared, channel, "unavailable")));
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
            blocks.extend(reset);
            let all = (!blocks.is_empty()).then(|| Encoded::join(&blocks));
            return Poll::Ready(ReplayStep::Done(all));
        }
        if blocks.is_empty() {
            return Poll::Pending;
        }
        Poll::Ready(ReplayStep::Events(Encoded::join(&blocks)))
    }
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
        true => ReplayStep::Done(Some(reset)),
        false => ReplayStep::Ended(reset),
    })
}

/// Subtracts the work of an event from a backend, and `others`, from the turn's budget.
pub(crate) fn spend(turn: &mut Turn, event: &Sequenced, others: usize) {
    turn.spend(EVENT_WORK + event.publication.event.data().len() / EVENT_BYTES_PER_WORK + others);
}
