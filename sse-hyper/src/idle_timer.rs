use core::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::{sync::Arc, time::Instant};

use hyper::rt::{Sleep, Timer};

use crate::config::{StreamConfig, random_duration};

/// Timer of a runtime.
#[derive(Clone)]
pub(crate) enum RuntimeTimer {
    /// Timer of tokio. It is a variant so that the default configuration is a constant.
    #[cfg(feature = "tokio")]
    Tokio,
    Custom(Arc<dyn Timer + Send + Sync>),
}

impl RuntimeTimer {
    /// Calls the function with the timer.
    fn with<T>(&self, call: impl FnOnce(&dyn Timer) -> T) -> T {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio => call(&hyper_util::rt::TokioTimer::new()),
            Self::Custom(timer) => call(&**timer),
        }
    }

    pub(crate) fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.with(|timer| timer.sleep(duration))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.with(|timer| timer.sleep_until(deadline))
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, deadline: Instant) {
        self.with(|timer| timer.reset(sleep, deadline));
    }

    fn now(&self) -> Instant {
        self.with(|timer| timer.now())
    }
}

/// Action that is due in an idle stream.
pub(crate) enum IdleAction {
    KeepAlive,
    End,
}

/// Times of one stream, on which its keep-alive and its maximum age depend. It needs no timer.
#[derive(Debug, Default)]
pub(crate) struct IdleTimes {
    /// Time of the last frame. A frame only updates this field, because a reset of a timer would cost more than the
    /// frame.
    last_frame: Option<Instant>,
    /// Time at which the stream reaches its maximum age.
    max_age_reached: Option<Instant>,
}

impl IdleTimes {
    /// Records that a frame is sent. Returns whether the stream has reached its maximum age.
    pub(crate) fn frame_sent(&mut self, config: &StreamConfig, now: Instant) -> bool {
        self.last_frame = Some(now);
        if let Some(age) = &config.max_age {
            // An age that an `Instant` cannot hold never ends the stream.
            self.max_age_reached = self
                .max_age_reached
                .or_else(|| now.checked_add(random_duration(age)));
        }
        self.max_age_reached.is_some_and(|end| end <= now)
    }

    /// Returns the time of the next action. `None` until the stream has sent its first frame, or if there is none.
    pub(crate) fn deadline(&self, config: &StreamConfig) -> Option<Instant> {
        let last_frame = self.last_frame?;
        let keep_alive = config.keep_alive.as_ref();
        // An interval that an `Instant` cannot hold never ends.
        let idle_until =
            keep_alive.and_then(|keep_alive| last_frame.checked_add(keep_alive.interval));
        idle_until.into_iter().chain(self.max_age_reached).min()
    }

    /// Returns the action that is due at this time, if there is one.
    pub(crate) fn due(&self, config: &StreamConfig, now: Instant) -> Option<IdleAction> {
        if self.max_age_reached.is_some_and(|end| end <= now) {
            return Some(IdleAction::End);
        }
        let is_due = self
            .deadline(config)
            .is_some_and(|deadline| deadline <= now);
        is_due.then_some(IdleAction::KeepAlive)
    }
}

/// Timer of one stream: its keep-alive and its maximum age.
#[derive(Default)]
pub(crate) struct IdleTimer {
    times: IdleTimes,
    /// Sleeps until the next action, or shorter. Created on first use, because only then a runtime is certain to exist.
    sleep: Option<Pin<Box<dyn Sleep>>>,
}

impl IdleTimer {
    /// Records that a frame is sent. Returns whether the stream has reached its maximum age.
    pub(crate) fn frame_sent(&mut self, config: &StreamConfig) -> bool {
        let Some(timer) = &config.timer else {
            return false;
        };
        if config.keep_alive.is_none() && config.max_age.is_none() {
            return false;
        }
        self.times.frame_sent(config, timer.now())
    }

    /// Returns the next action when it is due. Call it only if the stream has nothing to send.
    ///
    /// It stays pending until the stream has sent its first frame.
    pub(crate) fn poll(&mut self, config: &StreamConfig, cx: &mut Context<'_>) -> Poll<IdleAction> {
        let Some(timer) = &config.timer else {
            return Poll::Pending;
        };
        let Some(deadline) = self.times.deadline(config) else {
            return Poll::Pending;
        };
        let sleep = self
            .sleep
            .get_or_insert_with(|| timer.sleep_until(deadline));
        // After one reset, the timer fires in time. If it is early again, the task yields.
        for _ in 0..2 {
            ready!(sleep.as_mut().poll(cx));
            let action = self.times.due(config, timer.now());
            if let Some(IdleAction::End) = action {
                return Poll::Ready(IdleAction::End);
            }
            timer.reset(sleep, deadline);
            if let Some(action) = action {
                return Poll::Ready(action);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
