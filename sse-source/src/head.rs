//! What the head of a response says.

use core::time::Duration;
use std::time::SystemTime;

use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER},
};
use sse_proto::connection::retry_after_seconds;

/// The types of the body. Still encoded, it has none, whatever they say.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<Vec<u8>> {
    let types = headers.get_all(CONTENT_TYPE).iter();
    let types: Vec<_> = types.map(HeaderValue::as_bytes).collect();
    let is_readable = !types.is_empty() && coding(headers).is_none();
    is_readable.then(|| types.join(&b","[..]))
}

/// How the body is encoded that is still to be decoded: the transport does not do it.
pub(crate) fn coding(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .find(|coding| !coding.is_empty() && !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// `Retry-After`: seconds, or a date
/// ([RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.as_bytes();
    retry_after_seconds(value).or_else(|| {
        let date = httpdate::parse_http_date(str::from_utf8(value).ok()?.trim()).ok()?;
        date.duration_since(SystemTime::now()).ok()
    })
}
