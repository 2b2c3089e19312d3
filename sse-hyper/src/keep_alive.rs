use core::time::Duration;

use bytes::{Bytes, BytesMut};
use sse_proto::{Comment, Event};

use crate::own_type::with_own_type;

/// Default interval, below the idle timeouts of common proxies, most of which are 30 s or 60 s.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(15);

/// Comment or event that an idle stream sends to keep its connection alive.
///
/// "Legacy proxy servers are known to, in certain cases, drop HTTP connections after a short
/// timeout. To protect against such proxy servers, authors can include a comment line (one starting
/// with a ':' character) every 15 seconds or so."
/// ([9.2.7](https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes))
///
/// It also lets the server notice a client that has disappeared without closing its connection.
#[derive(Clone, Debug)]
pub struct KeepAlive {
    pub(crate) interval: Duration,
    pub(crate) block: Bytes,
}

impl KeepAlive {
    /// Creates a keep-alive that sends an empty comment after 15 s without an event.
    pub const fn new() -> Self {
        Self {
            interval: DEFAULT_INTERVAL,
            block: Bytes::from_static(b":\n\n"),
        }
    }

    /// Sets the time for which the stream must be idle. The minimum is 1 ms; `Duration::MAX` sends nothing.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets the text of the comment.
    #[must_use]
    pub fn comment(mut self, text: &str) -> Self {
        let mut block = BytesMut::new();
        Comment::new(text).encode(&mut block);
        self.block = block.freeze();
        self
    }

    /// Sends an event instead of the comment.
    ///
    /// Scripts in browsers cannot see comments, so they need an event to tell an idle server from one that is gone.
    /// An event without a type, or of the type `message`, gets the type `ping`, so that it does not reach the
    /// `onmessage` of a page. Give it no ID, because a client cannot resume after it.
    #[must_use]
    pub fn event(mut self, event: &Event) -> Self {
        let mut block = BytesMut::new();
        with_own_type(event.clone(), "ping").encode(&mut block);
        self.block = block.freeze();
        self
    }
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self::new()
    }
}
