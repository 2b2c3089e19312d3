//! How long a test waits for something that has to happen.
//!
//! Such a wait ends when the thing happens, so a long limit costs a passing test nothing. A short one makes the
//! result depend on how busy the machine is.

use std::{env, time::Duration};

/// The environment variable that scales [`test_timeout`]: a factor such as `2` or `0.1`.
pub const SCALE_VARIABLE: &str = "TEST_TIMEOUT_SCALE";

/// The time after which a test gives up on something that has to happen.
const TIMEOUT: Duration = Duration::from_secs(180);

/// Returns the time after which a test may conclude that something will never happen: three minutes, scaled by
/// the environment variable `TEST_TIMEOUT_SCALE`.
///
/// Use it for each wait that says only "it should have come by now". It is not for a wait whose length is what the
/// test is about.
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
