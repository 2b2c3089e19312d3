//! Long work in short turns, so that other tasks of the thread need not wait.

use core::{
    future::pending,
    task::{Context, Poll, Waker},
    time::Duration,
};
use std::{panic, time::Instant};

use tokio::task::{spawn_blocking, yield_now};

/// Time after which a task yields to the others of its thread.
const TURN_LENGTH: Duration = Duration::from_millis(1);

/// Maximum number of bytes that a task processes without a yield.
pub(crate) const SHORT_WORK_BYTES: usize = 64 * 1024;

/// Turn of a task that does long work in small pieces.
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

    /// Yields to the other tasks of the thread, if this turn has taken at least [`TURN_LENGTH`].
    pub(crate) async fn pause(&mut self) {
        if self.start.elapsed() >= TURN_LENGTH {
            yield_now().await;
            *self = Self::start();
        }
    }
}

/// Does work that cannot be split. Work on more than [`SHORT_WORK_BYTES`] runs on a blocking thread.
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
            // The work did not start, because the runtime is shutting down. It drops this task, too.
            Err(_) => pending().await,
        },
    }
}

/// Awaits a future whose first poll is work on `bytes` bytes. [`run`] does that poll.
pub(crate) async fn run_future<F>(bytes: usize, future: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    if bytes <= SHORT_WORK_BYTES {
        return future.await;
    }
    let mut future = Box::pin(future);
    let (future, first) = run(bytes, move || {
        // The caller polls it again at once, with the waker of its own task.
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
