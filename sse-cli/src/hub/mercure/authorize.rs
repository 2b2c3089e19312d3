//! Access tokens of requests.

use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{ORIGIN, REFERER, WWW_AUTHENTICATE},
    request::Parts,
};
use sse_mercure::{AccessToken, AuthorizationError, Credentials, Mechanism, RequestError, Role};

use crate::hub::{
    cors::OriginPattern,
    mercure::Mercure,
    response::{Body, Refusal, RefusalKind},
};

/// Reason why a request is refused.
pub(crate) enum Denial {
    /// The response has a challenge.
    Challenge(AuthorizationError),
    Refusal(Refusal),
}

impl From<AuthorizationError> for Denial {
    fn from(error: AuthorizationError) -> Self {
        Self::Challenge(error)
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        let status = error.status();
        Self::new(status, format_args!("{:#}", anyhow::Error::from(error)))
    }
}

impl Mercure {
    /// Returns the valid access token of a request. `None` if it presents none.
    pub(crate) fn authorize(
        &self,
        head: &Parts,
        role: Role,
    ) -> Result<Option<AccessToken>, Denial> {
        let query = head.uri.query().unwrap_or_default();
        let compatibility = self.matchers.compatibility();
        let credentials =
            Credentials::from_request(&head.headers, query, &self.cookie, compatibility)?;
        let Some(credentials) = credentials else {
            return Ok(None);
        };
        let token = self
            .validator
            .validate(&credentials.token, role)
            .map_err(|reason| {
                // The text has no part of the token.
                tracing::debug!(%reason, "access token refused");
                self.request_unknown_key(&credentials.token, role);
                AuthorizationError::InvalidToken
            })?;
        if role == Role::Publisher && credentials.mechanism == Mechanism::Cookie {
            self.check_publish_origin(&head.headers)?;
        }
        Ok(Some(token))
    }

    /// Requests the keys of the token's issuer again, if its key ID is unknown.
    fn request_unknown_key(&self, token: &str, role: Role) {
        if self.validator.has_unknown_key(token, role) {
            self.jwk_sets.request();
        }
    }

    /// Checks that a page that publishes with the cookie has an allowed origin.
    //
    // > hubs SHOULD also verify that the source origin conveyed by the `Origin` or `Referer` HTTP header matches the
    // > target origin, rejecting the request when neither header is available.
    fn check_publish_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let refuse = |reason: &str| Err(Refusal::new(StatusCode::FORBIDDEN, reason));
        let origin = match (headers.get(ORIGIN), headers.get(REFERER)) {
            (Some(origin), _) => origin.to_str().ok().map(str::to_owned),
            (None, Some(referer)) => referer.to_str().ok().and_then(origin_of),
            (None, None) => {
                return refuse("publishing with the cookie requires an Origin or Referer header");
            }
        };
        let own = self.hub_url().origin();
        let is_allowed = |origin: String| {
            let value = HeaderValue::from_str(&origin);
            let matches =
                |pattern: &OriginPattern| value.as_ref().is_ok_and(|value| pattern.matches(value));
            origin == own || self.publish_origins.iter().any(matches)
        };
        match origin.is_some_and(is_allowed) {
            true => Ok(()),
            false => refuse(
                "pages of this origin may not publish with the cookie; --mercure-publish-origin \
                 would allow it",
            ),
        }
    }

    /// Returns the response to a request that is refused.
    pub(crate) fn deny(&self, denial: Denial) -> Response<Body> {
        let error = match denial {
            Denial::Refusal(refusal) => return refusal.into(),
            Denial::Challenge(error) => error,
        };
        let kind = match error {
            AuthorizationError::Missing => RefusalKind::TokenMissing,
            AuthorizationError::InsufficientScope => RefusalKind::Forbidden,
            _ => RefusalKind::TokenWrong,
        };
        let refusal = Refusal::new(error.status(), error).with_kind(kind);
        let mut response = Response::from(refusal);
        let challenge = error.challenge(&self.metadata_url);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        response
    }
}

/// Returns the origin of a URL.
fn origin_of(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    Some(url.origin().ascii_serialization())
}
