//! Decision after a response or a failed attempt: a stream, another attempt, or the end.

use core::error;

use http::{Response, StatusCode, header::CONTENT_TYPE};
use sse_proto::client::DisconnectReason;
use tokio::time::Duration;

use super::EventSource;
use crate::{
    Error, FailedAttempt, UnexpectedResponse,
    attempt::Attempt,
    head,
    item::{Disconnected, Item, ResponseHead},
    refusal::Refusal,
    response_uri::response_uri,
    transport::{Body, BoxError},
};

/// Maximum number of consecutive attempts whose response is not HTTP. A server that is in trouble for a moment may send
/// such a response, so it is asked again, but not for ever.
const MAX_INVALID_HEADS: u32 = 10;

impl EventSource {
    pub(super) fn handle_response(&mut self, response: Response<Body>, now: Duration) {
        self.invalid_heads = 0;
        if !is_stream(&response) && !self.is_taken_leniently(&response) {
            let refusal = Refusal::new(response, self.options.refusal_limits);
            self.attempt = Attempt::Refusal(Box::pin(refusal));
            return;
        }
        self.connection
            .handle_response(200, Some(b"text/event-stream"), None, now);
        let (head, body) = response.into_parts();
        self.open = Some(Box::new(ResponseHead {
            uri: response_uri(&head.extensions),
            headers: head.headers,
        }));
        self.attempt = Attempt::stream(body, now);
    }

    /// Returns whether this response is an event stream although the standard rejects it.
    fn is_taken_leniently(&self, response: &Response<Body>) -> bool {
        let (status, headers) = (response.status(), response.headers());
        let has_content = status.is_success()
            && status != StatusCode::NO_CONTENT
            && status != StatusCode::RESET_CONTENT;
        let has_type = match head::content_type(headers) {
            Some(types) => sse_proto::client::is_event_stream(&types),
            None => !headers.contains_key(CONTENT_TYPE) && head::coding(headers).is_none(),
        };
        self.options.takes_lenient_response && has_content && has_type
    }

    /// Handles a response that is not an event stream, after its body was read. Returns the error if no attempt
    /// follows.
    pub(super) fn handle_unexpected_response(
        &mut self,
        response: Box<UnexpectedResponse>,
    ) -> Option<Error> {
        let now = self.now();
        let reason = match response.status {
            StatusCode::OK => DisconnectReason::ContentType,
            status => DisconnectReason::Status(status.as_u16()),
        };
        let attempt = self.connection.failed_attempts().saturating_add(1);
        self.note_failure(attempt);
        let is_retried = self.is_retried(&FailedAttempt {
            reason,
            response: Some(&response),
            error: None,
            attempt,
            elapsed: now.saturating_sub(self.failing_since),
            is_retried_by_default: self.connection.is_retried(reason),
        });
        let retry_after = head::retry_after(&response.headers);
        self.connection
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
        self.connection.handle_network_error(now);
    }

    /// Returns the item of a disconnection, or the end of the source if no attempt follows. The end drops the current
    /// attempt.
    pub(super) fn on_disconnected(
        &mut self,
        disconnected: Disconnected,
    ) -> Option<Result<Item, Error>> {
        if !self.is_last(&disconnected) {
            return Some(Ok(Item::Disconnected(disconnected)));
        }
        self.connection.close();
        self.attempt = Attempt::None;
        self.is_over = true;
        match disconnected.reason {
            DisconnectReason::EndOfStream => None,
            _ => Some(Err(disconnected.into())),
        }
    }

    fn is_last(&mut self, disconnected: &Disconnected) -> bool {
        let attempt = self.connection.failed_attempts();
        self.note_failure(attempt);
        // The caller asked for another attempt, or `handle_unexpected_response` has decided on it.
        if disconnected.reason == DisconnectReason::Requested || disconnected.response.is_some() {
            return false;
        }
        self.options.is_once
            || !self.is_retried(&FailedAttempt {
                reason: disconnected.reason,
                response: None,
                error: disconnected.error.as_ref(),
                attempt,
                elapsed: self.now().saturating_sub(self.failing_since),
                is_retried_by_default: self.invalid_heads < MAX_INVALID_HEADS,
            })
    }

    fn note_failure(&mut self, attempt: u32) {
        if attempt <= 1 {
            self.failing_since = self.now();
        }
    }

    fn is_retried(&self, failed: &FailedAttempt<'_>) -> bool {
        match &self.options.retry_policy {
            Some(policy) if !self.options.is_once => policy(failed),
            _ => failed.is_retried_by_default,
        }
    }
}

/// Returns whether this response is an event stream by the standard.
fn is_stream(response: &Response<Body>) -> bool {
    let content_type = head::content_type(response.headers());
    response.status() == StatusCode::OK
        && content_type.is_some_and(|value| sse_proto::client::is_event_stream(&value))
}

/// Returns whether the error is a response that is not HTTP.
fn is_invalid_head(error: &(dyn error::Error + 'static)) -> bool {
    core::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<hyper::Error>())
        .any(hyper::Error::is_parse)
}
