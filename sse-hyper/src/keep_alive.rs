use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::{borrow::Cow, sync::Arc};

use hyper::rt::{Sleep, Timer};
use sse_proto::Comment;

/// Below the idle timeouts of common proxies, most of which are 30 s or 60 s.
const INTERVAL: Duration = Duration::from_secs(15);

/// A comment that is sent when there was nothing to send for some time.
///
/// "Legacy proxy servers are known to, in certain cases, drop HTTP connections after a short
/// timeout. To protect against such proxy servers, authors can include a comment line (one starting
/// with a ':' character) every 15 seconds or so."
/// ([9.2.7](https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes))
/// It also lets the server notice a client that left without a word.
#[derive(Clone)]
pub struct KeepAlive {
    timer: Arc<dyn Timer + Send + Sync>,
    interval: Duration,
    text: Cow<'static, str>,
}

impl KeepAlive {
    /// An empty comment after 15 s without an event.
    pub fn new(timer: impl Timer + Send + Sync + 'static) -> Self {
        Self {
            timer: Arc::new(timer),
            interval: INTERVAL,
            text: Cow::Borrowed(""),
        }
    }

    /// Sets how long the stream has to be quiet. At least 1 ms.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets the text of the comment.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.text = text.into();
        self
    }

    pub(crate) fn start(self) -> Pulse {
        Pulse {
            keep_alive: self,
            sleep: None,
            rested: false,
        }
    }
}

#[cfg(feature = "tokio")]
impl Default for KeepAlive {
    /// An empty comment after 15 s without an event, on tokio's timer.
    fn default() -> Self {
        Self::new(hyper_util::rt::TokioTimer::new())
    }
}

impl fmt::Debug for KeepAlive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeepAlive")
            .field("interval", &self.interval)
            .field("text", &self.text)
            .finish_non_exhaustive()
    }
}

/// A keep-alive at work in one body.
pub(crate) struct Pulse {
    keep_alive: KeepAlive,
    /// Made when it is first polled: only then is a runtime sure to be there.
    sleep: Option<Pin<Box<dyn Sleep>>>,
    /// Something was sent since the last poll, so the time starts anew. Noted rather than done, for
    /// a busy stream never gets to wait.
    rested: bool,
}

impl Pulse {
    /// Notes that something was sent.
    pub(crate) fn rest(&mut self) {
        self.rested = true;
    }

    /// Ready when nothing was sent for the interval.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let KeepAlive {
            timer, interval, ..
        } = &self.keep_alive;
        let sleep = self.sleep.get_or_insert_with(|| timer.sleep(*interval));
        if self.rested {
            self.rested = false;
            timer.reset(sleep, timer.now() + *interval);
        }
        ready!(sleep.as_mut().poll(cx));
        self.rested = true;
        Poll::Ready(())
    }

    pub(crate) fn comment(&self) -> Comment<'_> {
        Comment::new(&self.keep_alive.text)
    }
}
