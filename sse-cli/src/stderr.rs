//! Lines on stderr: the state of the connection, and the reasons of errors.

use core::fmt::Display;
use std::io::{self, Write};

use http::header::CONTENT_TYPE;
use sse_source::UnexpectedResponse;

use crate::text_format::push_escaped;

/// Maximum number of bytes of a response body that a line quotes.
const MAX_BODY_BYTES: usize = 600;

/// Writes a line to stderr. Ignores errors, because there is no other place to report them.
pub(crate) fn line(text: impl Display) {
    let _ = writeln!(io::stderr(), "sse: {text}");
}

/// Returns a description of a response that is not an event stream: status, content type and start of the body.
pub(crate) fn unexpected_response(response: &UnexpectedResponse) -> String {
    let UnexpectedResponse {
        status,
        headers,
        body,
        ..
    } = response;
    let content_type = match headers.get(CONTENT_TYPE) {
        Some(value) => escaped(&String::from_utf8_lossy(value.as_bytes())),
        None => "no Content-Type".to_owned(),
    };
    let mut text = match status.as_u16() {
        200 => format!("not an event stream: status {status}, {content_type}"),
        _ => format!("status {status}, {content_type}"),
    };
    let start = &body[..body.len().min(MAX_BODY_BYTES)];
    let quoted = String::from_utf8_lossy(start);
    for line in quoted.trim().split('\n').filter(|line| !line.is_empty()) {
        text.push_str("\n  ");
        text.push_str(&escaped(line.trim_end_matches('\r')));
    }
    if start.len() < body.len() {
        text.push_str(" …");
    }
    text
}

/// Escapes the control characters of a text from the server, because stderr usually is a terminal.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    push_escaped(text, &mut escaped);
    escaped
}
