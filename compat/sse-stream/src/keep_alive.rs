//! Bytes that keep a quiet connection open.

use std::time::Duration;

use bytes::Bytes;
use sse_proto::Comment;

/// Configuration of the bytes that a quiet body sends.
#[derive(Clone, Debug)]
#[must_use]
pub struct KeepAlive {
    pub(crate) wire: Bytes,
    pub(crate) interval: Duration,
}

impl KeepAlive {
    /// Creates a keep-alive that sends an empty comment after 15 seconds.
    pub fn new() -> Self {
        Self {
            wire: encoded(Comment::default()),
            interval: Duration::from_secs(15),
        }
    }

    /// Sets the time after the last event or keep-alive. The default is 15 seconds.
    pub fn interval(mut self, time: Duration) -> Self {
        self.interval = time;
        self
    }

    /// Sends a comment with this text. Each of its lines becomes a comment line.
    pub fn comment(mut self, comment: &str) -> Self {
        self.wire = encoded(Comment::new(comment));
        self
    }
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self::new()
    }
}

fn encoded(comment: Comment<'_>) -> Bytes {
    let mut wire = Vec::new();
    comment.encode(&mut wire);
    wire.into()
}
