use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::time::{Duration, Instant, Sleep};

/// Maximum time of one sleep. A later deadline takes several sleeps, because it may be beyond the range of an
/// [`Instant`] or of the runtime's timers.
const MAX_SLEEP: Duration = Duration::from_secs(60 * 60 * 24 * 365);

/// Clock of an event source, and the timer for its next deadline.
pub(crate) struct Timer {
    start: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Timer {
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }
    }

    /// Returns the time since the clock was created.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Waits until this time.
    pub(crate) fn poll(&mut self, time: Duration, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.set(time);
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
}
