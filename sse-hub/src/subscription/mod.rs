//! Subscriptions: streams of the events of one subscriber.

mod authorization;
mod builder;
mod cursor;
pub(crate) mod replay;

use core::{
    any::Any,
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};
use std::sync::Arc;

use futures_core::Stream;
use tokio::time::Sleep;

use crate::{Encoded, Event, fanout::channel::Channel, hub::Shared, turn::Turn};

pub use builder::{SubscribeError, SubscriptionBuilder};

use authorization::Authorization;
use cursor::{Cursor, ReadStep};
use replay::{Replay, ReplayStep};

/// Work of returning one event, in units of [`Turn`].
const EVENT_WORK: usize = 16;

/// Stream of the [`Encoded`] events of one subscriber. Each item has all events that are ready, up to 16 KiB.
///
/// A single event that is larger is an item of its own.
///
/// Pass it to `sse_hyper::StreamTracker::respond`, or to anything else that takes a stream of encoded events. For a
/// subscriber in the same program, [`events`](Self::events) returns a stream of single events.
///
/// Drop the subscription to unsubscribe. A subscription has no queue of its own, so it takes little memory while its
/// client does not read.
///
/// If there are always events when it is polled, it lets other tasks run from time to time: it returns `Pending` and
/// wakes its task at once.
#[must_use = "a subscription unsubscribes when it is dropped, and does nothing unless polled"]
pub struct Subscription {
    shared: Arc<Shared>,
    channel: Arc<Channel>,
    cursor: Cursor,
    /// Value that the server has attached. A thin pointer, because most subscriptions have none.
    _held: Option<Box<HeldValue>>,
    /// Rare state. It is boxed, because there are very many subscriptions and most do not need it.
    prelude: Option<Box<Prelude>>,
}

/// Value that is dropped with a subscription.
type HeldValue = Box<dyn Any + Send + Sync>;

/// Steps before the next event.
#[derive(Default)]
pub(crate) struct Prelude {
    pub(crate) authorization: Option<Authorization>,
    /// Timer of the end of the subscription.
    pub(crate) end: Option<Pin<Box<Sleep>>>,
    /// The first position event is still to be sent.
    pub(crate) announce_position: bool,
    pub(crate) reset_event: Option<Encoded>,
    pub(crate) replay: Option<Replay>,
}

/// Result of [`Subscription::poll_prelude`].
enum PreludeStep {
    /// Events to send before the others.
    Send(Encoded),
    /// The subscription has ended. `Some` with its last events.
    Ended(Option<Encoded>),
    /// The next event can be sent.
    Done,
}

/// Position where a subscription begins, from [`Subscription::start`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// The subscription begins with the events from now on, or it is not known where it begins.
    Now,
    /// The subscription resumes after the [requested event](SubscriptionBuilder::after_or_start), with all events that
    /// follow it.
    Resumed,
    /// The subscription begins with the earliest event that is kept.
    Earliest,
}

impl Subscription {
    pub(crate) fn new(
        shared: Arc<Shared>,
        channel: Arc<Channel>,
        cursor: Cursor,
        prelude: Prelude,
    ) -> Self {
        let is_empty = prelude.authorization.is_none()
            && prelude.end.is_none()
            && !prelude.announce_position
            && prelude.reset_event.is_none()
            && prelude.replay.is_none();
        Self {
            shared,
            channel,
            cursor,
            _held: None,
            prelude: (!is_empty).then(|| Box::new(prelude)),
        }
    }

    /// Returns a stream of single events, for a subscriber in the same program.
    ///
    /// The stream has no [position](crate::HubConfig::position_events) events, because the subscriber cannot lose a
    /// connection.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use sse_hub::{Event, Hub, Topic};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let hub = Hub::default();
    /// let news = Topic::new("news")?;
    /// let mut events = hub.subscribe(&news, None)?.events();
    /// hub.publish((&news, Event::new("it works"))).await?;
    /// assert_eq!(events.next().await.expect("an event").data(), "it works");
    /// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    pub fn events(mut self) -> Events {
        self.cursor.position_events = false;
        if let Some(prelude) = &mut self.prelude {
            prelude.announce_position = false;
        }
        Events {
            subscription: self,
            ready: Vec::new().into_iter(),
        }
    }

    /// Returns where the subscription begins. Waits for the backend, if there is one and it has to be asked.
    ///
    /// Call it before the subscription is polled, for example to tell the client in the head of the response.
    pub async fn start(&mut self) -> Start {
        if let Some(prelude) = &mut self.prelude
            && let Some(replay @ Replay::Locate(_)) = &mut prelude.replay
        {
            let (shared, channel, cursor) = (&self.shared, &self.channel, &mut self.cursor);
            poll_fn(|cx| replay.poll(cursor, shared, channel, cx)).await;
            prelude.replay = None;
        }
        self.cursor.start
    }

    /// Holds a value until the subscription is dropped, for example a guard that counts the streams of a client.
    ///
    /// A second value replaces the first one.
    pub fn hold(&mut self, value: impl Any + Send + Sync) {
        self._held = Some(Box::new(Box::new(value)));
    }

    /// Returns a number that all subscriptions of a hub with the same audience have, as long as one of them is
    /// open.
    ///
    /// Use it with [`poll_events`](Self::poll_events), to share a waker between subscriptions.
    pub fn channel_id(&self) -> u64 {
        self.channel.id
    }

    /// Returns whether the subscription waits only for events of its filters, after it has returned `Pending`.
    ///
    /// If not, it also waits for a replay, for the expiry of a grant, or for its end.
    pub fn waits_only_for_events(&self) -> bool {
        self.prelude.is_none()
    }

    /// Returns whether a poll would return `Pending`, because the subscription is registered to be woken by the next
    /// event.
    ///
    /// After [`poll_events`](Self::poll_events) has returned the latest event, this saves the poll that would only
    /// return `Pending`. `false` does not mean that there are events.
    pub fn is_registered(&self) -> bool {
        // The hub may have been closed before this subscriber was registered.
        self.prelude.is_none()
            && self.channel.is_waiting(self.cursor.waiter)
            && !self.shared.is_closed()
    }

    /// Returns the next events like the stream does, but wakes another waker when there are new events. Use the same
    /// `events_waker` in each call.
    ///
    /// This is for an event loop that drives many subscriptions. If those with the same
    /// [`channel_id`](Self::channel_id) are polled with the same `events_waker`, a new event wakes the loop once, and
    /// not once for each subscriber. Then the loop polls all of these subscriptions. Closing the hub wakes this waker,
    /// too.
    ///
    /// The waker of the context is for everything else. It is woken during the poll if the subscription has done much
    /// work and wants to be polled again. It is woken after the poll only if the subscription does not
    /// [wait only for events](Self::waits_only_for_events).
    pub fn poll_events(
        &mut self,
        cx: &mut Context<'_>,
        events_waker: &Waker,
    ) -> Poll<Option<Encoded>> {
        self.poll(cx, events_waker, true)
    }

    /// Returns the next events. If the events waker `is_kept`, it is the same in each call.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        events_waker: &Waker,
        is_kept: bool,
    ) -> Poll<Option<Encoded>> {
        if self.cursor.has_ended {
            return Poll::Ready(None);
        }
        if self.shared.is_closed() {
            return self.end();
        }
        while !self.cursor.turn.yield_if_over(cx) {
            match ready!(self.poll_prelude(cx)) {
                PreludeStep::Done => {}
                PreludeStep::Send(blocks) => return Poll::Ready(Some(blocks)),
                PreludeStep::Ended(blocks) => {
                    self.cursor.has_ended = true;
                    return Poll::Ready(blocks);
                }
            }
            let step = self
                .cursor
                .read(&self.shared, &self.channel, events_waker, is_kept);
            match step {
                ReadStep::Events(blocks) => return Poll::Ready(Some(blocks)),
                ReadStep::Ended(blocks) => {
                    self.cursor.has_ended = true;
                    return Poll::Ready(blocks);
                }
                ReadStep::CaughtUp => {
                    // The hub may have been closed before this subscriber was registered to be woken.
                    if self.shared.is_closed() {
                        return self.end();
                    }
                    self.cursor.turn = Turn::new();
                    return Poll::Pending;
                }
                ReadStep::Again => {}
                ReadStep::InBackend(after, through) => {
                    let backend = self.shared.backend.as_deref();
                    let filters = &self.channel.audience.filters;
                    let replay = backend
                        .map(|backend| Replay::from_backend(backend, after, through, filters));
                    self.prelude.get_or_insert_default().replay = replay;
                }
            }
        }
        Poll::Pending
    }

    /// Ends the subscription, because the hub is closed. Returns the close event.
    fn end(&mut self) -> Poll<Option<Encoded>> {
        self.cursor.has_ended = true;
        let replay = self
            .prelude
            .as_ref()
            .and_then(|prelude| prelude.replay.as_ref());
        let is_known = replay.is_none_or(Replay::has_start_position)
            && self.cursor.can_resume(&self.shared, &self.channel);
        let position = is_known.then_some(self.cursor.position);
        let close_event = self.shared.close_event(position);
        Poll::Ready(close_event.filter(|close_event| !close_event.is_empty()))
    }

    /// Returns ready with the next step before the events.
    fn poll_prelude(&mut self, cx: &mut Context<'_>) -> Poll<PreludeStep> {
        let Some(prelude) = &mut self.prelude else {
            return Poll::Ready(PreludeStep::Done);
        };
        if let Some(end) = &mut prelude.end
            && end.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(PreludeStep::Ended(None));
        }
        if let Some(authorization) = &mut prelude.authorization
            && let Err(denied) = ready!(authorization.poll(&self.channel.audience.filters, cx))
        {
            let denied = self.shared.denied(denied, self.cursor.position);
            return Poll::Ready(PreludeStep::Ended(denied));
        }
        if let Some(reset_event) = prelude.reset_event.take() {
            return Poll::Ready(PreludeStep::Send(reset_event));
        }
        if let Some(replay) = &mut prelude.replay {
            // Otherwise, the position is known only when the replay has ended.
            if replay.has_start_position() && core::mem::take(&mut prelude.announce_position) {
                let position = self.shared.position(self.cursor.position);
                return Poll::Ready(PreludeStep::Send(position));
            }
            let step = replay.poll(&mut self.cursor, &self.shared, &self.channel, cx);
            match ready!(step) {
                ReplayStep::Events(blocks) => return Poll::Ready(PreludeStep::Send(blocks)),
                ReplayStep::Ended(blocks) => return Poll::Ready(PreludeStep::Ended(blocks)),
                ReplayStep::Done(blocks) => {
                    prelude.replay = None;
                    if let Some(blocks) = blocks {
                        return Poll::Ready(PreludeStep::Send(blocks));
                    }
                }
            }
        }
        // If the client cannot resume here, it gets no position. When it reconnects without an ID, it gets the same
        // replay once more, and not a reset.
        if core::mem::take(&mut prelude.announce_position)
            && self.cursor.can_resume(&self.shared, &self.channel)
        {
            let position = self.shared.position(self.cursor.position);
            return Poll::Ready(PreludeStep::Send(position));
        }
        if prelude.authorization.is_none() && prelude.end.is_none() {
            self.prelude = None;
        }
        Poll::Ready(PreludeStep::Done)
    }
}

impl Stream for Subscription {
    type Item = Encoded;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        let waker = cx.waker();
        self.get_mut().poll(cx, waker, false)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.unsubscribe(&self.channel, self.cursor.waiter);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("audience", &self.channel.audience)
            .field("cursor", &self.cursor)
            .field("has_ended", &self.cursor.has_ended)
            .finish_non_exhaustive()
    }
}

/// Stream of the single events of a [`Subscription`], from [`Subscription::events`].
#[derive(Debug)]
#[must_use = "streams do nothing unless polled"]
pub struct Events {
    subscription: Subscription,
    ready: std::vec::IntoIter<Event>,
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        let turn = &mut this.subscription.cursor.turn;
        if turn.yield_if_over(cx) {
            return Poll::Pending;
        }
        turn.spend(EVENT_WORK);
        loop {
            if let Some(event) = this.ready.next() {
                return Poll::Ready(Some(event));
            }
            match ready!(Pin::new(&mut this.subscription).poll_next(cx)) {
                Some(blocks) => this.ready = blocks.events().collect::<Vec<_>>().into_iter(),
                None => return Poll::Ready(None),
            }
        }
    }
}
