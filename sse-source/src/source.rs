mod decision;

use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::{Stream, stream::FusedStream};
use http_body::Body as _;
use sse_proto::{
    Chunk, EventId, IdTooLong,
    client::{Action, ClientConfig, Session, SessionEvent},
};
use tokio::time::Duration;

use crate::{
    Error, Handle, Item, UnexpectedResponse,
    alarm::Alarm,
    attempt::{Attempt, Failure},
    handle::Command,
    item::{Disconnected, ResponseHead},
    options::Options,
    route::Route,
    template::Template,
    transport::{Body, BoxError},
    turn::Turn,
};

/// Bytes of a stream per unit of work. A turn has 16 units, so it is 128 KiB.
const WORK_UNIT_BYTES: usize = 8 * 1024;

/// Maximum number of bytes of a chunk. After each chunk, the poll loop checks for other work.
const MAX_CHUNK_BYTES: usize = 64 * 1024;

/// Cost of each step of the poll loop, for example an item, in bytes of a stream.
const STEP_COST_BYTES: usize = 256;

/// Stream of events over any number of connections.
///
/// It works only while it is polled, on a tokio runtime with I/O and time. It reads only when the caller asks for more,
/// so a slow caller slows the server down, and it holds at most one chunk. Dropping it ends the connection. Dropping a
/// future of its `next` loses nothing.
///
/// It ends after [`close`](Handle::close), after the end of a stream that is not retried, or with one error, which says
/// why no other attempt follows.
pub struct EventSource {
    connection: Session,
    template: Template,
    attempt: Attempt,
    /// Session of the current attempt.
    route: Route,
    /// Error of the last failed attempt.
    error: Option<BoxError>,
    /// Response of the last failed attempt.
    response: Option<Box<UnexpectedResponse>>,
    /// Time when the first of the consecutive failed attempts failed.
    failing_since: Duration,
    /// Number of consecutive attempts whose response was not HTTP.
    invalid_heads: u32,
    open: Option<Box<ResponseHead>>,
    handle: Handle,
    alarm: Alarm,
    turn: Turn,
    options: Options,
    is_over: bool,
}

impl EventSource {
    pub(crate) fn new(
        template: Template,
        config: ClientConfig,
        options: Options,
        last_event_id: Option<EventId>,
    ) -> Result<Self, IdTooLong> {
        let mut connection = Session::new(config, fastrand::u64(..), Duration::ZERO);
        if let Some(id) = &last_event_id {
            connection.set_last_event_id(id)?;
        }
        Ok(Self {
            connection,
            template,
            attempt: Attempt::None,
            route: Route::default(),
            error: None,
            response: None,
            failing_since: Duration::ZERO,
            invalid_heads: 0,
            open: None,
            handle: Handle::default(),
            alarm: Alarm::new(),
            turn: Turn::with_unit(WORK_UNIT_BYTES),
            options,
            is_over: false,
        })
    }

    /// Returns a handle that closes the source or makes it reconnect, from any task.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Returns the `Last-Event-ID` of the next reconnection. It is empty if there is no ID.
    pub fn last_event_id(&self) -> &str {
        self.connection.last_event_id()
    }

    fn now(&self) -> Duration {
        self.alarm.now()
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Close => {
                self.connection.close();
                // A refused response that is still being read is dropped, too.
                self.attempt = Attempt::None;
            }
            Command::Reconnect => {
                let now = self.now();
                self.give_up();
                self.template.is_repetition = false;
                self.connection.reconnect(now);
            }
        }
    }

    /// Executes the pending actions of the state machine.
    fn act(&mut self) {
        while let Some(action) = self.connection.poll_action() {
            self.attempt = match action {
                Action::Connect => {
                    self.route = Route::default();
                    let last_event_id = self.connection.last_event_id();
                    tracing::debug!(last_event_id, "connecting");
                    let attempt =
                        Attempt::connect(self.template.clone(), last_event_id, &self.route);
                    self.template.is_repetition = true;
                    attempt
                }
                _ => Attempt::None,
            };
        }
    }

    /// Returns the next change of the state machine as an item for the caller.
    fn change(&mut self) -> Option<Item> {
        Some(match self.connection.poll_change()? {
            SessionEvent::Open => Item::Open(self.open.take()?),
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
            chunk, taken, came, ..
        } = &mut self.attempt
        else {
            return None;
        };
        while *taken < chunk.len() {
            let mut rest = Chunk::new(&chunk[*taken..]);
            let item = self.connection.decode_owned(&mut rest, *came);
            *taken += rest.taken();
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
        (*chunk, *taken) = (Bytes::new(), 0);
        None
    }

    /// Continues the current attempt.
    fn poll_attempt(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Item, Error>>> {
        match &mut self.attempt {
            Attempt::None => Poll::Pending,
            Attempt::Request(response) => {
                let response = ready!(response.as_mut().poll(cx));
                let now = self.now();
                match response {
                    Ok(response) => self.handle_response(response, now),
                    Err(Failure::Network(error)) => self.handle_network_error(error, now),
                    Err(Failure::Preparation(error)) => {
                        self.attempt = Attempt::None;
                        self.error = Some(error);
                        self.connection.handle_preparation_error(now);
                    }
                    Err(Failure::Request(error)) => {
                        self.connection.close();
                        return Poll::Ready(Some(Err(Error::Request(error))));
                    }
                }
                Poll::Ready(None)
            }
            Attempt::Stream {
                body,
                rest,
                chunk,
                came,
                ..
            } => {
                if !rest.is_empty() {
                    *chunk = take_chunk(rest);
                    return Poll::Ready(None);
                }
                let frame = ready!(body.as_mut().poll_frame(cx));
                let now = self.alarm.now();
                match frame {
                    Some(Ok(frame)) => {
                        *rest = frame.into_data().unwrap_or_default();
                        *chunk = take_chunk(rest);
                        *came = now;
                    }
                    Some(Err(error)) => self.handle_network_error(error, now),
                    None if self.options.takes_unfinished_event
                        && self.connection.is_inside_event() =>
                    {
                        // A body that has ended must not be polled again.
                        *body = Box::pin(Body::default());
                        *chunk = Bytes::from_static(b"\n\n");
                    }
                    None => {
                        self.attempt = Attempt::None;
                        self.connection.handle_end_of_stream(now);
                    }
                }
                Poll::Ready(None)
            }
            Attempt::Refusal(refusal) => {
                let response = ready!(refusal.as_mut().poll(cx));
                self.attempt = Attempt::None;
                Poll::Ready(self.handle_unexpected_response(response).map(Err))
            }
        }
    }

    /// Waits for the timeout of the state machine.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(time) = self.connection.poll_timeout() else {
            return Poll::Pending;
        };
        match self.attempt {
            Attempt::None => ready!(self.alarm.poll(time, cx)),
            // The head has arrived, and reading the body has its own timeout.
            Attempt::Refusal(_) => return Poll::Pending,
            _ => ready!(self.alarm.poll_silence(time, cx)),
        }
        let now = self.now();
        self.give_up();
        self.connection.handle_timeout(now);
        Poll::Ready(())
    }

    /// Gives up the connection of the current attempt. It may be dead, so the next attempt uses another one.
    fn give_up(&self) {
        if !matches!(self.attempt, Attempt::None) {
            self.route.give_up();
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
            ready!(this.turn.poll(cx));
            this.turn.add(STEP_COST_BYTES);
            // `take` costs less than `poll`, which also registers the waker.
            if let Some(command) = this.handle.take() {
                this.obey(command);
            }
            if let Some(item) = this.decode() {
                return Poll::Ready(Some(Ok(item)));
            }
            this.act();
            if let Some(item) = this.change() {
                return Poll::Ready(match item {
                    Item::Disconnected(disconnected) => this.on_disconnected(disconnected),
                    item => Some(Ok(item)),
                });
            }
            if this.connection.is_closed() && matches!(this.attempt, Attempt::None) {
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
                this.obey(command);
                continue;
            }
            if this.poll_alarm(cx).is_pending() {
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
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
