use headers_accept::Accept;
use headers_core::Header;
use http::HeaderMap;
use mediatype::{
    MediaTypeBuf, ReadParams,
    names::{_STAR, EVENT_STREAM, Q, TEXT},
};

/// Whether the client takes an event stream
/// ([RFC 9110, 12.5.1](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.1)): "the most specific
/// reference has precedence". One that says nothing, or nothing that can be read, takes what comes.
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

/// How specific the range is, if it includes event streams. Parameters do not count: all event
/// streams are alike.
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

/// "A sender of qvalue MUST NOT generate more than three digits", and 0 is "not acceptable".
fn is_wanted(range: &MediaTypeBuf) -> bool {
    let is_not_zero = |digit| matches!(digit, '1'..='9');
    range
        .get_param(Q)
        .is_none_or(|quality| quality.as_str().contains(is_not_zero))
}
