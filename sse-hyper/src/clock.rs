use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::time::Instant;

use hyper::rt::Sleep;

use crate::config::{StreamConfig, draw};

/// Action that is due in an idle stream.
pub(crate) enum Due {
    KeepAlive,
    End,
}

/// Timer of one stream: its keep-alive and its maximum age.
#[derive(Default)]
pub(crate) struct Clock {
    /// Time of the last frame. A frame only updates this field, because a reset of the timer would cost more than
    /// the frame.
    sent: Option<Instant>,
    /// Time at which the stream reaches its maximum age.
    end: Option<Instant>,
    /// Sleeps until the first of these times, or shorter. Created on first use, because only then there is surely a
    /// runtime.
    alarm: Option<Pin<Box<dyn Sleep>>>,
}

impl Clock {
    /// Records that a frame is sent. Returns whether the stream has reached its maximum age.
    pub(crate) fn sends(&mut self, config: &StreamConfig) -> bool {
        let Some(timer) = &config.timer else {
            return false;
        };
        if config.keep_alive.is_none() && config.max_age.is_none() {
            return false;
        }
        let now = timer.now();
        self.sent = Some(now);
        if let Some(age) = &config.max_age {
            // An age that an `Instant` cannot hold never ends the stream.
            self.end = self.end.or_else(|| now.checked_add(draw(age)));
        }
        self.end.is_some_and(|end| end <= now)
    }

    /// Returns the next action when it is due. Call it only if the stream has nothing to send.
    ///
    /// It stays pending until the stream has sent its first frame.
    pub(crate) fn poll(&mut self, config: &StreamConfig, cx: &mut Context<'_>) -> Poll<Due> {
        let (Some(timer), Some(sent)) = (&config.timer, self.sent) else {
            return Poll::Pending;
        };
        let keep_alive = config.keep_alive.as_ref();
        // An interval that an `Instant` cannot hold never ends.
        let quiet_until = keep_alive.and_then(|it| sent.checked_add(it.interval));
        let Some(next) = quiet_until.into_iter().chain(self.end).min() else {
            return Poll::Pending;
        };
        let alarm = self.alarm.get_or_insert_with(|| timer.sleep_until(next));
        // After one reset, the timer fires in time. If it is early again, the task yields.
        for _ in 0..2 {
            ready!(alarm.as_mut().poll(cx));
            let now = timer.now();
            if self.end.is_some_and(|end| end <= now) {
                return Poll::Ready(Due::End);
            }
            timer.reset(alarm, next);
            if next <= now {
                return Poll::Ready(Due::KeepAlive);
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
