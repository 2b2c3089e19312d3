//! Numbers in the output of programs and of the kernel.

/// Parses a whole number, and ignores white space around it.
#[expect(clippy::disallowed_methods, reason = "these numbers have no sign")]
pub fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}
