//! Numbers in what programs and the kernel write.

/// A whole number.
#[expect(clippy::disallowed_methods, reason = "none of them has a sign")]
pub fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}
