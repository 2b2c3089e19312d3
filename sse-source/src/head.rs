//! Headers of a response that decide what follows.

use core::time::Duration;
use std::time::SystemTime;

use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER},
};
use sse_proto::client::retry_after_seconds;

/// Returns the values of `Content-Type`, or `None` if the header is missing or the body is still encoded.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<Vec<u8>> {
    let types = headers.get_all(CONTENT_TYPE).iter();
    let types: Vec<_> = types.map(HeaderValue::as_bytes).collect();
    let is_readable = !types.is_empty() && coding(headers).is_none();
    is_readable.then(|| types.join(&b","[..]))
}

/// Returns the content coding that the transport has not decoded, if there is one.
pub(crate) fn coding(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .find(|coding| !coding.is_empty() && !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Returns the delay of `Retry-After`, which has seconds or a date
/// ([RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.as_bytes();
    retry_after_seconds(value).or_else(|| {
        let date = httpdate::parse_http_date(str::from_utf8(value).ok()?.trim()).ok()?;
        date.duration_since(SystemTime::now()).ok()
    })
}
