use headers_accept::Accept;
use headers_core::Header;
use http::HeaderMap;
use mediatype::{
    MediaTypeBuf, ReadParams,
    names::{_STAR, EVENT_STREAM, Q, TEXT},
};

/// Returns whether the client accepts an event stream.
///
/// "the most specific reference has precedence"
/// ([RFC 9110, 12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1)). A client without an `Accept` header,
/// or with one that cannot be parsed, accepts everything.
pub(crate) fn is_acceptable(headers: &HeaderMap) -> bool {
    let Ok(accept) = Accept::decode(&mut headers.get_all(Accept::name()).iter()) else {
        return true;
    };
    match accept.media_types().map(rank).max() {
        None => true,
        Some(None) => false,
        Some(best) => accept
            .media_types()
            .any(|range| rank(range) == best && is_wanted(range)),
    }
}

/// Returns how specific the range is, or `None` if it excludes event streams.
///
/// Parameters are ignored, because they do not distinguish event streams.
fn rank(range: &MediaTypeBuf) -> Option<u8> {
    let (kind, subtype) = (range.ty(), range.subty());
    if kind == TEXT && subtype == EVENT_STREAM {
        Some(2)
    } else if kind == TEXT && subtype == _STAR {
        Some(1)
    } else if kind == _STAR && subtype == _STAR {
        Some(0)
    } else {
        None
    }
}

/// Returns whether the quality of the range is not 0.
///
/// "A sender of qvalue MUST NOT generate more than three digits", and 0 is "not acceptable".
fn is_wanted(range: &MediaTypeBuf) -> bool {
    let is_not_zero = |digit| matches!(digit, '1'..='9');
    range
        .get_param(Q)
        .is_none_or(|quality| quality.as_str().contains(is_not_zero))
}
