//! Times on the command line.

use core::time::Duration;

/// Longer than anything here runs, and short enough to be added to any time.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// A number of seconds, with a fraction if need be; not 0.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    #[expect(clippy::disallowed_methods, reason = "a sign before it does no harm")]
    let seconds: f64 = text.parse().map_err(|_| "not a number")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if !time.is_zero() => Ok(time.min(LONGEST)),
        _ => Err("not a time to wait".to_owned()),
    }
}
