//! Client session without I/O: when to connect, what a response means, when to reconnect and when to stop
//! ([9.2.3, Processing model](https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model)).
//!
//! # Driver
//!
//! A [`Session`] does no I/O. The code that owns the sockets and the clock is called the driver. It reports
//! responses, data and errors, and then polls for what to do next:
//!
//! ```text
//!   inputs                                     outputs, polled after each input
//!
//!   handle_response(status, type) ──▶ verdict  poll_output   abort the request, connect;
//!   decode(chunk) ──▶ items                                  open, disconnected, closed
//!   handle_end_of_stream                       poll_timeout  when to call handle_timeout
//!   handle_network_error
//!   handle_timeout, close, reconnect
//! ```
//!
//! Time is a [`Duration`] since a moment that the driver chooses. It must not go backwards. The jitter of
//! each delay comes from a seed. So a test can simulate a day without waiting.
//!
//! ```text
//!             handle_response: 200, text/event-stream
//!  Connecting ───────────────────────────────────▶ Open
//!     ▲    │                                         │
//!     │    │ network error, timeout, 5xx, 408, 425,  │ end, network error, timeout
//!     │    │ 429                                     │
//!     │    ▼                                         │
//!     └── Waiting ◀──────────────────────────────────┘
//!             any ── 204, another status or type, close() ──▶ Closed
//! ```
//!
//! ```
//! use core::time::Duration;
//! use sse_proto::{
//!     Chunk, Item,
//!     client::{Action, ClientConfig, DisconnectReason, Session, SessionEvent, SessionOutput, Verdict},
//! };
//!
//! let now = Duration::ZERO;
//! let mut session = Session::new(ClientConfig::default().jitter(false), 0, now);
//! assert_eq!(session.poll_output(), Some(SessionOutput::Action(Action::Connect)));
//!
//! // The driver sends the request, and reports the response and its data.
//! let verdict = session.handle_response(200, Some(b"text/event-stream"), now);
//! assert_eq!(verdict, Verdict::Stream);
//! assert_eq!(session.poll_output(), Some(SessionOutput::Event(SessionEvent::Open)));
//! let mut chunk = Chunk::from("id: 7\ndata: hello\n\n");
//! let item = session.decode(&mut chunk, now)?;
//! assert!(matches!(item, Some(Item::Event(event)) if event.data == "hello"));
//!
//! // The connection breaks. After the delay, the driver reconnects with the last event ID.
//! session.handle_network_error(now);
//! let disconnected = SessionEvent::Disconnected {
//!     reason: DisconnectReason::NetworkError,
//!     delay: Duration::from_secs(3),
//! };
//! assert_eq!(session.poll_output(), Some(SessionOutput::Event(disconnected)));
//! session.handle_timeout(Duration::from_secs(3));
//! assert_eq!(session.poll_output(), Some(SessionOutput::Action(Action::Connect)));
//! assert_eq!(session.last_event_id(), "7");
//! # Ok::<(), sse_proto::DecodeError>(())
//! ```
//!
//! # Deviations from the standard
//!
//! Each deviation is allowed by section 9.2.3 ("optionally, wait some more") or depends on an option:
//!
//! - A delay has a minimum, because `retry: 0` makes clients overload servers. It has a maximum, because a client
//!   that waits for years is useless.
//! - The delay doubles with each failed attempt and has jitter. Otherwise all clients of a server that was
//!   down would reconnect at the same time. [`ClientConfig::jitter`] turns the jitter off. An attempt
//!   succeeds if it yields an event, an ID, or a stream that lasts as long as its delay.
//! - The statuses 408, 425, 429 and 5xx mean "not now" and are retried. The standard stops at every status but
//!   200; so does a session with [`retry_server_errors(false)`](ClientConfig::retry_server_errors). The driver can
//!   also [decide](Session::handle_unexpected_response) for each response.
//! - A connection that is idle for too long can be given up ([`ClientConfig::idle_timeout`]).
//! - An ID has a maximum length ([`ClientConfig::max_id_bytes`]).
//! - A server can refuse a request because of its ID: with status 431, or with status 400 if the ID is longer than
//!   1024 bytes. Then one more request is sent without the ID ([`SessionEvent::LastEventIdDropped`]), unless
//!   [`retry_server_errors(false)`](ClientConfig::retry_server_errors) is set.

mod backoff;
mod config;
mod http;

use alloc::{collections::VecDeque, string::String};
use core::{fmt, time::Duration};

use backoff::Backoff;
pub use config::ClientConfig;
pub use http::{Verdict, is_event_stream, retry_after_seconds};

use crate::{Chunk, DecodeError, Decoder, EventId, IdTooLong, Item};

/// Delay of a call of [`Session::handle_timeout`] from which it counts as late.
const MAX_WAKE_DELAY: Duration = Duration::from_millis(20);

/// Time that the driver has after a late call to read what has already arrived.
const GRACE_PERIOD: Duration = Duration::from_millis(100);

/// Output of a session, from [`Session::poll_output`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionOutput {
    /// The driver has to take this action.
    Action(Action),
    /// The state has changed. The driver tells the caller.
    Event(SessionEvent),
}

/// Action that the driver has to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Abort the current request, and ignore what it still yields.
    Abort,
    /// Send a request. If the current [last event ID](Session::last_event_id) is not empty, send it as
    /// `Last-Event-ID`.
    Connect,
}

/// Change of the state of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionEvent {
    /// The stream is open ("announce the connection").
    Open,
    /// The connection is lost or failed, and another attempt follows.
    Disconnected {
        /// Reason for the disconnection.
        reason: DisconnectReason,
        /// Time from now to the next attempt.
        delay: Duration,
    },
    /// The server refused the request because of the last event ID, so the next attempt is without it. Events may
    /// be missed, or received twice. [`SessionEvent::Disconnected`] with the refusal follows.
    #[non_exhaustive]
    LastEventIdDropped {
        /// Length of the dropped ID, in bytes.
        length: usize,
    },
    /// The session is closed: no connection follows.
    Closed(DisconnectReason),
}

/// Reason why a connection ended or could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The server ended the stream.
    EndOfStream,
    /// The server ended the stream inside an event, which is lost (see
    /// [`Decoder::is_inside_event`](crate::Decoder::is_inside_event)).
    Truncated,
    /// The connection could not be opened, or it broke.
    NetworkError,
    /// The head of the response did not arrive in time (see
    /// [`ClientConfig::head_timeout`](ClientConfig::head_timeout)).
    HeadTimeout,
    /// The driver could not prepare the request.
    Preparation,
    /// The stream was idle for too long (see [`ClientConfig::idle_timeout`](ClientConfig::idle_timeout)).
    IdleTimeout,
    /// The status is not 200. A server uses 204 to ask clients to stop.
    Status(u16),
    /// The status is 200, but the content type is not an event stream.
    ContentType,
    /// The caller called [`Session::close`](Session::close) or
    /// [`Session::reconnect`](Session::reconnect).
    Requested,
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EndOfStream => "the server ended the stream",
            Self::Truncated => "the server ended the stream inside an event",
            Self::NetworkError => "the network failed",
            Self::HeadTimeout => "no response in time",
            Self::Preparation => "the request could not be prepared",
            Self::IdleTimeout => "nothing came for too long",
            Self::Status(status) => return write!(f, "status {status}"),
            Self::ContentType => "content type is not text/event-stream",
            Self::Requested => "requested by the caller",
        })
    }
}

/// Client session without I/O: the decoder of its streams, and the state between them.
///
/// A session outlives its connections. It ends when it is [closed](Self::close), or when a response is refused. See
/// the [module](self) for an example.
#[derive(Debug)]
pub struct Session {
    config: ClientConfig,
    state: State,
    decoder: Decoder,
    backoff: Backoff,
    outputs: VecDeque<SessionOutput>,
    /// Deadline that was extended by the grace period.
    extended_deadline: Option<Duration>,
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

impl Session {
    /// Creates a session whose first action is to connect. `seed` determines the jitter of the delays.
    pub fn new(config: ClientConfig, seed: u64, now: Duration) -> Self {
        let mut session = Self {
            state: State::Closed,
            decoder: config.decoder(),
            backoff: Backoff::new(seed, config.reconnection_time),
            outputs: VecDeque::new(),
            extended_deadline: None,
            config,
        };
        session.connect(now);
        session
    }

    /// Returns the last event ID, which the next request sends as `Last-Event-ID`. Empty if there is none.
    ///
    /// The ID is kept over any number of connections. The stream can replace it, or clear it by an empty `id`.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Returns whether the stream is inside an event, which is lost if the stream ends now. See
    /// [`Decoder::is_inside_event`](crate::Decoder::is_inside_event).
    pub fn is_inside_event(&self) -> bool {
        self.decoder.is_inside_event()
    }

    /// Sets the last event ID, to resume where an earlier session stopped.
    ///
    /// # Errors
    ///
    /// [`IdTooLong`] if the ID is longer than [allowed](ClientConfig::max_id_bytes). The previous ID is kept.
    pub fn set_last_event_id(&mut self, id: &EventId) -> Result<(), IdTooLong> {
        self.decoder.set_last_event_id(id)
    }

    /// Returns the reconnection time: the delay without backoff and jitter.
    pub fn reconnection_time(&self) -> Duration {
        self.backoff.reconnection_time
    }

    /// Returns the number of consecutive failed attempts, up to the last one that ended.
    ///
    /// An event or an ID resets the number to 0. So does the end of a stream that lasted as long as its delay.
    pub fn failed_attempts(&self) -> u32 {
        self.backoff.failures
    }

    /// Returns whether the session is closed. Then no action follows.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Returns the next output, if any.
    pub fn poll_output(&mut self) -> Option<SessionOutput> {
        self.outputs.pop_front()
    }

    /// Returns the time at which to call [`handle_timeout`](Self::handle_timeout), if there is no other input
    /// before.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match self.state {
            State::Connecting { deadline } | State::Open { deadline, .. } => deadline,
            State::Waiting { until } => Some(until),
            State::Closed => None,
        }
    }

    /// Decodes a part of the chunk and returns at most one item, like [`Decoder::decode`]. If no stream is open,
    /// the chunk is dropped.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLarge`] and [`DecodeError::IdTooLong`]. The rest of the chunk can still be decoded: call
    /// again.
    pub fn decode<'a, 'i: 'a>(
        &'a mut self,
        chunk: &mut Chunk<'i>,
        now: Duration,
    ) -> Result<Option<Item<&'a str>>, DecodeError> {
        if !self.restart_idle_timeout(now) {
            chunk.take_rest();
            return Ok(None);
        }
        let item = self.decoder.decode(chunk)?;
        self.backoff.handle_item(item.as_ref());
        Ok(item)
    }

    /// Decodes a part of the chunk and returns at most one owned item, like [`Decoder::decode_owned`]. If no stream is
    /// open, the chunk is dropped.
    ///
    /// # Errors
    ///
    /// See [`decode`](Self::decode).
    #[inline]
    pub fn decode_owned(
        &mut self,
        chunk: &mut Chunk<'_>,
        now: Duration,
    ) -> Result<Option<Item<String, EventId>>, DecodeError> {
        if !self.restart_idle_timeout(now) {
            chunk.take_rest();
            return Ok(None);
        }
        let item = self.decoder.decode_owned(chunk);
        self.backoff
            .handle_item(item.as_ref().ok().and_then(Option::as_ref));
        item
    }

    /// Handles an event that was decoded elsewhere, for example by the `EventSource` of a browser, which does not
    /// expose the bytes.
    pub fn handle_event(&mut self, now: Duration) {
        if self.restart_idle_timeout(now) {
            self.backoff.handle_success();
        }
    }

    /// Restarts the idle timeout, because data was received. Returns `false` if no stream is open.
    fn restart_idle_timeout(&mut self, now: Duration) -> bool {
        let State::Open { deadline, .. } = &mut self.state else {
            return false;
        };
        *deadline = deadline_after(self.config.idle_timeout, now);
        true
    }

    /// Handles the regular end of the stream. The reason of the disconnection is
    /// [`EndOfStream`](DisconnectReason::EndOfStream), or [`Truncated`](DisconnectReason::Truncated) inside an event.
    ///
    /// To get the unfinished event, call [`decode`](Self::decode) with two LF before.
    pub fn handle_end_of_stream(&mut self, now: Duration) {
        match self.state {
            State::Open { .. } if self.decoder.is_inside_event() => {
                self.disconnect(DisconnectReason::Truncated, None, now);
            }
            State::Open { .. } | State::Connecting { .. } => {
                self.disconnect(DisconnectReason::EndOfStream, None, now)
            }
            State::Waiting { .. } | State::Closed => {}
        }
    }

    /// Handles a failed attempt to connect, or a broken connection.
    pub fn handle_network_error(&mut self, now: Duration) {
        if let State::Open { .. } | State::Connecting { .. } = self.state {
            self.disconnect(DisconnectReason::NetworkError, None, now);
        }
    }

    /// Handles a request that the driver could not prepare, for example because it got no token. Another attempt
    /// follows.
    pub fn handle_preparation_error(&mut self, now: Duration) {
        if let State::Connecting { .. } = self.state {
            self.disconnect(DisconnectReason::Preparation, None, now);
        }
    }

    /// Handles the timeout that is due. The driver may call it at any time, also too early.
    ///
    /// A late call does not prove that the connection was idle: the driver may have been busy, and what arrived
    /// meanwhile is not read yet. So a timeout of a connection that is more than 20 ms late is extended once, by 100 ms.
    pub fn handle_timeout(&mut self, now: Duration) {
        let reason = match self.state {
            State::Waiting { until } if until <= now => return self.connect(now),
            State::Connecting { .. } => DisconnectReason::HeadTimeout,
            State::Open { .. } => DisconnectReason::IdleTimeout,
            State::Waiting { .. } | State::Closed => return,
        };
        let (State::Connecting { deadline } | State::Open { deadline, .. }) = &mut self.state
        else {
            return;
        };
        let Some(time) = deadline.filter(|time| *time <= now) else {
            return;
        };
        let is_late = now.saturating_sub(time) > MAX_WAKE_DELAY;
        if is_late && self.extended_deadline != Some(time) {
            *deadline = Some(now.saturating_add(GRACE_PERIOD));
            self.extended_deadline = *deadline;
            return;
        }
        self.push_action(Action::Abort);
        self.disconnect(reason, None, now);
    }

    /// Closes the session: no connection follows.
    pub fn close(&mut self) {
        if self.is_closed() {
            return;
        }
        self.drop_actions();
        if let State::Connecting { .. } | State::Open { .. } = self.state {
            self.push_action(Action::Abort);
        }
        self.fail(DisconnectReason::Requested);
    }

    /// Reconnects at once, from any state. Does nothing if the session is closed.
    pub fn reconnect(&mut self, now: Duration) {
        match self.state {
            State::Closed => return,
            State::Waiting { .. } => {}
            State::Connecting { .. } | State::Open { .. } => {
                self.push_action(Action::Abort);
                self.push_event(SessionEvent::Disconnected {
                    reason: DisconnectReason::Requested,
                    delay: Duration::ZERO,
                });
            }
        }
        self.connect(now);
    }

    fn connect(&mut self, now: Duration) {
        let deadline = deadline_after(self.config.effective_head_timeout(), now);
        self.state = State::Connecting { deadline };
        self.push_action(Action::Connect);
    }

    /// Implements "Reestablish the connection."
    fn disconnect(&mut self, reason: DisconnectReason, min_delay: Option<Duration>, now: Duration) {
        if let State::Open { since, .. } = self.state {
            let lifetime = now.saturating_sub(since);
            self.backoff.handle_end(lifetime, reason, &self.config);
            // A server that wants to be polled sends an ID without data, and ends the stream.
            if self.decoder.has_committed_id() {
                self.backoff.handle_success();
            }
        }
        let delay = self.backoff.delay(&self.config).max(
            min_delay
                .unwrap_or_default()
                .min(self.config.delay_bounds()[1]),
        );
        self.state = State::Waiting {
            until: now.saturating_add(delay),
        };
        self.push_event(SessionEvent::Disconnected { reason, delay });
    }

    /// Implements "Fail the connection."
    fn fail(&mut self, reason: DisconnectReason) {
        self.state = State::Closed;
        self.push_event(SessionEvent::Closed(reason));
    }

    /// Drops the actions that the driver has not taken yet.
    fn drop_actions(&mut self) {
        self.outputs
            .retain(|output| !matches!(output, SessionOutput::Action(_)));
    }

    fn push_action(&mut self, action: Action) {
        self.outputs.push_back(SessionOutput::Action(action));
    }

    fn push_event(&mut self, event: SessionEvent) {
        self.outputs.push_back(SessionOutput::Event(event));
    }
}

/// Returns the time at which a timeout that starts now ends, if there is one.
fn deadline_after(timeout: Option<Duration>, now: Duration) -> Option<Duration> {
    timeout.map(|timeout| now.saturating_add(timeout))
}
