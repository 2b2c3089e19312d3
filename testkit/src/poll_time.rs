//! Measures for how long a future keeps other tasks from its thread.

use std::{
    future::{Future, poll_fn},
    panic::{self, AssertUnwindSafe},
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{self, Runtime};

/// Maximum processor time for which a task may keep other tasks from its thread.
pub const MAX_TURN: Duration = Duration::from_millis(20);

/// Maximum processor time for which a neighbour of a whole client may wait for its turn.
///
/// It is longer than [`MAX_TURN`], because hyper and h2 are not optimized in tests, and take all that a fast sender has
/// sent in one turn, up to the limits of the client.
pub const MAX_WAIT: Duration = Duration::from_millis(100);

/// Runs the future and returns its output and the longest time of one `poll`.
///
/// It runs on a current-thread runtime of tokio. During a `poll`, no other task of the thread can run. The time is
/// processor time of this thread, so it does not depend on the load of the machine.
///
/// # Panics
///
/// If the runtime cannot be created, or the future panics.
pub fn longest_poll<F: Future>(future: F) -> (F::Output, Duration) {
    let mut longest = Duration::ZERO;
    let output = current_thread().block_on(async {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let start = thread_time();
            let poll = future.as_mut().poll(cx);
            longest = longest.max(thread_time().saturating_sub(start));
            poll
        })
        .await
    });
    (output, longest)
}

/// Runs a test of turns, and again if a turn of it was long, at most three times in total.
///
/// Processor time includes the time in which the hypervisor runs other machines on the processor, and the time of the
/// kernel for the memory of other processes. So one turn may seem long. A turn that is really long is so each time.
///
/// # Panics
///
/// If the test panics for another reason, or if a turn was long each time.
pub fn undisturbed(test: impl Fn()) {
    for _ in 1..ATTEMPTS {
        match panic::catch_unwind(AssertUnwindSafe(&test)) {
            Ok(()) => return,
            Err(panic) if panic.is::<LongTurn>() => {}
            Err(panic) => panic::resume_unwind(panic),
        }
    }
    test();
}

/// Number of times that a test of turns runs at most.
const ATTEMPTS: u32 = 3;

/// Panic of a test in which a turn was long.
struct LongTurn;

/// Runs the future, checks that each `poll` is short, and returns the output. Use it in [`undisturbed`].
///
/// # Panics
///
/// If one `poll` of the future takes more than [`MAX_TURN`] of processor time.
pub fn assert_yields<F: Future>(what: &str, future: F) -> F::Output {
    let (output, longest) = longest_poll(future);
    assert_short(&format!("{what}: one poll"), longest, MAX_TURN);
    output
}

/// Runs the future and returns its output and the longest time that a neighbour task waited for its turn.
///
/// It runs on a current-thread runtime of tokio. The neighbour is a task that is always ready. So this also measures
/// the polls of tasks that the future spawns, or that a library spawns for it. The time is processor time of this
/// thread, so it does not depend on the load of the machine.
///
/// # Panics
///
/// If the runtime cannot be created, or the future panics.
pub fn longest_wait<F: Future>(future: F) -> (F::Output, Duration) {
    let longest = Arc::new(Mutex::new(Duration::ZERO));
    let neighbour = Arc::clone(&longest);
    let output = current_thread().block_on(async {
        tokio::spawn(async move {
            loop {
                let start = thread_time();
                tokio::task::yield_now().await;
                let wait = thread_time().saturating_sub(start);
                let mut longest = neighbour.lock().expect("no task panics");
                *longest = wait.max(*longest);
            }
        });
        // The neighbour has its first turn before the future runs.
        tokio::task::yield_now().await;
        let output = future.await;
        tokio::task::yield_now().await;
        output
    });
    let longest = *longest.lock().expect("no task panics");
    (output, longest)
}

/// Runs the future, checks that a neighbour task never waits long, and returns the output. Use it in [`undisturbed`].
///
/// # Panics
///
/// If the neighbour waits for its turn for more than [`MAX_WAIT`] of processor time: see [`longest_wait`].
pub fn assert_neighbours_run<F: Future>(what: &str, future: F) -> F::Output {
    let (output, longest) = longest_wait(future);
    assert_short(&format!("{what}: a neighbour's wait"), longest, MAX_WAIT);
    output
}

/// Checks a processor time. Use it in [`undisturbed`].
///
/// # Panics
///
/// If it is longer than the limit.
pub fn assert_short(what: &str, time: Duration, limit: Duration) {
    if time > limit {
        eprintln!("{what} took {time:?} of processor time, limit is {limit:?}");
        panic::panic_any(LongTurn);
    }
}

fn current_thread() -> Runtime {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

/// Returns the processor time that this thread has used.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, hint::black_box};

    use super::*;

    fn work_for(time: Duration) {
        let start = thread_time();
        while thread_time().saturating_sub(start) < time {
            black_box(0);
        }
    }

    #[test]
    fn the_work_of_a_spawned_task_is_seen() {
        let (_, longest) = longest_wait(async {
            let task = tokio::spawn(async { work_for(2 * MAX_TURN) });
            task.await.unwrap();
        });
        assert!(longest >= 2 * MAX_TURN);
        assert_neighbours_run("many short turns", async {
            let task = tokio::spawn(async {
                for _ in 0..30 {
                    work_for(Duration::from_millis(1));
                    tokio::task::yield_now().await;
                }
            });
            task.await.unwrap();
        });
    }

    #[test]
    fn a_turn_that_is_long_once_is_no_failure() {
        let long_turns = |count: u32| {
            let runs = Cell::new(0);
            let run = || {
                let run = runs.replace(runs.get() + 1);
                let time = if run < count {
                    2 * MAX_TURN
                } else {
                    Duration::ZERO
                };
                assert_yields("a turn", async { work_for(time) });
            };
            panic::catch_unwind(AssertUnwindSafe(|| undisturbed(run))).is_ok()
        };
        assert!(long_turns(1));
        assert!(!long_turns(3));
    }

    #[test]
    fn work_in_one_poll_is_seen_and_work_in_many_is_not() {
        let (_, longest) = longest_poll(async { work_for(2 * MAX_TURN) });
        assert!(longest >= 2 * MAX_TURN);
        assert_yields("many short turns", async {
            for _ in 0..30 {
                work_for(Duration::from_millis(1));
                tokio::task::yield_now().await;
            }
        });
    }
}
