use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::time::{Duration, Instant, Sleep};

/// Far enough ahead is never.
const NEVER: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// A wake-up that is later than this was not waited for.
const LATE: Duration = Duration::from_millis(20);

/// How long the runtime then has to read what may have come.
const GRACE: Duration = Duration::from_millis(50);

/// The clock of an event source, and what wakes it.
pub(crate) struct Alarm {
    start: Instant,
    sleep: Pin<Box<Sleep>>,
    /// The time that has its grace.
    in_grace: Option<Duration>,
}

impl Alarm {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            in_grace: None,
        }
    }

    /// The time since it was made.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Ready when the time has come.
    pub(crate) fn poll(&mut self, time: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let moment = self.start + time.min(NEVER);
        if self.in_grace != Some(time) && self.sleep.deadline() != moment {
            self.sleep.as_mut().reset(moment);
        }
        self.sleep.as_mut().poll(cx)
    }

    /// Ready when nothing has come up to this time. When the caller was busy for so long that nobody
    /// has looked, that is not known: on a runtime of one thread, for one, all that came is still in
    /// the kernel. So then it waits a little more.
    pub(crate) fn poll_silence(&mut self, time: Duration, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll(time, cx));
        if self.in_grace != Some(time) && self.now() > time + LATE {
            self.in_grace = Some(time);
            self.sleep.as_mut().reset(Instant::now() + GRACE);
            ready!(self.sleep.as_mut().poll(cx));
        }
        Poll::Ready(())
    }
}
