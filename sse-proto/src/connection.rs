//! The life of an event source, without I/O: when to connect, what a response means, when to try
//! again and when to stop
//! ([9.2.3, Processing model](https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model)).
//!
//! # For the driver
//!
//! A [`Connection`] does nothing by itself. Whoever has sockets and a clock, the driver, tells it what
//! happened and then asks what follows:
//!
//! ```text
//!   told                                       asked after each, until there is no more
//!
//!   on_response(status, type)                  poll_action   abort the request, connect
//!   decode(chunk)  ──▶  items                  poll_change   open, disconnected, closed
//!   on_end, on_network_error                   poll_timeout  when to call on_timeout
//!   on_timeout, close, reconnect
//! ```
//!
//! Time is a [`Duration`] since a moment of the driver's choice, and must not go backwards. Chance, of
//! which each delay has a little, comes from a seed. So a test can live through a day in no time.
//!
//! ```text
//!             on_response: 200, text/event-stream
//!  Connecting ───────────────────────────────────▶ Open
//!     ▲    │                                         │
//!     │    │ network error, timeout, 5xx, 408, 425,  │ end, network error, timeout
//!     │    │ 429                                     │
//!     │    ▼                                         │
//!     └── Waiting ◀──────────────────────────────────┘
//!             any ── 204, another status or type, close() ──▶ Closed
//! ```
//!
//! # Where it leaves the standard
//!
//! On purpose, and each by what section 9.2.3 allows ("optionally, wait some more") or by an option:
//!
//! - A delay has a floor, for `retry: 0` makes clients hammer servers, and a ceiling, for a client that
//!   waits for years is of no use.
//! - It doubles with each attempt that came to nothing, and has a random part, so that the clients of a
//!   server that was gone do not all come back at once. [`Settings::with_exact_delays`] leaves that out. An event,
//!   an ID, or a stream that lived as long as its delay came to something.
//! - Statuses that say "not now" (408, 425, 429 and 5xx) are not a reason to stop, unless
//!   [`Settings::with_standard_statuses`] asks for the standard's word, by which all but 200 are, or the driver
//!   [decides](Connection::on_refusal).
//! - A connection on which nothing comes for too long can be given up
//!   ([`Settings::with_idle_timeout`]).
//! - An ID has a limit ([`Settings::with_max_id_bytes`]). A server that refuses a request because of its ID,
//!   with 431 or, if the ID is longer than 1024 bytes, with 400, is asked once more without it
//!   ([`Change::LastEventIdDropped`]), unless [`Settings::with_standard_statuses`] asks for the standard's word.

mod backoff;
mod content_type;
mod reason;
mod response;
mod retry_after;
mod settings;

use alloc::{collections::VecDeque, string::String};
use core::time::Duration;

use backoff::Backoff;
pub use content_type::is_event_stream;
pub use reason::Reason;
pub use retry_after::retry_after_seconds;
pub use settings::Settings;

use crate::{Chunk, DecodeError, Decoder, EventId, IdTooLong, Item};

/// What the driver has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Drop the request that is under way. Nothing that still comes of it is to be told.
    Abort,
    /// Send a request, with the [last event ID](Connection::last_event_id) as it is now, if it is not
    /// empty.
    Connect,
}

/// How the connection stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Change {
    /// Announced: the stream is there.
    Open,
    /// There is none, and there will be another try.
    Disconnected {
        /// Why.
        reason: Reason,
        /// How long after now.
        delay: Duration,
    },
    /// The server refused the request because of the last event ID, so the next attempt is without it: events
    /// may be missed, or come again. The refusal follows as [`Change::Disconnected`].
    #[non_exhaustive]
    LastEventIdDropped {
        /// How long the ID was, in bytes.
        length: usize,
    },
    /// It is over.
    Closed(Reason),
}

/// An event source: the decoder of its streams, and the state between them.
#[derive(Debug)]
pub struct Connection {
    settings: Settings,
    state: State,
    decoder: Decoder,
    backoff: Backoff,
    actions: VecDeque<Action>,
    changes: VecDeque<Change>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Connecting {
        deadline: Option<Duration>,
    },
    Open {
        since: Duration,
        deadline: Option<Duration>,
    },
    Waiting {
        until: Duration,
    },
    Closed,
}

impl Connection {
    /// An event source that wants to connect. The seed is for the random part of delays.
    pub fn new(settings: Settings, seed: u64, now: Duration) -> Self {
        let mut connection = Self {
            state: State::Closed,
            decoder: settings.decoder(),
            backoff: Backoff::new(seed, settings.reconnection_time),
            actions: VecDeque::new(),
            changes: VecDeque::new(),
            settings,
        };
        connection.connect(now);
        connection
    }

    /// What a reconnection sends as `Last-Event-ID`; empty if there is none. Kept over any number of
    /// connections, until the stream sets another or, by an empty `id`, none.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Returns whether the stream, if it ends now, leaves an event unfinished: as
    /// [`Decoder::is_inside_event`](crate::Decoder::is_inside_event).
    pub fn is_inside_event(&self) -> bool {
        self.decoder.is_inside_event()
    }

    /// Sets the last event ID, for a source that goes on where an earlier one stopped.
    ///
    /// # Errors
    ///
    /// [`IdTooLong`] if it is longer than [allowed](Settings::with_max_id_bytes). Then the one before stays.
    pub fn set_last_event_id(&mut self, id: &EventId) -> Result<(), IdTooLong> {
        self.decoder.set_last_event_id(id)
    }

    /// How long a delay is without the parts that failures and chance add.
    pub fn reconnection_time(&self) -> Duration {
        self.backoff.reconnection_time
    }

    /// Returns the number of attempts in a row that came to nothing, up to the last one that ended. An event or an
    /// ID sets it to 0, and so does the end of a stream that lived for as long as the delay.
    pub fn failed_attempts(&self) -> u32 {
        self.backoff.failures
    }

    /// Whether it is over. Then there are no actions any more.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// The next thing to do, if there is one.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next change, if there is one.
    pub fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// When to call [`on_timeout`](Self::on_timeout), if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match self.state {
            State::Connecting { deadline } | State::Open { deadline, .. } => deadline,
            State::Waiting { until } => Some(until),
            State::Closed => None,
        }
    }

    /// Takes what it needs from a chunk of the stream and returns at most one item: as
    /// [`Decoder::decode`]. Of a stream that is not open, all is dropped.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLarge`] and [`DecodeError::IdTooLong`]. Nothing that follows is lost: call again.
    pub fn decode<'a, 'i: 'a>(
        &'a mut self,
        chunk: &mut Chunk<'i>,
        now: Duration,
    ) -> Result<Option<Item<&'a str>>, DecodeError> {
        if !self.is_alive(now) {
            *chunk = Chunk::new(&[]);
            return Ok(None);
        }
        let item = self.decoder.decode(chunk)?;
        self.backoff.on_item(item.as_ref());
        Ok(item)
    }

    /// As [`decode`](Self::decode), but what it gives can be kept. Takes what it needs from the front of
    /// the input.
    ///
    /// # Errors
    ///
    /// As for [`decode`](Self::decode).
    #[inline]
    pub fn decode_owned(
        &mut self,
        input: &mut &[u8],
        now: Duration,
    ) -> Result<Option<Item<String, EventId>>, DecodeError> {
        if !self.is_alive(now) {
            *input = &[];
            return Ok(None);
        }
        let item = self.decoder.next_owned(input);
        self.backoff
            .on_item(item.as_ref().ok().and_then(Option::as_ref));
        item
    }

    /// An event came that was decoded elsewhere: by a browser's `EventSource`, for one, which shows
    /// no bytes.
    pub fn on_event(&mut self, now: Duration) {
        if self.is_alive(now) {
            self.backoff.on_success();
        }
    }

    /// Whether there is a stream, of which something came just now.
    fn is_alive(&mut self, now: Duration) -> bool {
        let State::Open { deadline, .. } = &mut self.state else {
            return false;
        };
        *deadline = end_of(self.settings.idle_timeout, now);
        true
    }

    /// The stream ended as streams do: [`Reason::End`], or [`Reason::Truncated`] inside an event. For the event all the
    /// same, [`decode`](Self::decode) two LF before.
    pub fn on_end(&mut self, now: Duration) {
        match self.state {
            State::Open { .. } if self.decoder.is_inside_event() => {
                self.lose(Reason::Truncated, None, now);
            }
            State::Open { .. } | State::Connecting { .. } => self.lose(Reason::End, None, now),
            State::Waiting { .. } | State::Closed => {}
        }
    }

    /// No connection, or it broke.
    pub fn on_network_error(&mut self, now: Duration) {
        if let State::Open { .. } | State::Connecting { .. } = self.state {
            self.lose(Reason::NetworkError, None, now);
        }
    }

    /// Handles a request that could not be prepared, for example because no token could be had. Another attempt
    /// follows.
    pub fn on_preparation_error(&mut self, now: Duration) {
        if let State::Connecting { .. } = self.state {
            self.lose(Reason::Preparation, None, now);
        }
    }

    /// The time has come, or not yet: it may be called at any time.
    pub fn on_timeout(&mut self, now: Duration) {
        let is_due = |deadline: Option<Duration>| deadline.is_some_and(|time| time <= now);
        match self.state {
            State::Waiting { until } if until <= now => self.connect(now),
            State::Connecting { deadline } if is_due(deadline) => {
                self.actions.push_back(Action::Abort);
                self.lose(Reason::HeadTimeout, None, now);
            }
            State::Open { deadline, .. } if is_due(deadline) => {
                self.actions.push_back(Action::Abort);
                self.lose(Reason::IdleTimeout, None, now);
            }
            _ => {}
        }
    }

    /// Ends it for good: no event comes any more.
    pub fn close(&mut self) {
        if !self.is_closed() {
            self.stop(Reason::Requested);
        }
    }

    /// Connects again at once, with whatever it has. Nothing if it is closed.
    pub fn reconnect(&mut self, now: Duration) {
        match self.state {
            State::Closed => return,
            State::Waiting { .. } => {}
            State::Connecting { .. } | State::Open { .. } => {
                self.actions.push_back(Action::Abort);
                self.changes.push_back(Change::Disconnected {
                    reason: Reason::Requested,
                    delay: Duration::ZERO,
                });
            }
        }
        self.connect(now);
    }

    fn connect(&mut self, now: Duration) {
        let deadline = end_of(self.settings.head_timeout(), now);
        self.state = State::Connecting { deadline };
        self.actions.push_back(Action::Connect);
    }

    /// "Reestablish the connection."
    fn lose(&mut self, reason: Reason, at_least: Option<Duration>, now: Duration) {
        if let State::Open { since, .. } = self.state {
            let lived = now.saturating_sub(since);
            self.backoff.on_end(lived, reason, &self.settings);
            // A server that asks to be polled sends an ID, without data, and ends the stream.
            if self.decoder.has_committed_id() {
                self.backoff.on_success();
            }
        }
        let delay = self
            .backoff
            .delay(&self.settings)
            .max(at_least.unwrap_or_default().min(self.settings.ceiling));
        self.state = State::Waiting {
            until: now.saturating_add(delay),
        };
        self.changes
            .push_back(Change::Disconnected { reason, delay });
    }

    /// "Fail the connection." What the driver was to do before does not matter any more.
    fn stop(&mut self, reason: Reason) {
        self.actions.clear();
        if let State::Connecting { .. } | State::Open { .. } = self.state {
            self.actions.push_back(Action::Abort);
        }
        self.state = State::Closed;
        self.changes.push_back(Change::Closed(reason));
    }
}

/// When this timeout is over, if there is one.
fn end_of(timeout: Option<Duration>, now: Duration) -> Option<Duration> {
    timeout.map(|timeout| now.saturating_add(timeout))
}
