use core::time::Duration;

/// How long to wait before the next attempt.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Waits, longer each time.
    pub(crate) async fn wait(&mut self) {
        self.failures = self.failures.saturating_add(1);
        tokio::time::sleep(delay(self.failures)).await;
    }

    /// It has worked.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// After so many failures: 50 ms, doubled each time up to 2 s, of which the second half is by chance,
/// so that many nodes that have lost the same server do not come back at the same time.
pub(crate) fn delay(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    let longest = Duration::from_millis(50 << doublings).min(Duration::from_secs(2));
    longest.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_two_seconds() {
        for (failures, longest) in [
            (0, 50),
            (1, 50),
            (2, 100),
            (6, 1600),
            (7, 2000),
            (1 << 20, 2000),
        ] {
            for _ in 0..100 {
                let delay = delay(failures);
                let longest = Duration::from_millis(longest);
                assert!(
                    delay >= longest / 2 && delay <= longest,
                    "{failures}: {delay:?}"
                );
            }
        }
    }
}
