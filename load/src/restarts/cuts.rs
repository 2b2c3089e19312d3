//! Counts where streams were cut, from the bytes that the client receives.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use futures_util::TryFutureExt as _;
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use sse_source::Transport;
use tower::Service as _;

use super::sequenced::{START, Sequenced};
use crate::{program::number, soak::counts::Count};

/// Number of streams that ended at each kind of position.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    at_the_start: Count,
    between_events: Count,
    between_lines: Count,
    inside_lines: Count,
    inside_characters: Count,
    inside_crlf: Count,
}

/// Returns a transport that counts where its streams end.
///
/// Without `http2`, it sends some requests over HTTP/1.0. There a body ends with its connection, so the client cannot
/// detect that it is incomplete.
pub(super) fn transport(http2: bool, cuts: &Arc<Cuts>) -> Transport {
    let transport = match http2 {
        true => Transport::http2_prior_knowledge(),
        false => Transport::new(),
    };
    let cuts = Arc::clone(cuts);
    let service = tower::service_fn(move |mut request: Request<Full<Bytes>>| {
        let id = request.headers().get("last-event-id");
        let seen = id.and_then(|id| number(id.to_str().ok()?)).unwrap_or(0);
        if !http2 && seen.is_multiple_of(3) {
            *request.version_mut() = Version::HTTP_10;
        }
        let cuts = Arc::clone(&cuts);
        let response = transport.clone().call(request);
        response.map_ok(move |response| {
            let is_stream = response.status() == StatusCode::OK;
            let mut watch = is_stream.then(|| Watch {
                position: Position::after(seen),
                cuts,
            });
            response.map(|body| {
                body.inspect_frame(move |frame| {
                    if let Some(watch) = &mut watch {
                        watch
                            .position
                            .advance(frame.data_ref().map_or(0, Bytes::len));
                    }
                })
            })
        })
    });
    Transport::from_service(service)
}

/// Guard of a body, which counts the position where the body ends.
struct Watch {
    position: Position,
    cuts: Arc<Cuts>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.position.count(&self.cuts);
    }
}

/// Position in a stream.
struct Position {
    /// Number of the event that the position is in, or before.
    number: u64,
    block: String,
    offset: usize,
}

impl Position {
    fn after(seen: u64) -> Self {
        Self {
            number: seen,
            block: START.to_owned(),
            offset: 0,
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.offset += bytes;
        while let Some(rest) = self.offset.checked_sub(self.block.len()) {
            self.number += 1;
            self.block = Sequenced::new(self.number).wire;
            self.offset = rest;
        }
    }

    fn count(&self, cuts: &Cuts) {
        let Some((before, after)) = self.block.split_at_checked(self.offset) else {
            return cuts.inside_characters.up();
        };
        let count = match (before.as_bytes().last(), after.as_bytes().first()) {
            (None, _) if self.block == START => &cuts.at_the_start,
            (None, _) => &cuts.between_events,
            (Some(b'\r'), Some(b'\n')) => &cuts.inside_crlf,
            (Some(b'\r' | b'\n'), _) => &cuts.between_lines,
            _ => &cuts.inside_lines,
        };
        count.up();
    }
}

impl fmt::Display for Cuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at_the_start,
            between_events,
            between_lines,
            inside_lines,
            inside_characters,
            inside_crlf,
        } = self;
        write!(
            f,
            "{at_the_start} at the start, {between_events} between events, {between_lines} between \
             lines, {inside_lines} inside a line, {inside_characters} inside a character, \
             {inside_crlf} inside a CRLF"
        )
    }
}
