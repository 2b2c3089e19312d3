use core::{error::Error, fmt};

use http::{HeaderValue, StatusCode};

/// Reason why a request is not authorized, without details that would help an attacker.
///
/// > For the token-related failures, the `error` code is carried as the `error` attribute of a
/// > `WWW-Authenticate: Bearer` challenge, not as a response body field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// The request needs an access token and presents none.
    Missing,
    /// The presentation of the token is malformed.
    InvalidRequest,
    /// The token is not valid.
    InvalidToken,
    /// The token is valid, but does not grant the request.
    InsufficientScope,
}

impl AuthorizationError {
    /// Returns the status code to respond with.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Missing | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
        }
    }

    /// Returns the error code of [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-3.1). `None` if the request
    /// presents no token.
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::Missing => None,
            Self::InvalidRequest => Some("invalid_request"),
            Self::InvalidToken => Some("invalid_token"),
            Self::InsufficientScope => Some("insufficient_scope"),
        }
    }

    /// Returns the value of the header `WWW-Authenticate`, with the URL of the hub's
    /// [metadata](crate::ResourceMetadata).
    //
    // > the challenge SHOULD include the `resource_metadata` parameter per RFC 9728
    pub fn challenge(self, metadata_url: &str) -> HeaderValue {
        let code = self
            .code()
            .map_or(String::new(), |code| format!(", error=\"{code}\""));
        let challenge = format!("Bearer resource_metadata=\"{metadata_url}\"{code}");
        // The URL of a hub has no quotation marks, because they are percent-encoded.
        HeaderValue::try_from(challenge).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

impl fmt::Display for AuthorizationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "an access token is required",
            Self::InvalidRequest => "expected `Authorization: Bearer` and one token",
            Self::InvalidToken => "the access token is not valid",
            Self::InsufficientScope => "the access token does not grant this",
        })
    }
}

impl Error for AuthorizationError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_have_the_code_and_the_metadata() {
        for (error, status, code) in [
            (AuthorizationError::Missing, 401, ""),
            (
                AuthorizationError::InvalidRequest,
                400,
                ", error=\"invalid_request\"",
            ),
            (
                AuthorizationError::InvalidToken,
                401,
                ", error=\"invalid_token\"",
            ),
            (
                AuthorizationError::InsufficientScope,
                403,
                ", error=\"insufficient_scope\"",
            ),
        ] {
            assert_eq!(error.status(), status);
            let expected = format!("Bearer resource_metadata=\"https://a.example/x\"{code}");
            assert_eq!(error.challenge("https://a.example/x"), expected);
        }
    }
}
