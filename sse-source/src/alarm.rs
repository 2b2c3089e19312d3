use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::time::{Duration, Instant, Sleep};

/// Maximum time that the timer is set to. What is later takes several turns: a deadline may be beyond all that an
/// [`Instant`] or the runtime's timers can hold.
const MAX_SLEEP: Duration = Duration::from_secs(60 * 60 * 24 * 365);

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
        loop {
            if self.in_grace != Some(time) {
                self.set(time);
            }
            ready!(self.sleep.as_mut().poll(cx));
            if self.now() >= time {
                return Poll::Ready(());
            }
        }
    }

    /// Sets the timer to this time, or as near to it as it goes.
    fn set(&mut self, time: Duration) {
        let left = time.saturating_sub(self.now());
        let set_to = self.sleep.deadline();
        if left > MAX_SLEEP {
            let now = Instant::now();
            // It is far away already: each poll would move it a little.
            if set_to < now + MAX_SLEEP / 2 {
                self.sleep.as_mut().reset(now + MAX_SLEEP);
            }
        } else if set_to != self.start + time {
            self.sleep.as_mut().reset(self.start + time);
        }
    }

    /// Ready when nothing has come up to this time. When the caller was busy for so long that nobody
    /// has looked, that is not known: on a runtime of one thread, for one, all that came is still in
    /// the kernel. So then it waits a little more.
    pub(crate) fn poll_silence(&mut self, time: Duration, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll(time, cx));
        if self.in_grace != Some(time) && self.now() > time.saturating_add(LATE) {
            self.in_grace = Some(time);
            self.sleep.as_mut().reset(Instant::now() + GRACE);
            ready!(self.sleep.as_mut().poll(cx));
        }
        Poll::Ready(())
    }
}
