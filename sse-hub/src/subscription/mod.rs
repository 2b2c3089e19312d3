mod authorization;
mod builder;
mod cursor;
pub(crate) mod replay;

use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::sync::Arc;

use futures_core::Stream;
use sse_hyper::{Encoded, Event};

use crate::{fanout::channel::Channel, hub::Shared, turn::Turn};

pub use builder::{SubscribeError, SubscriptionBuilder};

use authorization::Guard;
use cursor::{Look, Reader};
use replay::{Recovered, Recovery};

/// Work of returning one event, in units of [`Turn`].
const EVENT_WORK: usize = 16;

/// Stream of the [`Encoded`] events of one subscriber. Each item has all events that are ready, up to a full frame.
///
/// Pass it to [`StreamTracker::respond`](sse_hyper::StreamTracker::respond), or to anything else that takes a stream of events.
///
/// A subscription has no queue. Drop it to unsubscribe. If it always has events when it is polled, it lets other
/// tasks run from time to time: it returns `Pending` and wakes its task at once.
pub struct Subscription {
    shared: Arc<Shared>,
    channel: Arc<Channel>,
    reader: Reader,
    has_ended: bool,
    /// Rare state. It is boxed, because there are very many subscriptions and most do not need it.
    special: Option<Box<Special>>,
}

/// Steps before the next event.
#[derive(Default)]
pub(crate) struct Special {
    pub(crate) guard: Option<Guard>,
    /// The first position event has not been sent yet.
    pub(crate) is_new: bool,
    pub(crate) notice: Option<Encoded>,
    pub(crate) recovery: Option<Recovery>,
}

impl Subscription {
    pub(crate) fn new(
        shared: Arc<Shared>,
        channel: Arc<Channel>,
        reader: Reader,
        special: Special,
    ) -> Self {
        let is_none = special.guard.is_none()
            && !special.is_new
            && special.notice.is_none()
            && special.recovery.is_none();
        Self {
            shared,
            channel,
            reader,
            has_ended: false,
            special: (!is_none).then(|| Box::new(special)),
        }
    }

    /// Returns a stream of single events, for a subscriber in the same program.
    ///
    /// The stream has no [position](crate::HubConfig::position_events) events, because the subscriber cannot lose a
    /// connection.
    pub fn events(mut self) -> Events {
        self.reader.announces_position = false;
        if let Some(special) = &mut self.special {
            special.is_new = false;
        }
        Events {
            subscription: self,
            ready: Vec::new().into_iter(),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        if self.shared.is_closed() {
            return self.end();
        }
        while !self.reader.turn.ends(cx) {
            if let Some(blocks) = ready!(self.poll_special(cx)) {
                return Poll::Ready(Some(blocks));
            }
            match self.reader.look(&self.shared, &self.channel, cx) {
                Look::Found(blocks) => return Poll::Ready(Some(blocks)),
                Look::Last(blocks) => {
                    self.has_ended = true;
                    return Poll::Ready(Some(blocks));
                }
                Look::Nothing => {
                    // The hub may have been closed before this subscriber was registered to be woken.
                    if self.shared.is_closed() {
                        return self.end();
                    }
                    self.reader.turn = Turn::new();
                    return Poll::Pending;
                }
                Look::Again => {}
                Look::Elsewhere(after, through) => {
                    let backend = self.shared.backend.as_deref();
                    let filters = &self.channel.filters;
                    let recovery = backend.map(|it| Recovery::replay(it, after, through, filters));
                    self.special.get_or_insert_default().recovery = recovery;
                }
            }
        }
        Poll::Pending
    }

    /// Ends the subscription, because the hub is closed. Returns the close event.
    fn end(&mut self) -> Poll<Option<Encoded>> {
        self.has_ended = true;
        let recovery = self.special.as_ref().and_then(|it| it.recovery.as_ref());
        let is_known = recovery.is_none_or(Recovery::has_start)
            && self.reader.can_resume(&self.shared, &self.channel);
        let cursor = is_known.then_some(self.reader.cursor);
        let close_event = self.shared.close_event(cursor);
        Poll::Ready(close_event.filter(|close_event| !close_event.is_empty()))
    }

    /// Returns ready with blocks to send before the next event, or with `None` if the next event can be sent.
    fn poll_special(&mut self, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        let Some(special) = &mut self.special else {
            return Poll::Ready(None);
        };
        if let Some(guard) = &mut special.guard
            && let Err(denied) = ready!(guard.poll(&self.channel.filters, cx))
        {
            self.has_ended = true;
            return Poll::Ready(Some(self.shared.denied(denied, self.reader.cursor)));
        }
        if let Some(notice) = special.notice.take() {
            return Poll::Ready(Some(notice));
        }
        if let Some(recovery) = &mut special.recovery {
            // Otherwise, the position is known only when the recovery has ended.
            if recovery.has_start() && core::mem::take(&mut special.is_new) {
                return Poll::Ready(Some(self.shared.position(self.reader.cursor)));
            }
            let recovered = recovery.poll(&mut self.reader, &self.shared, &self.channel, cx);
            match ready!(recovered) {
                Recovered::Some(blocks) => return Poll::Ready(Some(blocks)),
                Recovered::End(blocks) => {
                    self.has_ended = true;
                    return Poll::Ready(Some(blocks));
                }
                Recovered::All(blocks) => {
                    special.recovery = None;
                    if blocks.is_some() {
                        return Poll::Ready(blocks);
                    }
                }
            }
        }
        // If the client cannot resume here, it gets no position. When it reconnects without an ID, it gets the same
        // replay once more, and not a reset.
        if core::mem::take(&mut special.is_new)
            && self.reader.can_resume(&self.shared, &self.channel)
        {
            return Poll::Ready(Some(self.shared.position(self.reader.cursor)));
        }
        if special.guard.is_none() {
            self.special = None;
        }
        Poll::Ready(None)
    }
}

impl Stream for Subscription {
    type Item = Encoded;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        self.get_mut().poll(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.leave(&self.channel, self.reader.place);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("selection", &self.channel.filters)
            .field("reader", &self.reader)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}

/// Stream of the single events of a [`Subscription`].
#[derive(Debug)]
pub struct Events {
    subscription: Subscription,
    ready: std::vec::IntoIter<Event>,
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        let turn = &mut this.subscription.reader.turn;
        if turn.ends(cx) {
            return Poll::Pending;
        }
        turn.spend(EVENT_WORK);
        loop {
            if let Some(event) = this.ready.next() {
                return Poll::Ready(Some(event));
            }
            match ready!(this.subscription.poll(cx)) {
                Some(blocks) => this.ready = blocks.events().collect::<Vec<_>>().into_iter(),
                None => return Poll::Ready(None),
            }
        }
    }
}
