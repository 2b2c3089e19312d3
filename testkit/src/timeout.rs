//! Timeout of a test that waits for something that must happen.
//!
//! Such a wait ends when the thing happens, so a long limit does not slow down a passing test. With a short limit, the
//! result would depend on the load of the machine.

use std::{env, time::Duration};

/// Name of the environment variable that scales [`test_timeout`], with a factor such as `2` or `0.1`.
pub const SCALE_VARIABLE: &str = "TEST_TIMEOUT_SCALE";

/// Unscaled time after which a test gives up.
const TIMEOUT: Duration = Duration::from_secs(180);

/// Returns the time after which a test may conclude that something will never happen.
///
/// It is three minutes, multiplied by the environment variable `TEST_TIMEOUT_SCALE`. Use it for each wait that only
/// detects that something is missing. Do not use it for a wait whose length the test checks.
///
/// # Panics
///
/// If the variable is not a positive number.
pub fn test_timeout() -> Duration {
    let Ok(scale) = env::var(SCALE_VARIABLE) else {
        return TIMEOUT;
    };
    #[expect(clippy::disallowed_methods, reason = "not a field of an event stream")]
    let factor = scale.parse::<f64>().ok();
    let scaled =
        factor.and_then(|factor| Duration::try_from_secs_f64(TIMEOUT.as_secs_f64() * factor).ok());
    match scaled {
        Some(timeout) if !timeout.is_zero() => timeout,
        _ => panic!("{SCALE_VARIABLE} is {scale:?}, which is not a positive number"),
    }
}
