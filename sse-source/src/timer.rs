use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::time::{Duration, Instant, Sleep};

/// Maximum time of one sleep. A later deadline takes several sleeps, because it may be beyond the range of an
/// [`Instant`] or of the runtime's timers.
const MAX_SLEEP: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// Maximum delay of a wake-up that is on time. Before a later one, the runtime may not have read data that arrived.
const MAX_WAKE_DELAY: Duration = Duration::from_millis(20);

/// Time that the runtime has after a late wake-up to read that data.
const GRACE_PERIOD: Duration = Duration::from_millis(50);

/// Clock of an event source, and the timer for its next deadline.
pub(crate) struct Timer {
    start: Instant,
    sleep: Pin<Box<Sleep>>,
    /// Deadline whose grace period has started.
    in_grace: Option<Duration>,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            in_grace: None,
        }
    }

    /// Returns the time since the clock was created.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Waits until this time.
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

    /// Sets the timer to this time, or to [`MAX_SLEEP`] from now if that is earlier.
    fn set(&mut self, time: Duration) {
        let left = time.saturating_sub(self.now());
        let set_to = self.sleep.deadline();
        if left > MAX_SLEEP {
            let now = Instant::now();
            // A timer that is already far away is kept. Otherwise each poll would move it a little.
            if set_to < now + MAX_SLEEP / 2 {
                self.sleep.as_mut().reset(now + MAX_SLEEP);
            }
        } else if set_to != self.start + time {
            self.sleep.as_mut().reset(self.start + time);
        }
    }

    /// Waits until this time, and for a grace period if the wake-up is late.
    ///
    /// A late wake-up does not prove that the connection was idle: the caller may have been busy. For example, on a
    /// runtime with one thread, all data that arrived meanwhile is still in the kernel.
    pub(crate) fn poll_silence(&mut self, time: Duration, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.poll(time, cx));
        if self.in_grace != Some(time) && self.now() > time.saturating_add(MAX_WAKE_DELAY) {
            self.in_grace = Some(time);
            self.sleep.as_mut().reset(Instant::now() + GRACE_PERIOD);
            ready!(self.sleep.as_mut().poll(cx));
        }
        Poll::Ready(())
    }
}
