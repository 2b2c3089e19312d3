//! A client over `fetch`: with headers, a method, a body, and all that a response says. When it
//! connects, waits and gives up is decided by the machine that also drives clients with sockets.

mod attempt;
mod handle;
mod options;
mod page;

use core::{
    cell::Cell,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::rc::Rc;

use futures_core::Stream;
use sse_proto::connection::{Action, Change, Connection as Machine, Reason};

use crate::{
    Builder, Closed, Disconnected, Error, Item,
    clock::{Grace, Timer, now, seed},
    support::is_fetch_supported,
    wishes::Wishes,
};
use attempt::{Attempt, Progress};
pub use handle::Handle;
use handle::{Command, Commands};
use page::Listeners;

/// A stream of events over any number of requests, by `fetch`.
///
/// It does something only while it is polled: it reads when it is asked for more, and holds no more
/// than one chunk, so a slow reader slows the server down; but not in Firefox, which takes in all that
/// comes. Dropping it cancels the request.
///
/// It ends after [`close`](Handle::close), or with [`Item::Closed`], which says why no other attempt
/// would help, or how the stream ended of a request that is [sent once](Builder::with_resend).
#[must_use = "streams do nothing unless polled"]
pub struct FetchSource {
    machine: Machine,
    wishes: Wishes,
    /// If another request may follow the one that is under way.
    resends: Rc<Cell<bool>>,
    ping: Option<String>,
    attempt: Attempt,
    commands: Rc<Commands>,
    timer: Option<Timer>,
    grace: Grace,
    has_begun: bool,
    is_hidden: bool,
    is_over: bool,
    _listeners: Listeners,
}

impl Builder {
    /// Connects by `fetch`.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] without a `fetch` that streams, [`Error::IdTooLong`] for a last event ID that is
    /// longer than the settings allow.
    pub fn fetch(self) -> Result<FetchSource, Error> {
        if !is_fetch_supported() {
            let missing = "fetch, ReadableStream or AbortController";
            return Err(Error::Unsupported { missing });
        }
        let seed = seed();
        let mut wishes = self.wishes;
        wishes.request.url = self.url;
        let resends = wishes.resends(&wishes.request);
        let settings = match resends {
            true => self.settings,
            false => self.settings.for_one_request(),
        };
        let mut machine = Machine::new(settings, seed, now());
        wishes.credentials = self.credentials;
        if let Some(id) = wishes.last_event_id.take() {
            machine.set_last_event_id(&id).map_err(Error::IdTooLong)?;
        }
        let commands = Rc::<Commands>::default();
        Ok(FetchSource {
            machine,
            _listeners: Listeners::new(&wishes, self.reconnects_on_wake, &commands),
            resends: Rc::new(Cell::new(resends)),
            wishes,
            ping: self.ping,
            attempt: Attempt::None,
            commands,
            timer: None,
            grace: Grace::default(),
            has_begun: false,
            is_hidden: false,
            is_over: false,
        })
    }
}

impl FetchSource {
    /// A handle to close it or have it connect again, from anywhere.
    pub fn handle(&self) -> Handle {
        Handle(Rc::clone(&self.commands))
    }

    /// What a reconnection sends as `Last-Event-ID`; empty if there is none.
    pub fn last_event_id(&self) -> &str {
        self.machine.last_event_id()
    }

    /// Where the stream that is open comes from, with all redirects followed: it is the origin of its
    /// events.
    pub fn response_url(&self) -> Option<&str> {
        self.attempt.url()
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Close => {
                self.machine.close();
                // Also if it is reading why it was refused.
                self.attempt = Attempt::None;
            }
            Command::Hide if self.is_only_try() => {}
            Command::Hide => {
                self.is_hidden = true;
                // Unless it is reading why it was refused.
                if !self.machine.is_closed() {
                    self.attempt = Attempt::None;
                }
            }
            Command::LookAtTheClock => self.timer = None,
            Command::Show if self.is_hidden => {
                self.is_hidden = false;
                self.machine.reconnect(now());
            }
            Command::Reconnect if !self.is_hidden => self.machine.reconnect(now()),
            Command::Wake if self.has_begun && !self.is_hidden && self.resends.get() => {
                self.machine.reconnect(now());
            }
            Command::Wake => {}
            // When it is shown again it connects in any case.
            Command::Show | Command::Reconnect => {}
        }
    }

    /// Returns whether a request is under way that may not be sent again.
    fn is_only_try(&self) -> bool {
        !self.resends.get() && !matches!(self.attempt, Attempt::None)
    }

    /// What the machine wants.
    fn act(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            self.attempt = match action {
                Action::Connect => {
                    self.has_begun = true;
                    let resends = Rc::clone(&self.resends);
                    Attempt::connect(self.wishes.clone(), self.machine.last_event_id(), resends)
                }
                _ => Attempt::None,
            };
        }
    }

    /// What the machine says, for the caller.
    fn change(&mut self) -> Option<Item> {
        match self.machine.poll_change()? {
            Change::Open => Some(Item::Open),
            Change::LastEventIdDropped { length, .. } => Some(Item::LastEventIdDropped { length }),
            // Only the caller can ask for such a request again.
            Change::Disconnected { reason, .. }
                if !self.resends.get() && reason != Reason::Requested =>
            {
                self.machine.close();
                Some(self.end(Closed::by(reason)))
            }
            Change::Disconnected { reason, delay } => Some(Item::Disconnected(Disconnected {
                reason: Some(reason),
                delay: Some(delay),
            })),
            // With what the server says, which is still being read; or nothing to say.
            _ => None,
        }
    }

    /// Goes on with what is under way.
    fn poll_attempt(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        if let Some(mut chunk) = self.attempt.chunk() {
            let item = self.machine.decode_owned(&mut chunk, now());
            let left = chunk.len();
            self.attempt.leave(left);
            return Poll::Ready(match item {
                Ok(item) => item
                    .and_then(Item::from_decoded)
                    .filter(|item| !self.is_ping(item)),
                Err(error) => Some(Item::TooLarge(error)),
            });
        }
        match ready!(self.attempt.poll(cx)) {
            Progress::Chunk => {}
            Progress::Response(response) => self.attempt = response.tell(&mut self.machine, now()),
            Progress::End => {
                self.attempt = Attempt::None;
                self.machine.on_end(now());
            }
            Progress::NetworkError => {
                self.attempt = Attempt::None;
                self.machine.on_network_error(now());
            }
            Progress::Closed(closed) => {
                self.machine.close();
                return Poll::Ready(Some(self.end(closed)));
            }
        }
        Poll::Ready(None)
    }

    fn is_ping(&self, item: &Item) -> bool {
        matches!((item, &self.ping), (Item::Event(event), Some(ping)) if event.event_type == *ping)
    }

    fn end(&mut self, closed: Closed) -> Item {
        self.attempt = Attempt::None;
        self.is_over = true;
        Item::Closed(closed)
    }

    /// Waits for the time that the machine waits for.
    fn poll_timer(&mut self) -> Poll<()> {
        let Some(time) = self.machine.poll_timeout() else {
            return Poll::Pending;
        };
        let now = now();
        let end = match self.attempt {
            Attempt::None => time,
            _ => self.grace.end_of(time, now),
        };
        if now >= end {
            self.machine.on_timeout(now);
            return Poll::Ready(());
        }
        self.wake_at(end);
        Poll::Pending
    }

    /// At this time or before. A timer that comes too early is cheaper than one for each event.
    fn wake_at(&mut self, time: Duration) {
        let is_set = |timer: &Timer| timer.time <= time;
        if !self.timer.as_ref().is_some_and(is_set) {
            let commands = Rc::clone(&self.commands);
            let wake = move || commands.push(Command::LookAtTheClock);
            self.timer = Some(Timer::new(time, wake));
        }
    }
}

impl Stream for FetchSource {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let this = &mut *self;
        loop {
            if this.is_over {
                return Poll::Ready(None);
            }
            while let Some(command) = this.commands.next(cx) {
                this.obey(command);
            }
            // An end does not wait until the page is shown.
            if this.is_hidden && !this.machine.is_closed() {
                return Poll::Pending;
            }
            this.act();
            if let Some(item) = this.change() {
                return Poll::Ready(Some(item));
            }
            if this.machine.is_closed() && matches!(this.attempt, Attempt::None) {
                this.is_over = true;
                continue;
            }
            match this.poll_attempt(cx) {
                Poll::Ready(Some(item)) => return Poll::Ready(Some(item)),
                Poll::Ready(None) => continue,
                Poll::Pending => {}
            }
            ready!(this.poll_timer());
        }
    }
}

impl fmt::Debug for FetchSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchSource")
            .field("url", &self.wishes.request.url)
            .field("last_event_id", &self.last_event_id())
            .finish_non_exhaustive()
    }
}
