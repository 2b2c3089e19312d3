//! Credentials in URIs: `http://user:password@host/`
//! ([RFC 3986, 3.2.1](https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1)).

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, Request, Uri, header::AUTHORIZATION, uri::Authority};
use percent_encoding::percent_decode_str;
use tower_http::follow_redirect::policy::{Action, Attempt, Policy};

/// Moves the credentials of the URI to an `Authorization` header, unless there is one
/// ([RFC 7617, 2](https://www.rfc-editor.org/rfc/rfc7617#section-2)).
///
/// So no URI that is shown or logged has credentials. A redirect to another origin removes them like all credentials.
pub(crate) fn move_to_header<B>(request: &mut Request<B>) {
    let Some((credentials, uri)) = split(request.uri()) else {
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
fn split(uri: &Uri) -> Option<(Option<HeaderValue>, Uri)> {
    let (credentials, host) = uri.authority()?.as_str().rsplit_once('@')?;
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(Authority::try_from(host).ok()?);
    Some((header(credentials), Uri::from_parts(parts).ok()?))
}

fn header(credentials: &str) -> Option<HeaderValue> {
    if credentials.is_empty() {
        return None;
    }
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let mut pair: Vec<u8> = percent_decode_str(user).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(password));
    HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(pair))).ok()
}

/// Redirect policy that sends the credentials in the new URI.
#[derive(Clone)]
pub(crate) struct SendCredentials;

impl<B, E> Policy<B, E> for SendCredentials {
    fn redirect(&mut self, _: &Attempt<'_>) -> Result<Action, E> {
        Ok(Action::Follow)
    }

    fn on_request(&mut self, request: &mut Request<B>) {
        move_to_header(request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            move_to_header(&mut request);
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
        move_to_header(&mut request);
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer t");
    }
}
