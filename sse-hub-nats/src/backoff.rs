use core::time::Duration;

/// Delays between failed attempts, which grow with each failure.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Waits before the next attempt, longer after each failure.
    pub(crate) async fn wait(&mut self) {
        self.failures = self.failures.saturating_add(1);
        tokio::time::sleep(delay(self.failures)).await;
    }

    /// Notes a success, so that the next delay is the shortest again.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Returns the delay after this number of failures: 50 ms, doubled after each failure up to 2 s.
///
/// The second half of the delay is random, so that many nodes that have lost the same server do not reconnect at the
/// same time.
pub(crate) fn delay(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    let max = Duration::from_millis(50 << doublings).min(Duration::from_secs(2));
    max.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_two_seconds() {
        for (failures, max) in [
            (0, 50),
            (1, 50),
            (2, 100),
            (6, 1600),
            (7, 2000),
            (1 << 20, 2000),
        ] {
            for _ in 0..100 {
                let delay = delay(failures);
                let max = Duration::from_millis(max);
                assert!(delay >= max / 2 && delay <= max, "{failures}: {delay:?}");
            }
        }
    }
}
