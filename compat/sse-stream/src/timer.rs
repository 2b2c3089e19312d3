//! Timer of keep-alives.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// Timer of any runtime.
///
/// A pending timer wakes the task at its deadline. `reset` also restarts a timer that has completed.
pub trait Timer: Future<Output = ()> {
    /// Sets the next deadline.
    fn reset(self: Pin<&mut Self>, instant: Instant);

    /// Creates a timer that completes after this time.
    fn from_duration(duration: Duration) -> Self;
}

/// Timer that never completes.
#[derive(Debug)]
pub struct NeverTimer;

impl Future for NeverTimer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Timer for NeverTimer {
    fn reset(self: Pin<&mut Self>, _: Instant) {}

    fn from_duration(_: Duration) -> Self {
        Self
    }
}
