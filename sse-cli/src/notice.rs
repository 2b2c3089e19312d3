//! What goes to stderr: how the connection is, and why there are no events.

use core::fmt::Display;
use std::io::{self, Write};

use http::header::CONTENT_TYPE;
use sse_source::Refused;

use crate::readable::push_escaped;

/// How much of what the server says in place of events is shown.
const ENOUGH: usize = 600;

/// Writes a line to stderr. If nobody reads that, there is nobody to tell.
pub(crate) fn tell(notice: impl Display) {
    let _ = writeln!(io::stderr(), "sse: {notice}");
}

/// What the server says in place of events.
pub(crate) fn refusal(refused: &Refused) -> String {
    let Refused {
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
        200 => format!("no event stream: status {status}, {content_type}"),
        _ => format!("status {status}, {content_type}"),
    };
    let start = &body[..body.len().min(ENOUGH)];
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

/// It comes from the server, and stderr mostly is a terminal.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    push_escaped(text, &mut escaped);
    escaped
}
