use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::time::Instant;

use hyper::rt::Sleep;

use crate::settings::{Settings, draw};

/// What the time has come for in a quiet stream.
pub(crate) enum Due {
    KeepAlive,
    End,
}

/// The times of one stream.
#[derive(Default)]
pub(crate) struct Clock {
    /// When something was sent last. Sending only notes it here: setting the alarm anew for each
    /// frame would cost more than the frame.
    sent: Option<Instant>,
    /// When the stream is too old.
    end: Option<Instant>,
    /// Rings at the first of these times, or too early. Made when first needed, for only then is a
    /// runtime sure to be there.
    alarm: Option<Pin<Box<dyn Sleep>>>,
}

impl Clock {
    /// Notes that something is sent. Whether the stream is too old for more.
    pub(crate) fn sends(&mut self, settings: &Settings) -> bool {
        let Some(timer) = &settings.timer else {
            return false;
        };
        if settings.keep_alive.is_none() && settings.max_age.is_none() {
            return false;
        }
        let now = timer.now();
        self.sent = Some(now);
        if let Some(age) = &settings.max_age {
            // An age beyond all clocks never ends the stream.
            self.end = self.end.or_else(|| now.checked_add(draw(age)));
        }
        self.end.is_some_and(|end| end <= now)
    }

    /// Ready when there is something to do in a stream that has nothing to send. It must have sent
    /// something before.
    pub(crate) fn poll(&mut self, settings: &Settings, cx: &mut Context<'_>) -> Poll<Due> {
        let (Some(timer), Some(sent)) = (&settings.timer, self.sent) else {
            return Poll::Pending;
        };
        let keep_alive = settings.keep_alive.as_ref();
        // An interval beyond all clocks never ends.
        let quiet_until = keep_alive.and_then(|it| sent.checked_add(it.interval));
        let Some(next) = quiet_until.into_iter().chain(self.end).min() else {
            return Poll::Pending;
        };
        let alarm = self.alarm.get_or_insert_with(|| timer.sleep_until(next));
        // Set once, it rings in time. If a timer rings too early again, others get their turn.
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
