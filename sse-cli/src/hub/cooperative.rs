//! Cooperative scheduling: long work yields, or runs on another thread, so that other tasks of its thread do not wait.

use core::{
    future::pending,
    task::{Context, Poll, Waker},
    time::Duration,
};
use std::{panic, time::Instant};

use tokio::task::{spawn_blocking, yield_now};

/// Maximum time that a task works before it yields to the others of its thread.
const MAX_SLICE: Duration = Duration::from_millis(1);

/// Maximum number of bytes that a task processes on its own thread without a yield.
pub(crate) const MAX_INLINE_BYTES: usize = 64 * 1024;

/// Time since a task, which does long work in small pieces, has last yielded.
pub(crate) struct TimeSlice {
    start: Instant,
}

impl TimeSlice {
    /// Starts a time slice.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Yields to the other tasks of the thread, if this slice has taken at least [`MAX_SLICE`].
    pub(crate) async fn yield_if_over(&mut self) {
        if self.start.elapsed() >= MAX_SLICE {
            yield_now().await;
            *self = Self::start();
        }
    }
}

/// Does work that cannot be split. Work on more than [`MAX_INLINE_BYTES`] runs on a blocking thread.
pub(crate) async fn run<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    if bytes <= MAX_INLINE_BYTES {
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
    if bytes <= MAX_INLINE_BYTES {
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
