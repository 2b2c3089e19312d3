//! Redirects ([HTTP-redirect fetch](https://fetch.spec.whatwg.org/#http-redirect-fetch)).

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, Method, Request, StatusCode, Uri,
    header::{
        AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, COOKIE,
        LOCATION, PROXY_AUTHORIZATION,
    },
};
use url::Url;

use crate::{Error, Result};

/// Default of [`ClientBuilder::redirect_limit`](crate::ClientBuilder::redirect_limit).
pub const DEFAULT_REDIRECT_LIMIT: u32 = 16;

/// Headers that are not sent to another origin.
const CREDENTIALS: [HeaderName; 3] = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION];

/// Headers of a body, which are not sent without it.
const BODY_HEADERS: [HeaderName; 4] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LOCATION,
    CONTENT_TYPE,
];

pub(crate) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Returns the request that follows a redirect with these status and headers.
pub(crate) fn redirected(
    mut request: Request<Option<Bytes>>,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Request<Option<Bytes>>> {
    let url = Url::parse(&request.uri().to_string()).map_err(Error::invalid_parameter)?;
    let location = location(&url, headers)?;
    let uri = Uri::try_from(location.as_str())
        .map_err(|error| Error::MalformedLocationHeader(error.into()))?;
    *request.uri_mut() = uri;
    if location.origin() != url.origin() {
        remove(request.headers_mut(), &CREDENTIALS);
    }
    let becomes_get = match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => request.method() == Method::POST,
        StatusCode::SEE_OTHER => !matches!(*request.method(), Method::GET | Method::HEAD),
        _ => false,
    };
    if becomes_get {
        *request.method_mut() = Method::GET;
        *request.body_mut() = None;
        remove(request.headers_mut(), &BODY_HEADERS);
    }
    Ok(request)
}

fn location(url: &Url, headers: &HeaderMap) -> Result<Url> {
    let malformed = |cause: &str| Error::MalformedLocationHeader(cause.into());
    let value = headers
        .get(LOCATION)
        .ok_or_else(|| malformed("response has no `Location` header"))?;
    let value = str::from_utf8(value.as_bytes())
        .map_err(|error| Error::MalformedLocationHeader(error.into()))?;
    let location = url
        .join(value)
        .map_err(|error| Error::MalformedLocationHeader(error.into()))?;
    match location.scheme() {
        "http" | "https" => Ok(location),
        scheme => Err(malformed(&format!(
            "scheme is {scheme:?}, not http or https"
        ))),
    }
}

fn remove(headers: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        headers.remove(name);
    }
}
