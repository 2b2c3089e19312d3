//! Request of each attempt: its template, and what it takes from the URI of the caller.

use core::{error, fmt};
use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Request, Uri,
    header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL},
    uri::Authority,
};
use http_body_util::Full;
use percent_encoding::percent_decode_str;

use crate::{
    Error, Transport,
    source::Failure,
    transport::{BoxError, BoxFuture},
};

/// Closure of the caller that changes each request before it is sent.
pub(crate) type MapRequest =
    dyn Fn(Request<Bytes>) -> BoxFuture<Result<Request<Bytes>, BoxError>> + Send + Sync;

/// Template from which the request of each attempt is made.
#[derive(Clone)]
pub(crate) struct RequestTemplate {
    request: Request<Bytes>,
    map_request: Option<Arc<MapRequest>>,
    resends_unsafe_methods: bool,
    /// Set if a request was sent before and the caller did not ask for this one.
    pub(crate) is_repetition: bool,
    pub(crate) transport: Transport,
}

impl RequestTemplate {
    pub(crate) fn new(
        mut request: Request<Bytes>,
        map_request: Option<Arc<MapRequest>>,
        resends_unsafe_methods: bool,
        transport: Transport,
    ) -> Result<Self, Error> {
        move_credentials_to_header(&mut request);
        add_default_headers(request.headers_mut());
        // `map_request` may set another URI, which is then checked in `make`.
        if map_request.is_none() {
            transport.check(request.uri()).map_err(Error::Request)?;
        }
        Ok(Self {
            request,
            map_request,
            resends_unsafe_methods,
            is_repetition: false,
            transport,
        })
    }

    /// Returns whether the method is safe to repeat, or the caller allowed the repetition.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.resends_unsafe_methods || self.request.method().is_safe()
    }

    /// Returns the request of one attempt.
    pub(crate) async fn make(
        mut self,
        last_event_id: String,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let request = &mut self.request;
        if !last_event_id.is_empty() {
            // "Encoded as UTF-8". An ID from a stream may have characters that a header cannot hold. The request is
            // then sent without the ID, so the server starts from the beginning.
            if let Ok(value) = HeaderValue::from_bytes(last_event_id.as_bytes()) {
                request.headers_mut().insert("last-event-id", value);
            }
        }
        if let Some(map_request) = &self.map_request {
            let mapped = map_request(self.request).await;
            self.request = mapped.map_err(Failure::Preparation)?;
            move_credentials_to_header(&mut self.request);
            let check = self.transport.check(self.request.uri());
            check.map_err(Failure::Request)?;
        }
        if self.is_repetition && !self.is_repeatable() {
            let method = self.request.method();
            let reason = format!("{method} request is not repeated without `resend`");
            return Err(Failure::Request(reason.into()));
        }
        Ok(self.request.map(Full::new))
    }
}

/// Adds the headers of a request for an event stream, unless there are others of the same name.
pub(crate) fn add_default_headers(headers: &mut HeaderMap) {
    for (name, value) in [(ACCEPT, "text/event-stream"), (CACHE_CONTROL, "no-cache")] {
        let value = HeaderValue::from_static(value);
        headers.entry(name).or_insert(value);
    }
}

/// Moves the credentials of the URI (`http://user:password@host/`) to an `Authorization` header, unless there is one
/// ([RFC 7617, 2](https://www.rfc-editor.org/rfc/rfc7617#section-2)).
///
/// So no URI that is shown or logged has credentials. A redirect to another origin removes them like all credentials.
pub(crate) fn move_credentials_to_header<B>(request: &mut Request<B>) {
    let Some((credentials, uri)) = split_credentials(request.uri()) else {
        return;
    };
    *request.uri_mut() = uri;
    if let Some(mut value) = credentials {
        value.set_sensitive(true);
        request.headers_mut().entry(AUTHORIZATION).or_insert(value);
    }
}

/// Returns the value of the header and the URI without credentials, or `None` for a URI that has none.
///
/// There is no value if the credentials are empty.
fn split_credentials(uri: &Uri) -> Option<(Option<HeaderValue>, Uri)> {
    let (credentials, host) = uri.authority()?.as_str().rsplit_once('@')?;
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(Authority::try_from(host).ok()?);
    Some((
        basic_authorization(credentials),
        Uri::from_parts(parts).ok()?,
    ))
}

fn basic_authorization(credentials: &str) -> Option<HeaderValue> {
    if credentials.is_empty() {
        return None;
    }
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let mut pair: Vec<u8> = percent_decode_str(user).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(password));
    HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(pair))).ok()
}

/// Maximum number of characters of a text that an error shows.
const MAX_SHOWN_CHARS: usize = 200;

/// Parses a URI from the caller. The error shows the text without credentials.
pub(crate) fn parse_uri<U>(uri: U) -> Result<Uri, InvalidUri>
where
    U: TryInto<Uri> + fmt::Display,
    U::Error: Into<http::Error>,
{
    let text = without_credentials(&uri.to_string());
    let problem = match uri.try_into() {
        Ok(uri) if has_valid_port(&uri) => return Ok(uri),
        Ok(_) => Problem::Port,
        Err(_) if !text.contains("://") => Problem::NoScheme,
        Err(error) => Problem::Invalid(error.into()),
    };
    Err(InvalidUri { text, problem })
}

/// Returns whether the port is a number, if there is one. [`Uri`] accepts any text, and then has no port.
pub(crate) fn has_valid_port(uri: &Uri) -> bool {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let after_host = authority.rsplit([']', '@']).next().unwrap_or_default();
    match after_host.rsplit_once(':') {
        Some((_, port)) => port.is_empty() || uri.port_u16().is_some(),
        None => true,
    }
}

/// Returns the text for an error message: without credentials, and with at most [`MAX_SHOWN_CHARS`].
pub(crate) fn without_credentials(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let rest = &rest[authority.rfind('@').map_or(0, |at| at + 1)..];
    let mut shown: String = scheme
        .chars()
        .chain(rest.chars())
        .take(MAX_SHOWN_CHARS)
        .collect();
    if shown.len() < scheme.len() + rest.len() {
        shown.push('…');
    }
    shown
}

/// Error for a text that is not a valid URI.
#[derive(Debug)]
pub(crate) struct InvalidUri {
    text: String,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    NoScheme,
    Port,
    Invalid(http::Error),
}

impl fmt::Display for InvalidUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, problem } = self;
        match problem {
            Problem::NoScheme => {
                write!(f, "URI {text:?} does not start with http:// or https://")
            }
            Problem::Port => write!(f, "port of URI {text:?} is not a number up to 65535"),
            Problem::Invalid(_) => write!(f, "invalid URI {text:?}"),
        }
    }
}

impl error::Error for InvalidUri {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.problem {
            Problem::Invalid(error) => Some(error),
            Problem::NoScheme | Problem::Port => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_the_text_and_no_credentials() {
        for (text, expected) in [
            (
                "127.0.0.1:1/x",
                "URI \"127.0.0.1:1/x\" does not start with http:// or https://",
            ),
            (
                "user:secret@host:1/x",
                "URI \"host:1/x\" does not start with http:// or https://",
            ),
            ("http://h/a b", "invalid URI \"http://h/a b\""),
            ("http://u:secret@h/a b@c", "invalid URI \"http://h/a b@c\""),
            ("http://u:se@cret@h h/", "invalid URI \"http://h h/\""),
            (
                "http://u:secret@h:x/",
                "port of URI \"http://h:x/\" is not a number up to 65535",
            ),
            (
                "http://[::1]:65536/",
                "port of URI \"http://[::1]:65536/\" is not a number up to 65535",
            ),
            ("", "URI \"\" does not start with http:// or https://"),
        ] {
            let error = parse_uri(text).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
        for text in [
            "http://h/",
            "http://h:/",
            "http://h:1",
            "http://[::1]/",
            "http://u:p@h",
            "/x",
        ] {
            assert!(parse_uri(text).is_ok(), "{text}");
        }
        let long = format!("http://h/ {}", "ä".repeat(1000));
        let shown = parse_uri(long).unwrap_err().to_string();
        assert!(
            shown.chars().count() < 230 && shown.ends_with("…\""),
            "{shown}"
        );
    }

    #[test]
    fn credentials_become_a_header() {
        for (uri, expected, rest) in [
            ("http://u:p@h/x", Some("u:p"), "http://h/x"),
            ("http://u@h:1/", Some("u:"), "http://h:1/"),
            ("http://:p@[::1]:1/?q", Some(":p"), "http://[::1]:1/?q"),
            ("http://a%40b:p%3A%2F%25@h/", Some("a@b:p:/%"), "http://h/"),
            ("http://%C3%A9:%f0%9f%98%80@h/", Some("é:😀"), "http://h/"),
            ("http://u:p:q@h/", Some("u:p:q"), "http://h/"),
            ("http://@h/", None, "http://h/"),
            ("http://h/a@b", None, "http://h/a@b"),
        ] {
            let mut request = Request::get(uri).body(()).unwrap();
            move_credentials_to_header(&mut request);
            let value = request.headers().get(AUTHORIZATION);
            let pair = value.map(|value| {
                assert!(value.is_sensitive());
                let encoded = value.to_str().unwrap().strip_prefix("Basic ").unwrap();
                String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap()
            });
            assert_eq!(pair.as_deref(), expected, "{uri}");
            assert_eq!(request.uri().to_string(), rest);
        }
        let request = Request::get("http://u:p@h/").header(AUTHORIZATION, "Bearer t");
        let mut request = request.body(()).unwrap();
        move_credentials_to_header(&mut request);
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer t");
    }
}
