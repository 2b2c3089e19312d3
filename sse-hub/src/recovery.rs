//! Events that the log here does not have.

use core::task::{Context, Poll, ready};

use futures_core::{future::BoxFuture, stream::BoxStream};
use sse_hyper::{Encoded, EventId};

use crate::{
    Backend, BackendError, Numbered, Replayed, Selection,
    channel::Channel,
    log::{Back, FULL_FRAME, cost},
    reader::Reader,
    shared::Shared,
    turn::Turn,
};

/// The work of taking an event from a backend, which has to decode it first, and as many of its bytes
/// as take about as long as to match a short topic.
const EVENT: usize = 16;
const EVENT_BYTES: usize = 256;

/// What a subscription waits for before it can look here.
pub(crate) enum Recovery {
    /// The newest events of the log: where do they begin?
    Back(Back),
    /// Nothing has come here yet: what is the newest one? It begins so many before that.
    Newest(NewestNumber, u64),
    /// The client has seen the event with this ID, which has not come here yet: is there one?
    Ahead(NewestNumber, EventId),
    /// Events up to this one.
    Replay(BoxStream<'static, Replayed>, u64),
}

type NewestNumber = BoxFuture<'static, Result<u64, BackendError>>;

/// What came of it.
pub(crate) enum Recovered {
    /// There may be more.
    Some(Encoded),
    /// The last, if there was any.
    All(Option<Encoded>),
    /// The last of the subscription: it is not known where it could go on.
    End(Encoded),
}

impl Recovery {
    /// The events between these numbers.
    pub(crate) fn replay(
        backend: &dyn Backend,
        after: u64,
        through: u64,
        selection: &Selection,
    ) -> Self {
        Self::Replay(backend.replay(after, through, selection), through)
    }

    /// Returns whether the subscriber's position is known before: it comes with an ID.
    pub(crate) fn has_start(&self) -> bool {
        matches!(self, Self::Replay(..))
    }

    /// Takes all that is ready, up to a full frame.
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
                let Some(cursor) = core.log.step_back(back, &channel.selection, turn) else {
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
                let number = shared.number(id).filter(|number| *number <= newest);
                reader.cursor = number.unwrap_or(newest);
                if number.is_some() {
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
                Poll::Ready(Some(Replayed::Event(event))) if event.number > reader.cursor => {
                    reader.cursor = event.number;
                    spend(
                        &mut reader.turn,
                        &event,
                        cost(&event.post.topics, &channel.selection),
                    );
                    if channel.selection.matches_any(&event.post.topics) && shared.accepts(&event) {
                        let block = shared.encode(event.number, &event.post);
                        size += block.len();
                        blocks.push(block);
                    }
                }
                // It was told again.
                Poll::Ready(Some(Replayed::Event(event))) => spend(&mut reader.turn, &event, 0),
                Poll::Ready(Some(Replayed::Gone)) => {
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

/// Resets a subscriber of which the backend refuses to say where it stands.
fn refuse(
    reader: &mut Reader,
    shared: &Shared,
    channel: &Channel,
    error: BackendError,
) -> Poll<Recovered> {
    shared.replay_failed(error);
    let reset = reader.reset(shared, channel, "unavailable");
    // Once the log has events of the backend, it goes on from there.
    Poll::Ready(match shared.is_loaded() {
        true => Recovered::All(Some(reset)),
        false => Recovered::End(reset),
    })
}

/// Counts the work of an event from a backend.
pub(crate) fn spend(turn: &mut Turn, event: &Numbered, others: usize) {
    turn.spend(EVENT + event.post.event.data().len() / EVENT_BYTES + others);
}
