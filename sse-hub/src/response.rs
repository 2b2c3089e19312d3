//! HTTP status codes of errors, and their responses for axum.

use http::StatusCode;

use crate::{BackendErrorKind, InvalidTopic, PublishError, SubscribeError};

impl SubscribeError {
    /// Returns the status code to respond with: 503 if the hub is full or has too many patterns, 403 if the subscription is denied.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Full(_) | Self::TooManyPatterns(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Denied(_) => StatusCode::FORBIDDEN,
        }
    }
}

impl PublishError {
    /// Returns the status code to respond with.
    ///
    /// | error | status |
    /// |---|---|
    /// | the event is too large, for the hub or for the backend | 413 |
    /// | its type, key, ID or reconnection time is not allowed | 400 |
    /// | the backend is not available | 503 |
    /// | the backend refuses the event | 502 |
    /// | [`WouldBlock`](Self::WouldBlock) | 500 |
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TypeTooLong { .. }
            | Self::KeyTooLong { .. }
            | Self::IdTooLong { .. }
            | Self::ReservedType(_)
            | Self::Retry { .. } => StatusCode::BAD_REQUEST,
            Self::WouldBlock => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Backend(error) => match error.kind() {
                BackendErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                BackendErrorKind::Refused => StatusCode::BAD_GATEWAY,
                BackendErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            },
        }
    }
}

impl InvalidTopic {
    /// Returns the status code to respond with: 400.
    pub fn status(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }
}

#[cfg(feature = "axum")]
mod axum {
    use axum_core::response::{IntoResponse, Response};

    use crate::{InvalidTopic, PublishError, SubscribeError};

    /// Responds with [`status`](SubscribeError::status) and one line of text. The line is the reason of the
    /// authorizer if it denies the subscription, and the error's text otherwise.
    impl IntoResponse for SubscribeError {
        fn into_response(self) -> Response {
            let text = match &self {
                Self::Denied(denied) => denied.to_string(),
                Self::Full(_) | Self::TooManyPatterns(_) => self.to_string(),
            };
            (self.status(), text + "\n").into_response()
        }
    }

    /// Responds with [`status`](PublishError::status) and the error's text in one line. The cause of a backend's
    /// error is not part of the response, because it may contain addresses.
    impl IntoResponse for PublishError {
        fn into_response(self) -> Response {
            (self.status(), format!("{self}\n")).into_response()
        }
    }

    /// Responds with [`status`](InvalidTopic::status) and the error's text in one line.
    impl IntoResponse for InvalidTopic {
        fn into_response(self) -> Response {
            (self.status(), format!("{self}\n")).into_response()
        }
    }
}
