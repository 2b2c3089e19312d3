//! Stream that continues over any number of connections: a driver of the session of sse-proto.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use http::{Request, Response as HttpResponse, StatusCode, header::CONTENT_TYPE};
use launchdarkly_sdk_transport::{ByteStream, HttpTransport, ResponseFuture};
use sse_proto::{
    Chunk, EventId, Item,
    client::{Session, Verdict},
};
use tokio::time::{Instant, Sleep, sleep};

use crate::{
    Error, Event, ReconnectOptions, Response, Result, SSE,
    item::ConnectionDetails,
    redirect::{is_redirect, redirected},
    request::RequestTemplate,
    response::ErrorBody,
};

/// Chunks without an item after which other tasks of the thread can run.
const CHUNKS_PER_POLL: usize = 64;

/// Stream of a [`Client`](crate::Client).
#[must_use = "streams do nothing unless polled"]
pub struct ReconnectingRequest<T: HttpTransport> {
    transport: Arc<T>,
    template: RequestTemplate,
    reconnect_options: ReconnectOptions,
    redirect_limit: u32,
    session: Session,
    /// Zero of the session's clock.
    start: Instant,
    state: State,
    has_connected: bool,
    /// Reconnection time that came since the previous event.
    retry: Option<Duration>,
}

enum State {
    /// The last event ID of the caller cannot be sent.
    Invalid(Error),
    /// The next poll sends the request.
    Ready,
    Connecting {
        request: Request<Option<Bytes>>,
        redirects: u32,
        response: ResponseFuture,
    },
    Open {
        body: ByteStream,
        /// Bytes that the session has not taken yet.
        rest: Bytes,
    },
    Waiting(Pin<Box<Sleep>>),
    Closed,
}

impl<T: HttpTransport> ReconnectingRequest<T> {
    pub(crate) fn new(
        transport: Arc<T>,
        template: RequestTemplate,
        reconnect_options: ReconnectOptions,
        redirect_limit: u32,
        last_event_id: String,
    ) -> Self {
        let config = reconnect_options.session_config();
        let mut session = Session::new(config, fastrand::u64(..), Duration::ZERO);
        let state = match EventId::new(last_event_id).map(|id| session.set_last_event_id(&id)) {
            Ok(Ok(())) => State::Ready,
            Ok(Err(error)) => State::Invalid(Error::invalid_parameter(error)),
            Err(error) => State::Invalid(Error::invalid_parameter(error)),
        };
        Self {
            transport,
            template,
            reconnect_options,
            redirect_limit,
            session,
            start: Instant::now(),
            state,
            has_connected: false,
            retry: None,
        }
    }

    fn send(&self, request: Request<Option<Bytes>>, redirects: u32) -> State {
        State::Connecting {
            response: self.transport.request(request.clone()),
            request,
            redirects,
        }
    }

    fn may_retry(&self) -> bool {
        match self.has_connected {
            true => self.reconnect_options.reconnect,
            false => self.reconnect_options.retry_initial,
        }
    }

    /// Waits before the next attempt, or closes. The session has handled the end of the last attempt.
    fn end_attempt(&mut self) {
        self.state = match self.session.poll_timeout() {
            Some(until) if self.may_retry() => {
                let delay = until.saturating_sub(self.start.elapsed());
                State::Waiting(Box::pin(sleep(delay)))
            }
            _ => State::Closed,
        };
    }

    /// Takes the response of the server.
    fn handle_response(
        &mut self,
        response: HttpResponse<ByteStream>,
        request: Request<Option<Bytes>>,
        redirects: u32,
    ) -> Result<Option<SSE>> {
        let (head, body) = response.into_parts();
        if is_redirect(head.status) {
            self.state = State::Closed;
            if redirects == self.redirect_limit {
                return Err(Error::MaxRedirectLimitReached(redirects));
            }
            let request = redirected(request, head.status, &head.headers)?;
            self.state = self.send(request, redirects + 1);
            return Ok(None);
        }
        // Many servers of tests send none.
        let content_type = head.headers.get_all(CONTENT_TYPE).iter().next_back();
        let content_type = content_type.map_or(&b"text/event-stream"[..], |value| value.as_bytes());
        let now = self.start.elapsed();
        let status = head.status.as_u16();
        let verdict = self
            .session
            .handle_response(status, Some(content_type), now);
        let response = Response::new(head.status, head.headers);
        if let Verdict::Unexpected { reason, .. } = verdict {
            // By 204, a server asks clients to stop.
            let retry = self.may_retry() && head.status != StatusCode::NO_CONTENT;
            self.session
                .handle_unexpected_response(reason, retry, None, now);
            self.end_attempt();
            return Err(Error::UnexpectedResponse(response, ErrorBody::new(body)));
        }
        self.has_connected = true;
        let rest = Bytes::new();
        self.state = State::Open { body, rest };
        Ok(Some(SSE::Connected(ConnectionDetails { response })))
    }

    /// Returns the next item of the connection, or its end. `None` if other tasks have to run first.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<SSE>>> {
        let State::Open { body, rest } = &mut self.state else {
            return Poll::Ready(None);
        };
        let now = self.start.elapsed();
        for _ in 0..CHUNKS_PER_POLL {
            let mut chunk = Chunk::new(rest);
            let item = next_item(&mut self.session, &mut chunk, now, &mut self.retry);
            let taken = chunk.taken();
            rest.advance(taken);
            if item.is_some() {
                return Poll::Ready(item);
            }
            let error = match ready!(body.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) => {
                    *rest = bytes;
                    continue;
                }
                Some(Err(error)) => {
                    self.session.handle_network_error(now);
                    Error::Transport(error)
                }
                None => {
                    let is_inside_event = self.session.is_inside_event();
                    self.session.handle_end_of_stream(now);
                    match is_inside_event {
                        true => Error::UnexpectedEof,
                        false => Error::Eof,
                    }
                }
            };
            self.end_attempt();
            return Poll::Ready(Some(Err(error)));
        }
        cx.waker().wake_by_ref();
        Poll::Ready(None)
    }
}

/// Returns the next item of a chunk.
fn next_item(
    session: &mut Session,
    chunk: &mut Chunk<'_>,
    now: Duration,
    retry: &mut Option<Duration>,
) -> Option<Result<SSE>> {
    loop {
        return match session.decode_owned(chunk, now).transpose()? {
            Ok(Item::Event(event)) => Some(Ok(SSE::Event(Event {
                event_type: event.event_type,
                data: event.data,
                id: Some(event.last_event_id.as_str().to_owned()).filter(|id| !id.is_empty()),
                retry: retry.take().map(|time| {
                    // The stream sends it as 64 bits.
                    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
                }),
            }))),
            Ok(Item::Comment(comment)) => Some(Ok(SSE::Comment(comment))),
            Ok(Item::Retry(time)) => {
                *retry = Some(time);
                continue;
            }
            Ok(_) => continue,
            Err(error) => Some(Err(Error::HttpStream(error.into()))),
        };
    }
}

impl<T: HttpTransport> Stream for ReconnectingRequest<T> {
    type Item = Result<SSE>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            // The stream has one consumer, which sees each change of the state, so the session does not report them.
            while this.session.poll_output().is_some() {}
            let item = match &mut this.state {
                State::Closed => return Poll::Ready(None),
                State::Open { .. } => match ready!(this.poll_open(cx)) {
                    Some(item) => item.map(Some),
                    None => return Poll::Pending,
                },
                State::Waiting(delay) => {
                    ready!(delay.as_mut().poll(cx));
                    this.session.handle_timeout(this.start.elapsed());
                    this.state = State::Ready;
                    continue;
                }
                State::Connecting { response, .. } => {
                    let response = ready!(response.as_mut().poll(cx));
                    let (request, redirects) =
                        match std::mem::replace(&mut this.state, State::Closed) {
                            State::Connecting {
                                request, redirects, ..
                            } => (request, redirects),
                            _ => continue,
                        };
                    match response {
                        Ok(response) => this.handle_response(response, request, redirects),
                        Err(error) => {
                            this.session.handle_network_error(this.start.elapsed());
                            this.end_attempt();
                            match this.state {
                                State::Closed => Err(Error::Transport(error)),
                                _ => Ok(None),
                            }
                        }
                    }
                }
                State::Ready => match this.template.make(this.session.last_event_id()) {
                    Ok(request) => {
                        this.state = this.send(request, 0);
                        continue;
                    }
                    Err(error) => {
                        this.state = State::Closed;
                        Err(error)
                    }
                },
                State::Invalid(_) => match std::mem::replace(&mut this.state, State::Closed) {
                    State::Invalid(error) => Err(error),
                    _ => continue,
                },
            };
            if let Some(item) = item.transpose() {
                return Poll::Ready(Some(item));
            }
        }
    }
}

impl<T: HttpTransport> fmt::Debug for ReconnectingRequest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectingRequest")
            .field("request", &self.template)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
