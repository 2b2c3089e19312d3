//! Lines on stderr: state of the connection, and reasons why there are no events.

use core::fmt::Display;
use std::io::{self, Write};

use http::header::CONTENT_TYPE;
use sse_source::UnexpectedResponse;

use crate::readable::push_escaped;

/// Maximum number of bytes of a response body that a notice quotes.
const MAX_BODY_BYTES: usize = 600;

/// Writes a line to stderr. Ignores errors, because there is no other place to report them.
pub(crate) fn tell(notice: impl Display) {
    let _ = writeln!(io::stderr(), "sse: {notice}");
}

/// Returns a description of a response that is not an event stream: status, content type and start of the body.
pub(crate) fn refusal(refused: &UnexpectedResponse) -> String {
    let UnexpectedResponse {
        status,
        headers,
        body,
        ..
    } = refused;
    let content_type = match headers.get(CONTENT_TYPE) {
        Some(value) => escaped(&String::from_utf8_lossy(value.as_bytes())),
        None => "no Content-Type".to_owned(),
    };
    let mut notice = match status.as_u16() {
        200 => format!("not an event stream: status {status}, {content_type}"),
        _ => format!("status {status}, {content_type}"),
    };
    let start = &body[..body.len().min(MAX_BODY_BYTES)];
    let text = String::from_utf8_lossy(start);
    for line in text.trim().split('\n').filter(|line| !line.is_empty()) {
        notice.push_str("\n  ");
        notice.push_str(&escaped(line.trim_end_matches('\r')));
    }
    if start.len() < body.len() {
        notice.push_str(" …");
    }
    notice
}

/// Escapes the control characters of a text from the server, because stderr usually is a terminal.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    push_escaped(text, &mut escaped);
    escaped
}
