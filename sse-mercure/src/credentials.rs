//! Access token of a request, from a header or a cookie, and from the query for earlier drafts.

use core::fmt;

use cookie::Cookie;
use http::{
    HeaderMap,
    header::{AUTHORIZATION, COOKIE},
};

use crate::{AuthorizationError, Compatibility};

/// Name of the cookie that clients of drafts up to 7 use.
const LEGACY_COOKIE_NAME: &str = "mercureAuthorization";

/// Name of the query parameter that clients of drafts up to 7 use.
const LEGACY_PARAMETER: &str = "authorization";

/// Access token that a request presents. `Debug` does not show it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Credentials {
    /// The token.
    pub token: String,
    /// The way in which the client has sent the token.
    pub mechanism: Mechanism,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}

/// Way in which a client sends its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mechanism {
    /// The header `Authorization`.
    Header,
    /// The cookie. Browsers send it by themselves, so a publication needs protection against other sites.
    Cookie,
    /// The query, only for clients of earlier drafts.
    Query,
}

impl Credentials {
    /// Returns the token of a request of the current draft or an earlier one. `None` if it presents none.
    ///
    /// With [`Compatibility::Draft7`], the token may be in the query parameter `authorization`, which takes precedence
    /// over cookies, or in the cookie `mercureAuthorization`.
    ///
    /// # Errors
    ///
    /// [`AuthorizationError::InvalidRequest`] if there are several `Authorization` headers or parameters, if the header
    /// is not `Bearer` and a token, or if the parameter is empty.
    pub fn from_request(
        headers: &HeaderMap,
        query: &str,
        cookie_name: &str,
        compatibility: Compatibility,
    ) -> Result<Option<Self>, AuthorizationError> {
        if !compatibility.accepts_draft_7() || headers.contains_key(AUTHORIZATION) {
            return Self::from_headers(headers, cookie_name);
        }
        let cookie = || {
            let current = from_cookies(headers, cookie_name);
            current.or_else(|| from_cookies(headers, LEGACY_COOKIE_NAME))
        };
        Ok(from_query(query)?.or_else(cookie))
    }

    /// Returns the token of a request. `None` if it presents none.
    ///
    /// # Errors
    ///
    /// [`AuthorizationError::InvalidRequest`] if there are several `Authorization` headers, or if the header is not
    /// `Bearer` and a token.
    //
    // > when an `Authorization` HTTP header is present, its token MUST be used and any cookie MUST be ignored … When no
    // > `Authorization` header is present, the cookie, if any, MUST be used.
    pub fn from_headers(
        headers: &HeaderMap,
        cookie_name: &str,
    ) -> Result<Option<Self>, AuthorizationError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let token = match (values.next(), values.next()) {
            (None, _) => return Ok(from_cookies(headers, cookie_name)),
            (Some(value), None) => value.to_str().ok().and_then(bearer),
            (Some(_), Some(_)) => None,
        };
        let token = token.ok_or(AuthorizationError::InvalidRequest)?;
        Ok(Some(Self {
            token: token.to_owned(),
            mechanism: Mechanism::Header,
        }))
    }
}

/// Returns the token of an `Authorization` header.
//
// > the scheme name is matched case-insensitively
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim_matches(' ');
    let is_token = !token.is_empty() && !token.contains(char::is_whitespace);
    (scheme.eq_ignore_ascii_case("bearer") && is_token).then_some(token)
}

fn from_query(query: &str) -> Result<Option<Credentials>, AuthorizationError> {
    let parameters = form_urlencoded::parse(query.as_bytes());
    let mut tokens = parameters.filter(|(name, _)| name == LEGACY_PARAMETER);
    match (tokens.next(), tokens.next()) {
        (None, _) => Ok(None),
        (Some((_, token)), None) if !token.is_empty() => Ok(Some(Credentials {
            token: token.into_owned(),
            mechanism: Mechanism::Query,
        })),
        _ => Err(AuthorizationError::InvalidRequest),
    }
}

fn from_cookies(headers: &HeaderMap, name: &str) -> Option<Credentials> {
    let headers = headers.get_all(COOKIE).iter();
    let mut cookies = headers
        .filter_map(|value| value.to_str().ok())
        .flat_map(Cookie::split_parse);
    let cookie = cookies.find_map(|cookie| cookie.ok().filter(|cookie| cookie.name() == name))?;
    let token = cookie.value().to_owned();
    (!token.is_empty()).then_some(Credentials {
        token,
        mechanism: Mechanism::Cookie,
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn credentials(headers: &[(&'static str, &str)]) -> Result<Option<(String, Mechanism)>, ()> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let credentials = Credentials::from_headers(&map, "token").map_err(|_| ())?;
        Ok(credentials.map(|credentials| (credentials.token, credentials.mechanism)))
    }

    fn found(token: &str, mechanism: Mechanism) -> Result<Option<(String, Mechanism)>, ()> {
        Ok(Some((token.to_owned(), mechanism)))
    }

    #[test]
    fn the_header_takes_precedence_over_the_cookie() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c "] {
            let headers = [("cookie", "token=x"), ("authorization", value)];
            assert_eq!(
                credentials(&headers),
                found("a.b.c", Mechanism::Header),
                "{value}"
            );
        }
    }

    #[test]
    fn a_cookie_is_used_without_the_header() {
        for value in ["token=x", "a=b; token=x", "token=x; token=y", "a; token=x;"] {
            let expected = found("x", Mechanism::Cookie);
            assert_eq!(credentials(&[("cookie", value)]), expected, "{value}");
        }
        let split = [("cookie", "a=b"), ("cookie", "token=x")];
        assert_eq!(credentials(&split), found("x", Mechanism::Cookie));
        for value in ["", "Token=x", "token=", "atoken=x", "token"] {
            assert_eq!(credentials(&[("cookie", value)]), Ok(None), "{value}");
        }
    }

    #[test]
    fn another_header_is_an_invalid_request() {
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Basic eA==",
            "Bearer a b",
            "Bearera",
            "a.b.c",
        ] {
            let headers = [("cookie", "token=x"), ("authorization", value)];
            assert_eq!(credentials(&headers), Err(()), "{value}");
        }
        let twice = [("authorization", "Bearer a"), ("authorization", "Bearer a")];
        assert_eq!(credentials(&twice), Err(()));
    }

    fn legacy(
        query: &str,
        headers: &[(&'static str, &str)],
        compatibility: Compatibility,
    ) -> Result<Option<(String, Mechanism)>, ()> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let found = Credentials::from_request(&map, query, "token", compatibility);
        let found = found.map_err(|_| ())?;
        Ok(found.map(|credentials| (credentials.token, credentials.mechanism)))
    }

    #[test]
    fn clients_of_draft_7_have_other_places_for_the_token() {
        let header = ("authorization", "Bearer h");
        let (cookie, old_cookie) = (("cookie", "token=c"), ("cookie", "mercureAuthorization=o"));
        let query = "topic=a&authorization=q%2E";
        let all = [header, cookie, old_cookie];
        for (query, headers, expected) in [
            (query, &all[..], found("h", Mechanism::Header)),
            (query, &all[1..], found("q.", Mechanism::Query)),
            ("", &all[1..], found("c", Mechanism::Cookie)),
            ("Authorization=q", &all[2..], found("o", Mechanism::Cookie)),
            ("", &[], Ok(None)),
            ("authorization=", &all[1..], Err(())),
            ("authorization=q&authorization=q", &all[1..], Err(())),
            ("", &[("authorization", "q"), cookie], Err(())),
        ] {
            assert_eq!(
                legacy(query, headers, Compatibility::Draft7),
                expected,
                "{query}"
            );
        }
        for headers in [&all[2..], &[]] {
            assert_eq!(legacy(query, headers, Compatibility::None), Ok(None));
        }
    }
}
