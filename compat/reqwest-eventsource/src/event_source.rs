//! Stream that continues over any number of connections.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use eventsource_stream::{Event as MessageEvent, EventStream, EventStreamError};
use futures_core::Stream;
use futures_timer::Delay;
use reqwest::{
    Client, IntoUrl, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue},
};
use sse_proto::client::is_event_stream;

use crate::{
    CannotCloneRequestError, Error,
    retry::{DEFAULT_RETRY, RetryPolicy},
};

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[cfg(not(target_family = "wasm"))]
type PendingResponse = Pin<Box<dyn Future<Output = reqwest::Result<Response>> + Send>>;
#[cfg(target_family = "wasm")]
type PendingResponse = Pin<Box<dyn Future<Output = reqwest::Result<Response>>>>;

#[cfg(not(target_family = "wasm"))]
type Body = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;
#[cfg(target_family = "wasm")]
type Body = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>>>>;

/// Item of an [`EventSource`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The server has accepted the request. It comes again after each reconnection.
    Open,
    /// An event of the server.
    Message(MessageEvent),
}

impl From<MessageEvent> for Event {
    fn from(event: MessageEvent) -> Self {
        Self::Message(event)
    }
}

/// State of an [`EventSource`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ReadyState {
    /// It waits for a response, or for the time to send the request again.
    Connecting = 0,
    /// It reads events.
    Open = 1,
    /// It has ended.
    Closed = 2,
}

/// Construction of an [`EventSource`] from a request.
pub trait RequestBuilderExt {
    /// Returns a stream of the events in the responses to this request.
    ///
    /// # Errors
    ///
    /// [`CannotCloneRequestError`] if the request cannot be sent twice.
    fn eventsource(self) -> Result<EventSource, CannotCloneRequestError>;
}

impl RequestBuilderExt for RequestBuilder {
    fn eventsource(self) -> Result<EventSource, CannotCloneRequestError> {
        EventSource::new(self)
    }
}

/// Stream that sends its request again when the response ends or fails, with the last event ID.
///
/// It yields each error. Then it retries as its [`RetryPolicy`] says. It does not retry after a response with another
/// status or content type, but ends. After an event that is larger than 16 MiB, it goes on with the same response.
pub struct EventSource {
    /// Request that is cloned for each connection. `None` if it is invalid, so there is no second connection.
    request: Option<RequestBuilder>,
    state: State,
    retry_policy: Box<dyn RetryPolicy + Send + Unpin>,
    /// Number of retries since the last response, and the last delay.
    last_retry: Option<(usize, Duration)>,
    /// Last event ID of the previous connections.
    last_event_id: String,
}

enum State {
    Connecting(PendingResponse),
    Open(Box<EventStream<Body>>),
    Waiting(Delay),
    Closed,
}

impl EventSource {
    /// Creates a stream of the events in the responses to this request.
    ///
    /// # Errors
    ///
    /// [`CannotCloneRequestError`] if the request cannot be sent twice, because its body is a stream.
    pub fn new(request: RequestBuilder) -> Result<Self, CannotCloneRequestError> {
        let request = request.header(ACCEPT, EVENT_STREAM);
        let first = request.try_clone().ok_or(CannotCloneRequestError)?;
        Ok(Self::start(first, Some(request)))
    }

    /// Creates a stream of the events at this URL. An invalid URL is the first item's error.
    ///
    /// # Panics
    ///
    /// If [`Client::new`] panics.
    pub fn get<T: IntoUrl>(url: T) -> Self {
        let request = Client::new().get(url).header(ACCEPT, EVENT_STREAM);
        let again = request.try_clone();
        Self::start(request, again)
    }

    fn start(first: RequestBuilder, again: Option<RequestBuilder>) -> Self {
        Self {
            request: again,
            state: State::Connecting(Box::pin(first.send())),
            retry_policy: Box::new(DEFAULT_RETRY),
            last_retry: None,
            last_event_id: String::new(),
        }
    }

    /// Closes the connection, and ends the stream.
    pub fn close(&mut self) {
        self.leave(State::Closed);
    }

    /// Sets the policy for retries. The default is [`DEFAULT_RETRY`].
    pub fn set_retry_policy(&mut self, policy: Box<dyn RetryPolicy + Send + Unpin>) {
        self.retry_policy = policy;
    }

    /// Returns the last event ID, or an empty string.
    pub fn last_event_id(&self) -> &str {
        match &self.state {
            State::Open(events) => events.last_event_id(),
            _ => &self.last_event_id,
        }
    }

    /// Returns the state.
    pub fn ready_state(&self) -> ReadyState {
        match self.state {
            State::Connecting(_) | State::Waiting(_) => ReadyState::Connecting,
            State::Open(_) => ReadyState::Open,
            State::Closed => ReadyState::Closed,
        }
    }

    /// Ends the connection, if any, and keeps its last event ID.
    fn leave(&mut self, next: State) {
        if let State::Open(events) = &self.state {
            self.last_event_id = events.last_event_id().to_owned();
        }
        self.state = next;
    }

    /// Decides whether the request is sent again after this error, which is returned.
    fn fail(&mut self, error: Error) -> Error {
        let delay = self.retry_policy.retry(&error, self.last_retry);
        match delay.filter(|_| self.request.is_some()) {
            Some(delay) => {
                let retries = self.last_retry.map_or(0, |(retries, _)| retries);
                self.last_retry = Some((retries + 1, delay));
                self.leave(State::Waiting(Delay::new(delay)));
            }
            None => self.leave(State::Closed),
        }
        error
    }

    /// Sends the request again.
    #[expect(clippy::result_large_err, reason = "its variants are public")]
    fn reconnect(&mut self) -> Result<State, Error> {
        let request = self.request.as_ref().and_then(RequestBuilder::try_clone);
        let Some(mut request) = request else {
            return Ok(State::Closed);
        };
        if !self.last_event_id.is_empty() {
            let id = HeaderValue::from_bytes(self.last_event_id.as_bytes())
                .map_err(|_| Error::InvalidLastEventId(self.last_event_id.clone()))?;
            request = request.header(LAST_EVENT_ID, id);
        }
        Ok(State::Connecting(Box::pin(request.send())))
    }

    /// Starts to read the response, if it is a stream of events.
    #[expect(clippy::result_large_err, reason = "its variants are public")]
    fn open(&mut self, response: Response) -> Result<State, Error> {
        if response.status() != StatusCode::OK {
            return Err(Error::InvalidStatusCode(response.status(), response));
        }
        let content_type = response.headers().get(CONTENT_TYPE);
        if !content_type.is_some_and(|value| is_event_stream(value.as_bytes())) {
            let value = content_type.cloned();
            let value = value.unwrap_or(HeaderValue::from_static(""));
            return Err(Error::InvalidContentType(value, response));
        }
        self.last_retry = None;
        let body: Body = Box::pin(response.bytes_stream());
        let mut events = EventStream::new(body);
        events.set_last_event_id(self.last_event_id.as_str());
        Ok(State::Open(Box::new(events)))
    }
}

impl Stream for EventSource {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            let (next, item) = match &mut this.state {
                State::Closed => return Poll::Ready(None),
                State::Waiting(delay) => {
                    ready!(Pin::new(delay).poll(cx));
                    match this.reconnect() {
                        Ok(next) => (next, None),
                        Err(error) => (State::Closed, Some(Err(error))),
                    }
                }
                State::Connecting(response) => match ready!(response.as_mut().poll(cx)) {
                    Ok(response) => match this.open(response) {
                        Ok(next) => (next, Some(Ok(Event::Open))),
                        Err(error) => (State::Closed, Some(Err(error))),
                    },
                    Err(error) => {
                        return Poll::Ready(Some(Err(this.fail(Error::Transport(error)))));
                    }
                },
                State::Open(events) => {
                    return Poll::Ready(Some(match ready!(Pin::new(events).poll_next(cx)) {
                        Some(Ok(event)) => {
                            if let Some(time) = event.retry {
                                this.retry_policy.set_reconnection_time(time);
                            }
                            Ok(event.into())
                        }
                        Some(Err(EventStreamError::Transport(error))) => {
                            Err(this.fail(Error::Transport(error)))
                        }
                        // The rest of the response can still be read.
                        Some(Err(error)) => Err(error.into()),
                        None => Err(this.fail(Error::StreamEnded)),
                    }));
                }
            };
            this.state = next;
            if let Some(item) = item {
                return Poll::Ready(Some(item));
            }
        }
    }
}

impl fmt::Debug for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource")
            .field("ready_state", &self.ready_state())
            .field("last_event_id", &self.last_event_id())
            .finish_non_exhaustive()
    }
}
