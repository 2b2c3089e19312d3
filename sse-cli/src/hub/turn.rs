//! Long work in short turns, so that other tasks of the thread are not kept waiting.

use core::{
    future::pending,
    task::{Context, Poll, Waker},
    time::Duration,
};
use std::{panic, time::Instant};

use tokio::task::{spawn_blocking, yield_now};

/// After this time, a task lets the others of its thread run.
const TURN_LENGTH: Duration = Duration::from_millis(1);

/// Maximum number of bytes that are worked on at once.
pub(crate) const SHORT_WORK_BYTES: usize = 64 * 1024;

/// The turn of a task that does much work in small pieces.
pub(crate) struct Turn {
    start: Instant,
}

impl Turn {
    /// Starts a turn.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Lets the other tasks of the thread run, if this turn has been long enough.
    pub(crate) async fn pause(&mut self) {
        if self.start.elapsed() >= TURN_LENGTH {
            yield_now().await;
            *self = Self::start();
        }
    }
}

/// Does work that cannot be cut into pieces. If it is on more than [`SHORT_WORK_BYTES`], a thread of its own does
/// it.
pub(crate) async fn run<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    if bytes <= SHORT_WORK_BYTES {
        return work();
    }
    match spawn_blocking(work).await {
        Ok(output) => output,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            // Not started, because the runtime is shutting down: so is this task.
            Err(_) => pending().await,
        },
    }
}

/// Waits for a future whose first poll is work on `bytes` bytes. [`run`] does that poll.
pub(crate) async fn run_future<F>(bytes: usize, future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    if bytes <= SHORT_WORK_BYTES {
        return future.await;
    }
    let mut future = Box::pin(future);
    let (future, first) = run(bytes, move || {
        // It is polled again at once, with the waker of this task.
        let first = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        (future, first)
    })
    .await;
    match first {
        Poll::Ready(output) => output,
        Poll::Pending => future.await,
    }
}
