use core::time::Duration;

use crate::parser::field::integer;

/// Parses a `Retry-After` value that is a number of seconds, "delay-seconds = 1*DIGIT"
/// ([RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
///
/// White space around the number is ignored. A number that is larger than `u64::MAX` counts as `u64::MAX`.
///
/// Returns `None` for a date, which the driver has to convert because it needs a clock, and for any other value.
pub fn retry_after_seconds(value: &[u8]) -> Option<Duration> {
    integer(value.trim_ascii()).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_seconds() {
        let seconds = |value: &str| retry_after_seconds(value.as_bytes());
        assert_eq!(seconds("0"), Some(Duration::ZERO));
        assert_eq!(seconds(" 0120\t"), Some(Duration::from_secs(120)));
        let many = Some(Duration::from_secs(u64::MAX));
        assert_eq!(seconds("18446744073709551616"), many);
        for value in [
            "",
            " ",
            "+5",
            "-5",
            "1.5",
            "5 s",
            "Sun, 22 Nov 2026 08:49:37 GMT",
        ] {
            assert_eq!(seconds(value), None, "{value:?}");
        }
    }
}
