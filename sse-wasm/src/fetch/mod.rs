//! A client over `fetch`, with headers, a method, a body, and access to the response.
//!
//! A `Session` of `sse_proto::client` decides when it connects, waits and gives up. The native client `sse-source` is
//! driven by the same type.

mod attempt;
mod handle;
pub(crate) mod request;

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
    client::{Action, DisconnectReason, Session, SessionEvent, SessionOutput},
};

use crate::{
    Builder, Closed, Disconnected, Error, Item,
    browser::is_fetch_supported,
    clock::{Timer, now, seed},
};
use attempt::{Attempt, Progress};
pub use handle::Handle;
use handle::{Command, Commands, PageListeners};
pub use request::Request;
use request::RequestOptions;

/// A stream of the items of a connection over `fetch`, which reconnects with further requests.
///
/// It is returned by [`Builder::fetch`], and works only while it is polled. It reads on demand and buffers at most one
/// chunk. So a slow reader slows the server down, except in Firefox, which buffers everything that arrives. Dropping the
/// stream cancels the request.
///
/// The stream ends after [`close`](Handle::close), or with [`Item::Closed`]. That item has the reason why another
/// attempt would not help, or how the stream of a request that is [sent once](Builder::resend) ended.
///
/// ```no_run
/// use futures_util::StreamExt;
/// use sse_wasm::{Builder, Item};
///
/// # async fn example() -> Result<(), sse_wasm::Error> {
/// let mut items = Builder::new("/v1/chat")
///     .method("POST")
///     .header("Authorization", "Bearer secret")
///     .body(r#"{"stream":true}"#)
///     .fetch()?;
/// while let Some(item) = items.next().await {
///     match item {
///         Item::Event(event) => { /* event.data */ }
///         Item::Closed(closed) => { /* closed.reason, closed.headers, closed.body */ }
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct FetchSource {
    session: Session,
    options: RequestOptions,
    /// `true` if another request may follow the current one.
    is_resent: Rc<Cell<bool>>,
    ping_event_type: Option<String>,
    attempt: Attempt,
    commands: Rc<Commands>,
    timer: Option<Timer>,
    has_connected: bool,
    is_hidden: bool,
    has_ended: bool,
    _listeners: PageListeners,
}

impl Builder {
    /// Creates a client over `fetch`, which sends its first request when it is polled.
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
        let mut options = self.request_options;
        options.request.url = self.url;
        options.with_credentials = self.with_credentials;
        let is_resent = options.is_resent(&options.request);
        let config = match is_resent {
            true => self.config,
            false => self.config.one_shot(),
        };
        let mut session = Session::new(config, seed, now());
        if let Some(id) = options.last_event_id.take() {
            session.set_last_event_id(&id).map_err(Error::IdTooLong)?;
        }
        let commands = Rc::<Commands>::default();
        Ok(FetchSource {
            session,
            _listeners: PageListeners::new(&options, self.reconnect_on_wake, &commands),
            is_resent: Rc::new(Cell::new(is_resent)),
            options,
            ping_event_type: self.ping_event_type,
            attempt: Attempt::None,
            commands,
            timer: None,
            has_connected: false,
            is_hidden: false,
            has_ended: false,
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
        self.session.last_event_id()
    }

    /// Returns the URL of the open stream after all redirects, whose origin is the origin of the events.
    pub fn response_url(&self) -> Option<&str> {
        self.attempt.url()
    }

    /// Handles a command of a [`Handle`], or of the page.
    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Close => {
                self.session.close();
                // Also cancels the reading of the body of an error response.
                self.attempt = Attempt::None;
            }
            Command::PageHidden if self.must_not_interrupt() => {}
            Command::PageHidden => {
                self.is_hidden = true;
                // A closed session with an attempt reads the body of an error response, which continues.
                if !self.session.is_closed() {
                    self.attempt = Attempt::None;
                }
            }
            Command::TimerFired => self.timer = None,
            Command::PageShown if self.is_hidden => {
                self.is_hidden = false;
                self.session.reconnect(now());
            }
            Command::Reconnect if !self.is_hidden => self.session.reconnect(now()),
            Command::Wake if self.has_connected && !self.is_hidden && self.is_resent.get() => {
                self.session.reconnect(now());
            }
            Command::Wake => {}
            // A hidden page connects in any case when it is shown, and a shown page needs no `PageShown`.
            Command::PageShown | Command::Reconnect => {}
        }
    }

    /// Returns whether a request is running that must not be sent again.
    fn must_not_interrupt(&self) -> bool {
        !self.is_resent.get() && !matches!(self.attempt, Attempt::None)
    }

    /// Takes the pending outputs of the session, up to the next item for the caller.
    fn next_output(&mut self) -> Option<Item> {
        loop {
            match self.session.poll_output()? {
                SessionOutput::Action(action) => self.run_action(action),
                SessionOutput::Event(event) => {
                    if let Some(item) = self.item_from(event) {
                        return Some(item);
                    }
                }
                _ => {}
            }
        }
    }

    fn run_action(&mut self, action: Action) {
        self.attempt = match action {
            Action::Connect => {
                self.has_connected = true;
                let is_resent = Rc::clone(&self.is_resent);
                Attempt::connect(
                    self.options.clone(),
                    self.session.last_event_id(),
                    is_resent,
                )
            }
            _ => Attempt::None,
        };
    }

    /// Returns the item that tells the caller about an event of the session.
    fn item_from(&mut self, event: SessionEvent) -> Option<Item> {
        match event {
            SessionEvent::Open => Some(Item::Open),
            SessionEvent::LastEventIdDropped { length, .. } => {
                Some(Item::LastEventIdDropped { length })
            }
            // Only the caller may repeat a request that is sent once.
            SessionEvent::Disconnected { reason, .. }
                if !self.is_resent.get() && reason != DisconnectReason::Requested =>
            {
                self.session.close();
                Some(self.end(Closed::from_reason(reason)))
            }
            SessionEvent::Disconnected { reason, delay } => {
                Some(Item::Disconnected(Disconnected {
                    reason: Some(reason),
                    delay: Some(delay),
                }))
            }
            // `Closed` after an error response is reported later, with the body, which is still being read. `Closed` by
            // the caller is not reported.
            _ => None,
        }
    }

    /// Decodes the current chunk, or polls the request, the stream or the body of an error response.
    fn poll_attempt(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        if let Some(chunk) = self.attempt.chunk() {
            let mut chunk = Chunk::new(chunk);
            let item = self.session.decode_owned(&mut chunk, now());
            let remaining = chunk.rest().len();
            self.attempt.set_remaining(remaining);
            return Poll::Ready(match item {
                Ok(item) => item
                    .and_then(Item::from_decoded)
                    .filter(|item| !self.is_ping(item)),
                Err(error) => Some(Item::TooLarge(error)),
            });
        }
        match ready!(self.attempt.poll(cx)) {
            Progress::Chunk => {}
            Progress::Response(response) => {
                self.attempt = response.handle(&mut self.session, now())
            }
            Progress::End => {
                self.attempt = Attempt::None;
                self.session.handle_end_of_stream(now());
            }
            Progress::NetworkError => {
                self.attempt = Attempt::None;
                self.session.handle_network_error(now());
            }
            Progress::Closed(closed) => {
                self.session.close();
                return Poll::Ready(Some(self.end(closed)));
            }
        }
        Poll::Ready(None)
    }

    fn is_ping(&self, item: &Item) -> bool {
        matches!((item, &self.ping_event_type), (Item::Event(event), Some(ping)) if event.event_type == *ping)
    }

    /// Ends the stream with this last item.
    fn end(&mut self, closed: Closed) -> Item {
        self.attempt = Attempt::None;
        self.has_ended = true;
        Item::Closed(closed)
    }

    /// Waits for the next deadline of the session.
    fn poll_timer(&mut self) -> Poll<()> {
        let Some(time) = self.session.poll_timeout() else {
            return Poll::Pending;
        };
        let now = now();
        if now >= time {
            self.session.handle_timeout(now);
            return Poll::Ready(());
        }
        self.wake_at(time);
        Poll::Pending
    }

    /// Sets a timer that wakes the stream at this time or earlier.
    ///
    /// A timer that fires too early is cheaper than a new timer for each event.
    fn wake_at(&mut self, time: Duration) {
        let is_set = |timer: &Timer| timer.time <= time;
        if !self.timer.as_ref().is_some_and(is_set) {
            let commands = Rc::clone(&self.commands);
            let wake = move || commands.push(Command::TimerFired);
            self.timer = Some(Timer::new(time, wake));
        }
    }
}

impl Stream for FetchSource {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        let this = &mut *self;
        loop {
            if this.has_ended {
                return Poll::Ready(None);
            }
            while let Some(command) = this.commands.next(cx) {
                this.handle_command(command);
            }
            // A closed stream ends at once, even while the page is hidden.
            if this.is_hidden && !this.session.is_closed() {
                return Poll::Pending;
            }
            if let Some(item) = this.next_output() {
                return Poll::Ready(Some(item));
            }
            if this.session.is_closed() && matches!(this.attempt, Attempt::None) {
                this.has_ended = true;
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
            .field("url", &self.options.request.url)
            .field("last_event_id", &self.last_event_id())
            .finish_non_exhaustive()
    }
}
