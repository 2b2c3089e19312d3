mod attempt;

use core::{
    fmt,
    future::ready,
    pin::Pin,
    sync::atomic::{AtomicU8, Ordering},
    task::{self, Context, Poll},
};
use std::sync::Arc;

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use futures_core::{Stream, stream::FusedStream};
use http::Response;
use http_body::Body as _;
use sse_proto::{
    Chunk, EventId, IdTooLong,
    client::{Action, ClientConfig, Session, SessionEvent, SessionOutput},
};
use tokio::time::Duration;

use self::attempt::Attempt;
pub(crate) use self::attempt::Failure;
use crate::{
    Error, Item, UnexpectedResponse,
    builder::Options,
    item::{Disconnected, ResponseHead},
    request::RequestTemplate,
    timer::Timer,
    transport::{Body, BoxError, CapturedConnection},
    turn::Turn,
};

/// Bytes of a stream per unit of work. A turn has 16 units, so it is 128 KiB.
const WORK_UNIT_BYTES: usize = 8 * 1024;

/// Maximum number of bytes of a chunk. After each chunk, the poll loop checks for other work.
const MAX_CHUNK_BYTES: usize = 64 * 1024;

/// Cost of each step of the poll loop, for example an item, in bytes of a stream.
const STEP_COST_BYTES: usize = 256;

/// Stream of [`Item`]s over any number of connections, from [`Builder::build`](crate::Builder::build).
///
/// It works only while it is polled, on a tokio runtime with I/O and time. It reads only when the caller asks for more,
/// so a slow caller slows the server down, and it holds at most one chunk. Dropping it ends the connection. Dropping a
/// future of its `next` loses nothing.
///
/// It ends after [`close`](Self::close), after the end of a stream that is not retried, or with one error, which says
/// why no other attempt follows. [`events_only`](Self::events_only) leaves out the items that are not events.
#[must_use = "an event source does nothing unless it is polled"]
pub struct EventSource {
    session: Session,
    /// `None` if the source has only one response, which arrived before.
    template: Option<RequestTemplate>,
    attempt: Attempt,
    /// Connection of the current attempt.
    connection: CapturedConnection,
    /// Error of the last failed attempt.
    error: Option<BoxError>,
    /// Response of the last failed attempt.
    response: Option<Box<UnexpectedResponse>>,
    /// Time when the first of the consecutive failed attempts failed.
    failing_since: Duration,
    /// Number of consecutive attempts whose response was not HTTP.
    invalid_heads: u32,
    /// Head of the stream that has opened.
    head: Option<Box<ResponseHead>>,
    handle: Handle,
    timer: Timer,
    turn: Turn,
    options: Options,
    is_over: bool,
}

impl EventSource {
    pub(crate) fn new(
        template: RequestTemplate,
        config: ClientConfig,
        options: Options,
        last_event_id: Option<EventId>,
    ) -> Result<Self, IdTooLong> {
        let mut session = Session::new(config, fastrand::u64(..), Duration::ZERO);
        if let Some(id) = &last_event_id {
            session.set_last_event_id(id)?;
        }
        Ok(Self::with_session(
            session,
            Some(template),
            Attempt::None,
            options,
        ))
    }

    /// Creates a source of the events of one response.
    pub(crate) fn from_response(response: Response<Body>) -> Self {
        let config = ClientConfig::default().one_shot();
        let mut session = Session::new(config, 0, Duration::ZERO);
        // The response is the connection that the session asks for.
        while session.poll_output().is_some() {}
        let attempt = Attempt::Request(Box::pin(ready(Ok(response))));
        let options = Options {
            is_once: true,
            ..Options::default()
        };
        Self::with_session(session, None, attempt, options)
    }

    fn with_session(
        session: Session,
        template: Option<RequestTemplate>,
        attempt: Attempt,
        options: Options,
    ) -> Self {
        Self {
            session,
            template,
            attempt,
            connection: CapturedConnection::default(),
            error: None,
            response: None,
            failing_since: Duration::ZERO,
            invalid_heads: 0,
            head: None,
            handle: Handle::default(),
            timer: Timer::new(),
            turn: Turn::with_unit(WORK_UNIT_BYTES),
            options,
            is_over: false,
        }
    }

    /// Closes the source for good: drops the connection, and ends the stream without an error.
    ///
    /// Another task can do so with a [`handle`](Self::handle).
    pub fn close(&mut self) {
        self.handle_command(Command::Close);
        self.is_over = true;
    }

    /// Makes the source reconnect at its next poll, even if it is waiting for the next attempt.
    ///
    /// It also repeats a request whose method is not safe. After the end of the stream, it has no effect. Another task
    /// can do so with a [`handle`](Self::handle).
    pub fn reconnect(&mut self) {
        self.handle_command(Command::Reconnect);
    }

    /// Returns a handle that closes the source or makes it reconnect, from any task.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Returns the `Last-Event-ID` of the next reconnection. It is empty if there is no ID.
    pub fn last_event_id(&self) -> &str {
        self.session.last_event_id()
    }

    fn now(&self) -> Duration {
        self.timer.now()
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Close => {
                self.session.close();
                // An unexpected response that is still being read is dropped, too.
                self.attempt = Attempt::None;
            }
            Command::Reconnect => {
                let now = self.now();
                if let Some(template) = &mut self.template {
                    template.is_repetition = false;
                }
                self.session.reconnect(now);
            }
        }
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
        self.attempt = match (action, &mut self.template) {
            (Action::Connect, Some(template)) => {
                self.connection = CapturedConnection::default();
                let last_event_id = self.session.last_event_id();
                tracing::debug!(last_event_id, "connecting");
                let attempt = Attempt::connect(template.clone(), last_event_id, &self.connection);
                template.is_repetition = true;
                attempt
            }
            _ => {
                self.give_up();
                Attempt::None
            }
        };
    }

    /// Returns whether the request may be repeated before the first event.
    #[inline]
    pub(crate) fn has_retries(&self) -> bool {
        self.options.max_retries > 0
    }

    /// Prevents retries, because the first event has arrived.
    pub(crate) fn end_retries(&mut self) {
        self.options.max_retries = 0;
    }

    /// Returns the item that tells the caller about an event of the session.
    fn item_from(&mut self, event: SessionEvent) -> Option<Item> {
        Some(match event {
            SessionEvent::Open => Item::Open(self.head.take()?),
            SessionEvent::LastEventIdDropped { length, .. } => Item::LastEventIdDropped { length },
            SessionEvent::Disconnected { reason, delay } => {
                let disconnected = Disconnected {
                    reason,
                    response: self.response.take(),
                    error: self.error.take(),
                    delay,
                };
                tracing::debug!(%disconnected);
                Item::Disconnected(disconnected)
            }
            // `Closed`: `poll_attempt` returns the error, or the stream ends without one.
            _ => return None,
        })
    }

    /// Decodes the chunk up to the next item.
    //
    // Neither this function nor the functions that it calls can panic after the item is made. So the compiler keeps
    // the item in registers until the caller stores it. Storing and moving it takes longer than decoding a tiny event.
    fn decode(&mut self) -> Option<Item> {
        let Attempt::Stream {
            chunk,
            decoded,
            received_at,
            ..
        } = &mut self.attempt
        else {
            return None;
        };
        while *decoded < chunk.len() {
            let mut rest = Chunk::new(&chunk[*decoded..]);
            let item = self.session.decode_owned(&mut rest, *received_at);
            *decoded += rest.taken();
            self.turn.add(rest.taken());
            match item {
                Ok(Some(item)) => {
                    if let Some(item) = Item::from_decoded(item) {
                        return Some(item);
                    }
                }
                Ok(None) => {}
                Err(error) => return Some(Item::TooLarge(error)),
            }
        }
        // An empty part of the chunk would still keep hyper's read buffer alive.
        (*chunk, *decoded) = (Bytes::new(), 0);
        None
    }

    /// Continues the current attempt.
    fn poll_attempt(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Item, Error>>> {
        match &mut self.attempt {
            Attempt::None => Poll::Pending,
            Attempt::Request(response) => {
                let response = task::ready!(response.as_mut().poll(cx));
                let now = self.now();
                match response {
                    Ok(response) => self.handle_response(response, now),
                    Err(Failure::Network(error)) => self.handle_network_error(error, now),
                    Err(Failure::Preparation(error)) => {
                        self.attempt = Attempt::None;
                        self.error = Some(error);
                        self.session.handle_preparation_error(now);
                    }
                    Err(Failure::Request(error)) => {
                        self.session.close();
                        return Poll::Ready(Some(Err(Error::Request(error))));
                    }
                }
                Poll::Ready(None)
            }
            Attempt::Stream {
                body,
                rest,
                chunk,
                received_at,
                ..
            } => {
                if !rest.is_empty() {
                    *chunk = take_chunk(rest);
                    return Poll::Ready(None);
                }
                let frame = task::ready!(body.as_mut().poll_frame(cx));
                let now = self.timer.now();
                match frame {
                    Some(Ok(frame)) => {
                        *rest = frame.into_data().unwrap_or_default();
                        *chunk = take_chunk(rest);
                        *received_at = now;
                    }
                    Some(Err(error)) => self.handle_network_error(error, now),
                    None if self.options.dispatch_unfinished_event
                        && self.session.is_inside_event() =>
                    {
                        // A body that has ended must not be polled again.
                        *body = Box::pin(Body::default());
                        *chunk = Bytes::from_static(b"\n\n");
                    }
                    None => {
                        self.attempt = Attempt::None;
                        self.session.handle_end_of_stream(now);
                    }
                }
                Poll::Ready(None)
            }
            Attempt::Unexpected {
                response,
                reason,
                is_retried,
            } => {
                let response = task::ready!(response.as_mut().poll(cx));
                let (reason, is_retried) = (*reason, *is_retried);
                self.attempt = Attempt::None;
                let error = self.handle_unexpected_response(response, reason, is_retried);
                Poll::Ready(error.map(Err))
            }
        }
    }

    /// Waits for the timeout of the session.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(time) = self.session.poll_timeout() else {
            return Poll::Pending;
        };
        task::ready!(self.timer.poll(time, cx));
        let now = self.now();
        self.session.handle_timeout(now);
        Poll::Ready(())
    }

    /// Gives up the connection of the current attempt. It may be dead, so the next attempt uses another one.
    fn give_up(&self) {
        if !matches!(self.attempt, Attempt::None) {
            self.connection.give_up();
        }
    }
}

impl Stream for EventSource {
    type Item = Result<Item, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if this.is_over {
                return Poll::Ready(None);
            }
            task::ready!(this.turn.poll(cx));
            this.turn.add(STEP_COST_BYTES);
            // `take` costs less than `poll`, which also registers the waker.
            if let Some(command) = this.handle.take() {
                this.handle_command(command);
            }
            if let Some(item) = this.decode() {
                return Poll::Ready(Some(Ok(item)));
            }
            if let Some(item) = this.next_output() {
                return Poll::Ready(match item {
                    Item::Disconnected(disconnected) => this.handle_disconnected(disconnected),
                    item => Some(Ok(item)),
                });
            }
            if this.session.is_closed() && matches!(this.attempt, Attempt::None) {
                this.is_over = true;
                continue;
            }
            match this.poll_attempt(cx) {
                Poll::Ready(Some(item)) => {
                    this.is_over = item.is_err();
                    return Poll::Ready(Some(item));
                }
                Poll::Ready(None) => continue,
                Poll::Pending => {}
            }
            if let Poll::Ready(command) = this.handle.poll(cx) {
                this.handle_command(command);
                continue;
            }
            if this.poll_timer(cx).is_pending() {
                this.turn.end();
                return Poll::Pending;
            }
        }
    }
}

/// Splits the next chunk off a frame, which may have any size.
fn take_chunk(rest: &mut Bytes) -> Bytes {
    rest.split_to(rest.len().min(MAX_CHUNK_BYTES))
}

impl FusedStream for EventSource {
    fn is_terminated(&self) -> bool {
        self.is_over
    }
}

impl fmt::Debug for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// Handle that closes an event source, or makes it reconnect, while another task polls it.
///
/// All clones control the same source. Dropping them does not affect it.
#[derive(Clone, Debug, Default)]
pub struct Handle {
    commands: Arc<Commands>,
}

#[derive(Clone, Copy, Debug)]
enum Command {
    Close,
    Reconnect,
}

impl Handle {
    /// Closes the source for good: the connection is dropped, and the stream ends without an error.
    pub fn close(&self) {
        self.commands.send(CLOSE);
    }

    /// Makes the source reconnect at once, even if it is waiting for the next attempt.
    ///
    /// Several calls before the next poll of the source have the effect of one.
    pub fn reconnect(&self) {
        self.commands.send(RECONNECT);
    }

    /// Takes the pending command, if there is one.
    #[inline]
    fn take(&self) -> Option<Command> {
        match self.commands.pending.load(Ordering::Relaxed) {
            0 => None,
            _ => self.commands.take(),
        }
    }

    /// Takes the pending command, or wakes the task when there is one.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Command> {
        self.commands.waker.register(cx.waker());
        self.commands.take().map_or(Poll::Pending, Poll::Ready)
    }
}

const RECONNECT: u8 = 0b01;
const CLOSE: u8 = 0b10;

/// Pending commands. Their memory does not grow with the number of calls.
#[derive(Debug, Default)]
struct Commands {
    pending: AtomicU8,
    waker: AtomicWaker,
}

impl Commands {
    fn send(&self, command: u8) {
        self.pending.fetch_or(command, Ordering::Release);
        self.waker.wake();
    }

    fn take(&self) -> Option<Command> {
        match self.pending.swap(0, Ordering::Acquire) {
            0 => None,
            RECONNECT => Some(Command::Reconnect),
            _ => Some(Command::Close),
        }
    }
}
