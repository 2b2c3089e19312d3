//! Durations on the command line.

use core::time::Duration;

/// Maximum duration, about 100 years: short enough to be added to any time.
const MAX_DURATION: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// Parses a number of seconds above 0, which may have a fraction. A longer time becomes [`MAX_DURATION`].
pub(crate) fn parse(text: &str) -> Result<Duration, &'static str> {
    #[expect(clippy::disallowed_methods, reason = "a sign before it does no harm")]
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    if seconds.is_nan() || seconds <= 0.0 {
        return Err("must be longer than 0");
    }
    let time = Duration::try_from_secs_f64(seconds).unwrap_or(MAX_DURATION);
    Ok(time.clamp(Duration::from_nanos(1), MAX_DURATION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_can_be_waited_for() {
        let max = u64::MAX.to_string();
        for (text, expected) in [
            ("1", Duration::from_secs(1)),
            ("0.5", Duration::from_millis(500)),
            ("1e-300", Duration::from_nanos(1)),
            (&max, MAX_DURATION),
            ("1e300", MAX_DURATION),
            ("inf", MAX_DURATION),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
        for text in ["0", "-0", "-1", "-inf", "NaN", "", "1s"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
