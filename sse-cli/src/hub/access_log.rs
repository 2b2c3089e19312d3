//! Access log: one line of JSON for each request, when its response ends.
//!
//! # A note to the next reader
//!
//! The body of a response writes the line when it is dropped. hyper drops it at the end of the response. When the event
//! loop takes over a stream, hyper drops the body before it has polled it: the line is then written at the start, and a
//! stream takes no memory for the log.

use core::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};
use std::{fmt::Write as _, path::Path, time::Instant};

use anyhow::Result;
use bytes::Bytes;
use http::{
    HeaderMap, Method, Request, Response, StatusCode,
    header::{CONTENT_TYPE, USER_AGENT},
};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use serde::Serialize;
use tracing_subscriber::fmt::{
    format::Writer,
    time::{FormatTime as _, SystemTime},
};

use crate::hub::{
    connection::PeerAddress,
    log_file::LogFile,
    response::{Body, RefusalKind},
};

/// Maximum length in bytes of a path or a user agent in a line. A longer one is cut.
const MAX_TEXT_BYTES: usize = 256;

/// Maximum length in bytes of a method in a line. A longer one is cut.
const MAX_METHOD_BYTES: usize = 16;

/// Access log.
pub(crate) struct AccessLog(LogFile);

impl AccessLog {
    /// Opens the file, or stderr for `-`. Must be called on the runtime.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        LogFile::open(path).map(Self)
    }

    /// Starts the record of a request.
    //
    // Boxed, because each connection keeps room for it.
    pub(crate) fn start<B>(&self, request: &Request<B>) -> Box<Record> {
        let peer = request.extensions().get::<PeerAddress>();
        // The query may have tokens, so only the path is kept.
        let path = request.uri().path();
        Box::new(Record {
            log: self.0.clone(),
            start: Instant::now(),
            remote: peer.map(|peer| peer.0),
            is_head: request.method() == Method::HEAD,
            method: cut(request.method().as_str(), MAX_METHOD_BYTES).into(),
            path: cut(path, MAX_TEXT_BYTES).into(),
            protocol: format!("{:?}", request.version()).into(),
            user_agent: user_agent(request.headers()),
            status: None,
            refusal: None,
            is_stream: false,
            is_polled: false,
            bytes: 0,
        })
    }

    /// Waits for a short time until all lines are written.
    pub(crate) async fn flush(&self) {
        self.0.flush().await;
    }
}

fn user_agent(headers: &HeaderMap) -> Option<Box<str>> {
    let text = String::from_utf8_lossy(headers.get(USER_AGENT)?.as_bytes());
    Some(cut(&text, MAX_TEXT_BYTES).into())
}

/// Returns the start of a text.
fn cut(text: &str, max_bytes: usize) -> &str {
    let mut ends = (0..=max_bytes.min(text.len())).rev();
    let end = ends.find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Record of a request, which writes its line when it is dropped.
pub(crate) struct Record {
    log: LogFile,
    start: Instant,
    remote: Option<SocketAddr>,
    is_head: bool,
    method: Box<str>,
    path: Box<str>,
    protocol: Box<str>,
    user_agent: Option<Box<str>>,
    /// `None` if the client left before the response.
    status: Option<StatusCode>,
    refusal: Option<RefusalKind>,
    /// The response is an event stream.
    is_stream: bool,
    /// hyper has requested the first frame of the body.
    is_polled: bool,
    /// Number of bytes of the body so far.
    bytes: u64,
}

impl Record {
    /// Records a response, until its body ends.
    pub(crate) fn finish(mut self: Box<Self>, response: Response<Body>) -> Response<Body> {
        self.status = Some(response.status());
        self.refusal = response.extensions().get().copied();
        let content_type = response.headers().get(CONTENT_TYPE);
        let is_event_stream = content_type.is_some_and(|value| value == "text/event-stream");
        self.is_stream = is_event_stream && !self.is_head;
        response.map(|body| RecordedBody { body, record: self }.boxed_unsync())
    }

    /// Returns the line with its end. It is ASCII without control characters.
    fn line(&self) -> Vec<u8> {
        let mut time = String::new();
        // Writing to a string cannot fail.
        let _ = SystemTime.format_time(&mut Writer::new(&mut time));
        let stream = match (self.is_stream, self.is_polled) {
            (true, true) => Some("ended"),
            (true, false) => Some("open"),
            (false, _) => None,
        };
        let line = Line {
            time: &time,
            remote: self.remote,
            method: &self.method,
            path: &self.path,
            protocol: &self.protocol,
            status: self.status.map(|status| status.as_u16()),
            bytes: (stream != Some("open")).then_some(self.bytes),
            seconds: self.start.elapsed().as_micros() as f64 / 1e6,
            stream,
            refusal: self.refusal.map(RefusalKind::name),
            user_agent: self.user_agent.as_deref(),
        };
        // All keys are strings, and no value can fail.
        let json = serde_json::to_string(&line).unwrap_or_default();
        let mut escaped = String::with_capacity(json.len() + 1);
        for character in json.chars() {
            // Some readers split lines at other characters, too, and terminals interpret some.
            if character.is_ascii() && character != '\x7F' {
                escaped.push(character);
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(escaped, "\\u{unit:04x}");
                }
            }
        }
        escaped.push('\n');
        escaped.into_bytes()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.log.write(self.line());
    }
}

/// Line of the log.
#[derive(Serialize)]
struct Line<'a> {
    /// Time of the line in RFC 3339.
    time: &'a str,
    remote: Option<SocketAddr>,
    method: &'a str,
    path: &'a str,
    protocol: &'a str,
    status: Option<u16>,
    /// Bytes of the body, unless the stream is still open.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// Time since the request.
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
}

/// Body whose bytes are counted.
struct RecordedBody {
    body: Body,
    record: Box<Record>,
}

impl http_body::Body for RecordedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.record.is_polled = true;
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            self.record.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
