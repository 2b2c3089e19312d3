//! Events that the log here does not have.

use core::task::{Context, Poll, ready};

use futures_core::{future::BoxFuture, stream::BoxStream};
use sse_hyper::Encoded;

use crate::{Backend, Replayed, channel::Channel, log::FULL_FRAME, reader::Reader, shared::Shared};

/// How many events are looked at before others have their turn.
const AT_ONCE: usize = 1024;

/// What a subscription waits for before it can look here.
pub(crate) enum Recovery {
    /// Nothing has come here yet: what is the newest one? It begins so many before that.
    Newest(BoxFuture<'static, u64>, u64),
    /// The client has seen one that has not come here yet: is there one?
    Ahead(BoxFuture<'static, u64>),
    /// Events up to this one.
    Replay(BoxStream<'static, Replayed>, u64),
}

/// What came of it.
pub(crate) enum Recovered {
    /// There may be more.
    Some(Encoded),
    /// The last, if there was any.
    All(Option<Encoded>),
}

impl Recovery {
    /// The events between these numbers.
    pub(crate) fn replay(backend: &dyn Backend, after: u64, through: u64) -> Self {
        Self::Replay(backend.replay(after, through), through)
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
            Self::Newest(newest, before) => {
                let cursor = ready!(newest.as_mut().poll(cx)).saturating_sub(*before);
                reader.cursor = reader.cursor.max(cursor);
                return Poll::Ready(Recovered::All(None));
            }
            Self::Ahead(newest) => {
                let newest = ready!(newest.as_mut().poll(cx));
                if newest >= reader.cursor {
                    return Poll::Ready(Recovered::All(None));
                }
                reader.cursor = newest;
                let reset = reader.reset(shared, channel, "unknown");
                return Poll::Ready(Recovered::All(Some(reset)));
            }
            Self::Replay(events, through) => (events, *through),
        };
        let mut blocks = Vec::new();
        let mut size = 0;
        let mut end = None;
        let mut looked_at = 0;
        while size < FULL_FRAME && end.is_none() {
            if looked_at == AT_ONCE {
                cx.waker().wake_by_ref();
                break;
            }
            looked_at += 1;
            match events.as_mut().poll_next(cx) {
                Poll::Ready(Some(Replayed::Event(event))) if event.number > reader.cursor => {
                    reader.cursor = event.number;
                    if channel.selection.matches_any(&event.post.topics) {
                        let block = shared.encode(event.number, &event.post);
                        size += block.len();
                        blocks.push(block);
                    }
                }
                // It was told again.
                Poll::Ready(Some(Replayed::Event(_))) => {}
                Poll::Ready(Some(Replayed::Gone)) => {
                    end = Some(Some(reader.reset(shared, channel, "too old")));
                }
                Poll::Ready(None) => {
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
