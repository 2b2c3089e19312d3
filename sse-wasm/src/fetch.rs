//! A client over `fetch`, with headers, a method, a body, and access to the response.
//!
//! The state machine of `sse_proto::client` decides when it connects, waits and gives up. The native client
//! `sse-source` uses the same state machine.

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
use sse_proto::{
    Chunk,
    client::{Action, DisconnectReason, Session, SessionEvent},
};

use crate::{
    Builder, Closed, Disconnected, Error, Item,
    clock::{Grace, Timer, now, seed},
    request_options::RequestOptions,
    support::is_fetch_supported,
};
use attempt::{Attempt, Progress};
pub use handle::Handle;
use handle::{Command, Commands};
use page::Listeners;

/// A stream of events over any number of `fetch` requests.
///
/// It works only while it is polled: it reads on demand and buffers at most one chunk. So a slow reader slows the
/// server down, except in Firefox, which buffers everything that arrives. Dropping the stream cancels the request.
///
/// The stream ends after [`close`](Handle::close), or with [`Item::Closed`]. That item has the reason why another
/// attempt would not help, or how the stream of a request that is [sent once](Builder::resend) ended.
#[must_use = "streams do nothing unless polled"]
pub struct FetchSource {
    machine: Session,
    request_options: RequestOptions,
    /// `true` if another request may follow the current one.
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
    /// Connects with `fetch`.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Unsupported`] without a streaming `fetch`, and [`Error::IdTooLong`] if the initial last event
    /// ID is longer than the configuration allows.
    pub fn fetch(self) -> Result<FetchSource, Error> {
        if !is_fetch_supported() {
            let missing = "fetch, ReadableStream or AbortController";
            return Err(Error::Unsupported { missing });
        }
        let seed = seed();
        let mut request_options = self.request_options;
        request_options.request.url = self.url;
        let resends = request_options.resends(&request_options.request);
        let config = match resends {
            true => self.config,
            false => self.config.one_shot(),
        };
        let mut machine = Session::new(config, seed, now());
        request_options.credentials = self.credentials;
        if let Some(id) = request_options.last_event_id.take() {
            machine.set_last_event_id(&id).map_err(Error::IdTooLong)?;
        }
        let commands = Rc::<Commands>::default();
        Ok(FetchSource {
            machine,
            _listeners: Listeners::new(&request_options, self.reconnects_on_wake, &commands),
            resends: Rc::new(Cell::new(resends)),
            request_options,
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
    /// Returns a handle that closes or reconnects the stream from anywhere.
    pub fn handle(&self) -> Handle {
        Handle(Rc::clone(&self.commands))
    }

    /// Returns the ID that a reconnection sends as `Last-Event-ID`, or an empty string.
    pub fn last_event_id(&self) -> &str {
        self.machine.last_event_id()
    }

    /// Returns the URL of the open stream after all redirects, whose origin is the origin of the events.
    pub fn response_url(&self) -> Option<&str> {
        self.attempt.url()
    }

    /// Handles a command of a [`Handle`], or of the page.
    fn obey(&mut self, command: Command) {
        match command {
            Command::Close => {
                self.machine.close();
                // Cancels also the reading of the body of a refusal.
                self.attempt = Attempt::None;
            }
            Command::Hide if self.is_only_try() => {}
            Command::Hide => {
                self.is_hidden = true;
                // A closed machine with an attempt reads the body of a refusal, which continues.
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
            // A hidden page connects in any case when it is shown, and a shown page needs no `Show`.
            Command::Show | Command::Reconnect => {}
        }
    }

    /// Returns whether the current request must not be sent again.
    fn is_only_try(&self) -> bool {
        !self.resends.get() && !matches!(self.attempt, Attempt::None)
    }

    /// Runs the actions of the state machine.
    fn act(&mut self) {
        while let Some(action) = self.machine.poll_action() {
            self.attempt = match action {
                Action::Connect => {
                    self.has_begun = true;
                    let resends = Rc::clone(&self.resends);
                    Attempt::connect(
                        self.request_options.clone(),
                        self.machine.last_event_id(),
                        resends,
                    )
                }
                _ => Attempt::None,
            };
        }
    }

    /// Returns the next change of the state machine as an item for the caller.
    fn change(&mut self) -> Option<Item> {
        match self.machine.poll_change()? {
            SessionEvent::Open => Some(Item::Open),
            SessionEvent::LastEventIdDropped { length, .. } => {
                Some(Item::LastEventIdDropped { length })
            }
            // Only the caller may repeat a request that is sent once.
            SessionEvent::Disconnected { reason, .. }
                if !self.resends.get() && reason != DisconnectReason::Requested =>
            {
                self.machine.close();
                Some(self.end(Closed::by(reason)))
            }
            SessionEvent::Disconnected { reason, delay } => {
                Some(Item::Disconnected(Disconnected {
                    reason: Some(reason),
                    delay: Some(delay),
                }))
            }
            // `Closed` after a refusal is reported later, with the body, which is still being read. `Closed` by the
            // caller is not reported.
            _ => None,
        }
    }

    /// Decodes the current chunk, or polls the request, the stream or the body of a refusal.
    fn poll_attempt(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        if let Some(chunk) = self.attempt.chunk() {
            let mut chunk = Chunk::new(chunk);
            let item = self.machine.decode_owned(&mut chunk, now());
            let left = chunk.rest().len();
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
                self.machine.handle_end_of_stream(now());
            }
            Progress::NetworkError => {
                self.attempt = Attempt::None;
                self.machine.handle_network_error(now());
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

    /// Ends the stream with this last item.
    fn end(&mut self, closed: Closed) -> Item {
        self.attempt = Attempt::None;
        self.is_over = true;
        Item::Closed(closed)
    }

    /// Waits for the next deadline of the state machine.
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
            self.machine.handle_timeout(now);
            return Poll::Ready(());
        }
        self.wake_at(end);
        Poll::Pending
    }

    /// Sets a timer that wakes the stream at this time or earlier.
    ///
    /// A timer that fires too early is cheaper than a new timer for each event.
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
            // A closed stream ends at once, even while the page is hidden.
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
            .field("url", &self.request_options.request.url)
            .field("last_event_id", &self.last_event_id())
            .finish_non_exhaustive()
    }
}
