//! A cursor into what was published.
//!
//! # A note to the next reader
//!
//! All that a subscription knows of its place is the number of the last event that it took. There are
//! two places to look for the next one, both in the same order: the window of its channel, and the log.
//! Whichever reaches back to the cursor will do, so there is no joint between the past and the present
//! at which an event could be lost or come twice:
//!
//! ```text
//!   backend ─ ─ ─ ─ ─┬──────── log ────────────────┐
//!                    │                  ┌─ window ─┤  of the selection alone, shared
//!   ──────────▲──────┴─────────▲────────┴────▲─────┴──▶ numbers
//!          recovery        catching up      live
//! ```

use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::sync::Arc;

use futures_core::{Stream, future::BoxFuture, stream::BoxStream};
use sse_hyper::{Encoded, Event};

use crate::{
    Denied, Replayed, Slow,
    authority::Guard,
    channel::{Channel, Inner, Part, Place},
    hub::Shared,
    log::FULL_FRAME,
};

/// What one subscriber hears: a stream of [`Encoded`] events, all that are ready at a time, for
/// [`Streams::respond`](sse_hyper::Streams::respond) and whatever else takes a stream of events.
///
/// It has no queue. Dropping it ends it.
pub struct Subscription {
    shared: Arc<Shared>,
    channel: Arc<Channel>,
    place: Place,
    /// The number of the last event that it has taken.
    cursor: u64,
    /// The same as a count of what its channel has had, once it is live.
    ordinal: u64,
    slow: Slow,
    max_lag: Option<u64>,
    /// It has seen all at least once.
    is_live: bool,
    has_ended: bool,
    /// What comes before all else.
    notice: Option<Encoded>,
    recovery: Option<Recovery>,
    guard: Option<Box<Guard>>,
}

/// Events that the log here does not have.
pub(crate) enum Recovery {
    /// Nothing has come here yet: what is the newest one?
    Now(BoxFuture<'static, u64>),
    /// The client has seen one that has not come here yet: is there one?
    Ahead(BoxFuture<'static, u64>),
    Replay {
        events: BoxStream<'static, Replayed>,
        through: u64,
    },
}

/// How it begins.
pub(crate) struct Start {
    pub(crate) shared: Arc<Shared>,
    pub(crate) channel: Arc<Channel>,
    pub(crate) slow: Slow,
    pub(crate) max_lag: Option<u64>,
    pub(crate) guard: Option<Guard>,
    pub(crate) cursor: u64,
    pub(crate) recovery: Option<Recovery>,
    pub(crate) notice: Option<Encoded>,
}

impl Subscription {
    pub(crate) fn new(start: Start) -> Self {
        Self {
            shared: start.shared,
            channel: start.channel,
            place: Place::default(),
            cursor: start.cursor,
            ordinal: 0,
            slow: start.slow,
            max_lag: start.max_lag,
            is_live: false,
            has_ended: false,
            notice: start.notice,
            recovery: start.recovery,
            guard: start.guard.map(Box::new),
        }
    }

    /// The events one by one, as a client reads them: for whoever is in the same program.
    pub fn events(self) -> Events {
        Events {
            subscription: self,
            ready: Vec::new().into_iter(),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        if let Some(guard) = &mut self.guard
            && let Err(denied) = ready!(guard.poll(&self.channel.selection, cx))
        {
            return Poll::Ready(Some(self.end_denied(&denied)));
        }
        if let Some(notice) = self.notice.take() {
            return Poll::Ready(Some(notice));
        }
        loop {
            if self.recovery.is_some() {
                match ready!(self.poll_recovery(cx)) {
                    Some(blocks) => return Poll::Ready(Some(blocks)),
                    None => continue,
                }
            }
            match self.look(cx) {
                Look::Found(blocks) => return Poll::Ready(Some(blocks)),
                Look::Nothing => return Poll::Pending,
                Look::Further => {}
            }
        }
    }

    /// Looks in the window first, and waits if there is nothing.
    fn look(&mut self, cx: &mut Context<'_>) -> Look {
        let channel = Arc::clone(&self.channel);
        let mut window = channel.lock();
        if self.is_live
            && self.slow != Slow::Latest
            && let Some(max) = self.max_lag
            && window.appended.wrapping_sub(self.ordinal) > max
        {
            return Look::Found(self.lag(&window));
        }
        if window.reaches(self.cursor) {
            match window.after(self.cursor) {
                None => {
                    self.is_live = self.shared.is_loaded();
                    self.ordinal = window.appended;
                    window.wait(&mut self.place, cx);
                    return Look::Nothing;
                }
                // Of several, only the log knows which are replaced.
                Some(part) if self.slow != Slow::Latest || part.events == 1 => {
                    drop(window);
                    return Look::Found(self.take(part));
                }
                Some(_) => {}
            }
        }
        drop(window);
        self.catch_up(cx)
    }

    /// Looks in the log.
    fn catch_up(&mut self, cx: &mut Context<'_>) -> Look {
        let is_latest = self.slow == Slow::Latest;
        let shared = Arc::clone(&self.shared);
        let core = shared.read();
        if !core.log.reaches(self.cursor, is_latest) {
            let (newest, is_gone) = (core.log.newest(), core.log.is_gone(self.cursor));
            drop(core);
            return self.lose(newest, is_gone);
        }
        let found = core
            .log
            .find(self.cursor, &self.channel.selection, is_latest);
        drop(core);
        self.cursor = found.cursor;
        if found.blocks.is_empty() {
            if found.is_all {
                return Look::Further;
            }
            // There is more of the log to look at; others first.
            cx.waker().wake_by_ref();
            return Look::Nothing;
        }
        let part = Part {
            blocks: Encoded::join(&found.blocks),
            events: found.blocks.len() as u64,
            last: found.cursor,
        };
        if !self.is_live {
            self.shared.counts.replayed(part.events);
        }
        Look::Found(self.take(part))
    }

    fn take(&mut self, part: Part) -> Encoded {
        self.cursor = part.last;
        self.ordinal = self.ordinal.wrapping_add(part.events);
        self.shared.counts.delivered(part.events);
        part.blocks
    }

    /// What it has not seen is not in the log any more.
    fn lose(&mut self, newest: u64, is_gone: bool) -> Look {
        match &self.shared.backend {
            Some(backend) if !self.is_live && !is_gone => {
                self.recovery = Some(Recovery::Replay {
                    events: backend.replay(self.cursor, newest),
                    through: newest,
                });
                Look::Further
            }
            _ if !self.is_live || is_gone || self.slow == Slow::Latest => {
                Look::Found(self.reset("too old"))
            }
            _ => {
                let channel = Arc::clone(&self.channel);
                let window = channel.lock();
                Look::Found(self.lag(&window))
            }
        }
    }

    /// It is too slow.
    fn lag(&mut self, window: &Inner) -> Encoded {
        let behind = window.appended.wrapping_sub(self.ordinal);
        let dropped = if self.slow == Slow::Disconnect {
            0
        } else {
            behind
        };
        self.shared.counts.lagged(behind, dropped);
        tracing::debug!(behind, "a subscriber is too slow");
        let event_type = self.shared.settings.lagged.clone();
        if self.slow == Slow::Disconnect {
            self.has_ended = true;
            let event = Event::new(format!(r#"{{"behind":{behind}}}"#)).with_type(event_type);
            return Encoded::from(&event.with_retry(self.shared.settings.draw_retry()));
        }
        self.cursor = self.cursor.max(window.newest());
        self.ordinal = window.appended;
        let event = Event::new(format!(r#"{{"missed":{behind}}}"#)).with_type(event_type);
        Encoded::from(&event.with_id(self.shared.settings.ids.id(self.cursor)))
    }

    /// It goes on from now.
    fn reset(&mut self, reason: &str) -> Encoded {
        let window = self.channel.lock();
        let newest = self.cursor.max(window.newest());
        self.ordinal = window.appended;
        drop(window);
        self.cursor = newest;
        self.recovery = None;
        self.shared.counts.reset();
        self.shared.reset(reason, newest)
    }

    fn end_denied(&mut self, denied: &Denied) -> Encoded {
        self.has_ended = true;
        let event = Event::new(denied.0.clone());
        Encoded::from(&event.with_type(self.shared.settings.denied.clone()))
    }

    /// Takes events from the backend, all that are ready.
    fn poll_recovery(&mut self, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        let mut blocks = Vec::new();
        let mut size = 0;
        let is_over = loop {
            let (events, through) = match &mut self.recovery {
                None => break true,
                Some(Recovery::Now(newest)) => {
                    self.cursor = self.cursor.max(ready!(newest.as_mut().poll(cx)));
                    break true;
                }
                Some(Recovery::Ahead(newest)) => {
                    let newest = ready!(newest.as_mut().poll(cx));
                    if newest < self.cursor {
                        self.cursor = newest;
                        return Poll::Ready(Some(self.reset("unknown")));
                    }
                    break true;
                }
                Some(Recovery::Replay { events, through }) => (events, *through),
            };
            match events.as_mut().poll_next(cx) {
                Poll::Ready(Some(Replayed::Event(event))) if event.number > self.cursor => {
                    self.cursor = event.number;
                    if self.channel.selection.matches_any(&event.post.topics) {
                        let block = self.shared.encode(event.number, &event.post);
                        size += block.len();
                        blocks.push(block);
                    }
                    if size >= FULL_FRAME {
                        break false;
                    }
                }
                Poll::Ready(Some(Replayed::Event(_))) => {}
                Poll::Ready(Some(Replayed::Gone)) => {
                    let reset = self.reset("too old");
                    blocks.push(reset);
                    break true;
                }
                Poll::Ready(None) => {
                    self.cursor = self.cursor.max(through);
                    break true;
                }
                Poll::Pending if blocks.is_empty() => return Poll::Pending,
                Poll::Pending => break false,
            }
        };
        if is_over {
            self.recovery = None;
        }
        let events = blocks.len() as u64;
        self.shared.counts.replayed(events);
        self.shared.counts.delivered(events);
        Poll::Ready((events > 0).then(|| Encoded::join(&blocks)))
    }
}

enum Look {
    Found(Encoded),
    /// It will be woken.
    Nothing,
    /// Somewhere else.
    Further,
}

impl Stream for Subscription {
    type Item = Encoded;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        self.get_mut().poll(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.leave(&self.channel, self.place);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("selection", &self.channel.selection)
            .field("cursor", &self.cursor)
            .field("is_live", &self.is_live)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}

/// The events of a [`Subscription`], one by one.
#[derive(Debug)]
pub struct Events {
    subscription: Subscription,
    ready: std::vec::IntoIter<Event>,
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
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
