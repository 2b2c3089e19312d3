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
    EventId, IdTooLong,
    connection::{Action, Change, Connection, Settings},
};
use tokio::time::Duration;

use crate::{
    Error, Handle, Item, Refused,
    alarm::Alarm,
    attempt::{Attempt, Failure},
    handle::Command,
    item::{Disconnected, Open},
    options::Options,
    route::Route,
    template::Template,
    transport::{Body, BoxError},
    turn::Turn,
};

/// A unit of work: 128 KiB of a stream are a turn.
const UNIT: usize = 8 * 1024;

/// Maximum number of bytes that are decoded without a look at anything else.
const MAX_CHUNK: usize = 64 * 1024;

/// Work for each item, and for each look at what is to be done, in bytes of a stream.
const STEP_COST: usize = 256;

/// A stream of events that goes on over any number of connections.
///
/// It does something only while it is polled: it reads when it is asked for more, so a slow reader
/// slows the server down, and it holds no more than one chunk. Dropping it ends the connection;
/// dropping a future of its `next` loses nothing.
///
/// It ends after [`close`](Handle::close), or with its one error, which says why no other attempt would
/// help. It has to be polled on a tokio runtime with I/O and time.
pub struct EventSource {
    connection: Connection,
    template: Template,
    attempt: Attempt,
    /// Of the attempt.
    route: Route,
    /// Error of the attempt that failed last.
    error: Option<BoxError>,
    /// Response of the attempt that failed last.
    response: Option<Box<Refused>>,
    /// Time of the first of the attempts in a row that failed.
    failing_since: Duration,
    /// Number of attempts in a row whose response was not HTTP.
    invalid_heads: u32,
    open: Option<Box<Open>>,
    handle: Handle,
    alarm: Alarm,
    turn: Turn,
    options: Options,
    is_over: bool,
}

impl EventSource {
    pub(crate) fn new(
        template: Template,
        settings: Settings,
        options: Options,
        last_event_id: Option<EventId>,
    ) -> Result<Self, IdTooLong> {
        let mut connection = Connection::new(settings, fastrand::u64(..), Duration::ZERO);
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
            turn: Turn::with_unit(UNIT),
            options,
            is_over: false,
        })
    }

    /// A handle to close it or have it connect again, from anywhere.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// What a reconnection sends as `Last-Event-ID`; empty if there is none.
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
                // Also if it is reading why it was refused.
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

    /// What the machine wants.
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

    /// What the machine says, for the caller.
    fn change(&mut self) -> Option<Item> {
        Some(match self.connection.poll_change()? {
            Change::Open => Item::Open(self.open.take()?),
            Change::LastEventIdDropped { length, .. } => Item::LastEventIdDropped { length },
            Change::Disconnected { reason, delay } => {
                let disconnected = Disconnected {
                    reason,
                    response: self.response.take(),
                    error: self.error.take(),
                    delay,
                };
                tracing::debug!(%disconnected);
                Item::Disconnected(disconnected)
            }
            // With an error that is still being read, or with nothing to say.
            _ => return None,
        })
    }

    /// What the chunk still says, one thing at a time.
    ///
    /// Nothing here can panic once there is an item, nor in what it calls: so the compiler keeps the item
    /// in registers up to where the caller wants it. To put it down and move it takes longer than to
    /// decode a tiny event.
    fn decode(&mut self) -> Option<Item> {
        let Attempt::Stream {
            chunk, taken, came, ..
        } = &mut self.attempt
        else {
            return None;
        };
        while *taken < chunk.len() {
            let mut rest = &chunk[*taken..];
            let item = self.connection.decode_owned(&mut rest, *came);
            let before = *taken;
            *taken = chunk.len() - rest.len();
            self.turn.add(*taken - before);
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
        // All taken, it would still hold what hyper reads into.
        (*chunk, *taken) = (Bytes::new(), 0);
        None
    }

    /// Goes on with what is under way.
    fn poll_attempt(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Item, Error>>> {
        match &mut self.attempt {
            Attempt::None => Poll::Pending,
            Attempt::Request(response) => {
                let response = ready!(response.as_mut().poll(cx));
                let now = self.now();
                match response {
                    Ok(response) => self.on_response(response, now),
                    Err(Failure::Network(error)) => self.on_network_error(error, now),
                    Err(Failure::Preparation(error)) => {
                        self.attempt = Attempt::None;
                        self.error = Some(error);
                        self.connection.on_preparation_error(now);
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
                    Some(Err(error)) => self.on_network_error(error, now),
                    None if self.options.takes_unfinished_event
                        && self.connection.is_inside_event() =>
                    {
                        // The body that has ended must not be polled again.
                        *body = Box::pin(Body::default());
                        *chunk = Bytes::from_static(b"\n\n");
                    }
                    None => {
                        self.attempt = Attempt::None;
                        self.connection.on_end(now);
                    }
                }
                Poll::Ready(None)
            }
            Attempt::Refusal(refusal) => {
                let response = ready!(refusal.as_mut().poll(cx));
                self.attempt = Attempt::None;
                Poll::Ready(self.on_refusal(response).map(Err))
            }
        }
    }

    /// Waits for the time that the machine waits for.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(time) = self.connection.poll_timeout() else {
            return Poll::Pending;
        };
        match self.attempt {
            Attempt::None => ready!(self.alarm.poll(time, cx)),
            // The head is there, and reading the body has a timeout of its own.
            Attempt::Refusal(_) => return Poll::Pending,
            _ => ready!(self.alarm.poll_silence(time, cx)),
        }
        let now = self.now();
        self.give_up();
        self.connection.on_timeout(now);
        Poll::Ready(())
    }

    /// What is under way may hang because its connection is dead, so the next attempt takes another.
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
            this.turn.add(STEP_COST);
            // To look costs less than to wait, which is for when there is nothing else to do.
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

/// Takes as much from the front as is decoded at once. A frame may be of any size.
fn take_chunk(rest: &mut Bytes) -> Bytes {
    rest.split_to(rest.len().min(MAX_CHUNK))
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
