//! Steps of a new subscription that wait for the log or the backend, and replay from the backend.

use core::task::{Context, Poll, ready};

use futures_core::{future::BoxFuture, stream::BoxStream};
use sse_hyper::{Encoded, EventId};

use crate::{
    Backend, BackendError, Replayed, Sequenced, TopicFilters,
    fanout::channel::Channel,
    hub::Shared,
    log::{Back, FULL_FRAME, cost},
    subscription::cursor::Reader,
    turn::Turn,
};

/// Work of taking an event from a backend and decoding it, in units of [`Turn`].
const EVENT_WORK: usize = 16;

/// Number of bytes of an event that are one more unit of work.
const EVENT_BYTES_PER_WORK: usize = 256;

/// Step that a subscription completes before it can read the log of this hub.
pub(crate) enum Recovery {
    /// Searches the log for the position where the newest events of the selection begin.
    Back(Back),
    /// Asks the backend for its newest event, because the log is not loaded yet. The subscription begins this number of
    /// events before that.
    Newest(LatestSequence, u64),
    /// Asks the backend if there is an event with this ID. The client has seen it, but it has not come to this hub yet.
    Ahead(LatestSequence, EventId),
    /// Replays events from the backend, up to this sequence.
    Replay(BoxStream<'static, Replayed>, u64),
}

type LatestSequence = BoxFuture<'static, Result<u64, BackendError>>;

/// Result of [`Recovery::poll`].
pub(crate) enum Recovered {
    /// Some events. There may be more.
    Some(Encoded),
    /// The last events of the recovery, if there are any.
    All(Option<Encoded>),
    /// The last event of the subscription, which ends because its position is unknown.
    End(Encoded),
}

impl Recovery {
    /// Creates a replay of the events of these filters after `after`, up to `through`.
    pub(crate) fn replay(
        backend: &dyn Backend,
        after: u64,
        through: u64,
        filters: &TopicFilters,
    ) -> Self {
        Self::Replay(backend.replay(after, through, filters), through)
    }

    /// Returns whether the subscriber's position is known before the recovery ends, because the client sent its last
    /// event ID.
    pub(crate) fn has_start(&self) -> bool {
        matches!(self, Self::Replay(..))
    }

    /// Takes all events that are ready, up to a full frame.
    pub(crate) fn poll(
        &mut self,
        reader: &mut Reader,
        shared: &Shared,
        channel: &Channel,
        cx: &mut Context<'_>,
    ) -> Poll<Recovered> {
        let (events, through) = match self {
            Self::Back(back) => {
                let turn = &mut reader.turn;
                let core = shared.read();
                let Some(cursor) = core.log.step_back(back, &channel.filters, turn) else {
                    drop(core);
                    turn.ends(cx);
                    return Poll::Pending;
                };
                reader.cursor = cursor;
                reader.complete_after = core.log.complete_after(false);
                return Poll::Ready(Recovered::All(None));
            }
            Self::Newest(newest, before) => {
                let newest = match ready!(newest.as_mut().poll(cx)) {
                    Ok(newest) => newest,
                    Err(error) => return refuse(reader, shared, channel, error),
                };
                let cursor = newest.saturating_sub(*before);
                reader.cursor = reader.cursor.max(cursor);
                return Poll::Ready(Recovered::All(None));
            }
            Self::Ahead(newest, id) => {
                let newest = match ready!(newest.as_mut().poll(cx)) {
                    Ok(newest) => newest,
                    Err(error) => return refuse(reader, shared, channel, error),
                };
                let sequence = shared.sequence(id).filter(|sequence| *sequence <= newest);
                reader.cursor = sequence.unwrap_or(newest);
                if sequence.is_some() {
                    return Poll::Ready(Recovered::All(None));
                }
                let reset = reader.reset(shared, channel, "unknown");
                return Poll::Ready(Recovered::All(Some(reset)));
            }
            Self::Replay(events, through) => (events, *through),
        };
        let mut blocks = Vec::new();
        let mut size = 0;
        let mut end = None;
        while size < FULL_FRAME && end.is_none() && !reader.turn.ends(cx) {
            match events.as_mut().poll_next(cx) {
                Poll::Ready(Some(Replayed::Event(event))) if event.sequence > reader.cursor => {
                    reader.cursor = event.sequence;
                    spend(
                        &mut reader.turn,
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
                Poll::Ready(Some(Replayed::Event(event))) => spend(&mut reader.turn, &event, 0),
                Poll::Ready(Some(Replayed::Truncated)) => {
                    shared.replayed();
                    end = Some(Some(reader.reset(shared, channel, "too old")));
                }
                Poll::Ready(Some(Replayed::Refused(error))) => {
                    shared.replay_failed(error);
                    end = Some(Some(reader.reset(shared, channel, "unavailable")));
                }
                Poll::Ready(None) => {
                    shared.replayed();
                    reader.cursor = reader.cursor.max(through);
                    end = Some(None);
                }
                Poll::Pending => break,
            }
        }
        let events = blocks.len() as u64;
        shared.counts.replayed(events);
        shared.counts.delivered(events);
        if let Some(reset) = end {
            blocks.extend(reset);
            let all = (!blocks.is_empty()).then(|| Encoded::join(&blocks));
            return Poll::Ready(Recovered::All(all));
        }
        if blocks.is_empty() {
            return Poll::Pending;
        }
        Poll::Ready(Recovered::Some(Encoded::join(&blocks)))
    }
}

/// Resets a subscriber whose position is unknown, because the backend refuses to return its newest sequence.
fn refuse(
    reader: &mut Reader,
    shared: &Shared,
    channel: &Channel,
    error: BackendError,
) -> Poll<Recovered> {
    shared.replay_failed(error);
    let reset = reader.reset(shared, channel, "unavailable");
    // If the log is loaded, the subscriber continues from there.
    Poll::Ready(match shared.is_loaded() {
        true => Recovered::All(Some(reset)),
        false => Recovered::End(reset),
    })
}

/// Subtracts the work of an event from a backend, and `others`, from the turn's budget.
pub(crate) fn spend(turn: &mut Turn, event: &Sequenced, others: usize) {
    turn.spend(EVENT_WORK + event.publication.event.data().len() / EVENT_BYTES_PER_WORK + others);
}
