//! Decimal formatting of integers. Written by hand, because `core::fmt` takes longer than the rest of an event.

/// Buffer for the digits of any `u64`.
pub(crate) type Digits = [u8; 20];

/// Formats the number in decimal digits.
#[inline]
pub(crate) fn decimal(number: u64, digits: &mut Digits) -> &str {
    let mut start = digits.len();
    let mut rest = number;
    while rest > 0 || start == digits.len() {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    core::str::from_utf8(&digits[start..]).unwrap_or("0")
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn all_digits_are_there() {
        for number in [0, 1, 9, 10, 4711, u64::MAX - 1, u64::MAX] {
            assert_eq!(decimal(number, &mut [0; 20]), number.to_string());
        }
    }
}
