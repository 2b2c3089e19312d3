//! One attempt: its request, its response or failure, and the decision that follows: a stream, another attempt, or the
//! end.

use core::{error, pin::Pin};

use bytes::Bytes;
use http::Response;
use sse_proto::client::{DisconnectReason, Verdict};
use tokio::time::Duration;
use tower::ServiceExt;

use super::EventSource;
use crate::{
    Error, FailedAttempt, UnexpectedResponse,
    item::{Disconnected, Item, ResponseHead},
    request::RequestTemplate,
    response::{ReadUnexpected, content_type, is_stream_leniently, response_uri, retry_after},
    transport::{Body, BoxError, BoxFuture, CapturedConnection},
};

/// Current attempt: a request, a stream, or a response that is not a stream. Dropping it ends it.
pub(super) enum Attempt {
    None,
    Request(BoxFuture<Result<Response<Body>, Failure>>),
    Stream {
        body: Pin<Box<Body>>,
        /// Bytes of the frame after the chunk.
        rest: Bytes,
        chunk: Bytes,
        /// Number of bytes of the chunk that were decoded.
        decoded: usize,
        /// Time when the chunk arrived.
        received_at: Duration,
    },
    /// Response that is not an event stream, while its body is read.
    Unexpected {
        response: Pin<Box<ReadUnexpected>>,
        reason: DisconnectReason,
        /// `true` if the session would retry it.
        is_retried: bool,
    },
}

/// Reason why an attempt has no response.
pub(crate) enum Failure {
    /// `map_request` failed. Another attempt may succeed.
    Preparation(BoxError),
    /// No attempt can send this request.
    Request(BoxError),
    Network(BoxError),
}

impl Attempt {
    pub(super) fn connect(
        template: RequestTemplate,
        last_event_id: &str,
        connection: &CapturedConnection,
    ) -> Self {
        let (last_event_id, connection) = (last_event_id.to_owned(), connection.clone());
        Self::Request(Box::pin(async move {
            let transport = template.transport.clone();
            let mut request = template.make(last_event_id).await?;
            request.extensions_mut().insert(connection);
            transport.oneshot(request).await.map_err(Failure::Network)
        }))
    }

    pub(super) fn stream(body: Body, now: Duration) -> Self {
        Self::Stream {
            body: Box::pin(body),
            rest: Bytes::new(),
            chunk: Bytes::new(),
            decoded: 0,
            received_at: now,
        }
    }
}

/// Maximum number of consecutive attempts whose response is not HTTP. A server that is in trouble for a moment may send
/// such a response, so it is asked again, but not for ever.
const MAX_INVALID_HEADS: u32 = 10;

impl EventSource {
    pub(super) fn handle_response(&mut self, response: Response<Body>, now: Duration) {
        self.invalid_heads = 0;
        let verdict = if self.options.lenient_response && is_stream_leniently(&response) {
            self.session
                .handle_response(200, Some(b"text/event-stream"), now)
        } else {
            let content_type = content_type(response.headers());
            self.session
                .handle_response(response.status().as_u16(), content_type.as_deref(), now)
        };
        self.attempt = match verdict {
            Verdict::Stream => {
                let (head, body) = response.into_parts();
                self.head = Some(Box::new(ResponseHead {
                    uri: response_uri(&head.extensions),
                    headers: head.headers,
                }));
                Attempt::stream(body, now)
            }
            Verdict::Unexpected { reason, is_retried } => Attempt::Unexpected {
                response: Box::pin(ReadUnexpected::new(
                    response,
                    self.options.error_body_limits,
                )),
                reason,
                is_retried,
            },
            _ => Attempt::None,
        };
    }

    /// Handles a response that is not an event stream, after its body was read. Returns the error if no attempt
    /// follows.
    pub(super) fn handle_unexpected_response(
        &mut self,
        response: Box<UnexpectedResponse>,
        reason: DisconnectReason,
        is_retried_by_default: bool,
    ) -> Option<Error> {
        let now = self.now();
        let attempt = self.session.failed_attempts().saturating_add(1);
        self.record_failure(attempt);
        let is_retried = self.is_retried(&FailedAttempt {
            reason,
            response: Some(&response),
            error: None,
            attempt,
            elapsed: now.saturating_sub(self.failing_since),
            is_retried_by_default,
        });
        let retry_after = retry_after(&response.headers);
        self.session
            .handle_unexpected_response(reason, is_retried, retry_after, now);
        if !is_retried {
            return Some(Error::UnexpectedResponse(response));
        }
        self.response = Some(response);
        None
    }

    pub(super) fn handle_network_error(&mut self, error: BoxError, now: Duration) {
        let is_invalid_head =
            matches!(self.attempt, Attempt::Request(_)) && is_invalid_head(&*error);
        self.invalid_heads += u32::from(is_invalid_head);
        self.attempt = Attempt::None;
        self.error = Some(error);
        self.session.handle_network_error(now);
    }

    /// Returns the item of a disconnection, or the end of the source if no attempt follows. The end drops the current
    /// attempt.
    pub(super) fn handle_disconnected(
        &mut self,
        disconnected: Disconnected,
    ) -> Option<Result<Item, Error>> {
        if !self.is_last(&disconnected) {
            return Some(Ok(Item::Disconnected(disconnected)));
        }
        self.session.close();
        self.attempt = Attempt::None;
        self.is_over = true;
        match disconnected.reason {
            DisconnectReason::EndOfStream => None,
            _ => Some(Err(Error::from_disconnected(disconnected))),
        }
    }

    fn is_last(&mut self, disconnected: &Disconnected) -> bool {
        let attempt = self.session.failed_attempts();
        self.record_failure(attempt);
        // The caller asked for another attempt, or `handle_unexpected_response` has decided on it.
        if disconnected.reason == DisconnectReason::Requested || disconnected.response.is_some() {
            return false;
        }
        let elapsed = self.now().saturating_sub(self.failing_since);
        !self.is_retried(&FailedAttempt {
            reason: disconnected.reason,
            response: None,
            error: disconnected.error.as_ref(),
            attempt,
            elapsed,
            is_retried_by_default: self.invalid_heads < MAX_INVALID_HEADS,
        })
    }

    fn record_failure(&mut self, attempt: u32) {
        if attempt <= 1 {
            self.failing_since = self.now();
        }
    }

    /// Returns whether another attempt follows. Counts the retries of a request that is sent once.
    fn is_retried(&mut self, failed: &FailedAttempt<'_>) -> bool {
        let is_once = self.options.is_once;
        if is_once && (!self.has_retries() || failed.reason == DisconnectReason::EndOfStream) {
            return false;
        }
        let is_retried = match &self.options.retry_policy {
            Some(policy) => policy(failed),
            None => failed.is_retried_by_default,
        };
        if is_once && is_retried {
            self.options.max_retries -= 1;
        }
        is_retried
    }
}

/// Returns whether the error is a response that is not HTTP.
fn is_invalid_head(error: &(dyn error::Error + 'static)) -> bool {
    core::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<hyper::Error>())
        .any(hyper::Error::is_parse)
}
