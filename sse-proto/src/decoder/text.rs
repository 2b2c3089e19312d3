//! Conversion of bytes to text.

use alloc::string::String;

/// Number of bytes that are validated at once. It is large enough that a call costs little per event, and small
/// enough that the text is still in the cache when it is read.
const LOOK_AHEAD_BYTES: usize = 16 * 1024;

/// Minimum length of a chunk, in bytes, for which validating ahead is worth it.
const MIN_CHUNK_BYTES: usize = 100;

/// Part of a chunk that is known to be valid text, so that not each value has to be validated separately.
#[derive(Clone, Debug, Default)]
pub(crate) struct ValidatedPrefix<'i> {
    text: &'i str,
    /// Start of the text in the chunk.
    offset: usize,
}

impl<'i> ValidatedPrefix<'i> {
    /// Marks a whole chunk as valid text.
    pub(crate) fn all(text: &'i str) -> Self {
        Self { text, offset: 0 }
    }

    /// Validates the bytes from `start` to `end`, and many bytes after them, so that most calls have nothing to
    /// do. Then [`Self::get`] returns any part of them. In a short chunk it does nothing, because each value can
    /// be validated quickly.
    ///
    /// If a byte is invalid, the known text ends before it. The next block starts after it, so no byte is
    /// validated more than twice.
    #[inline]
    pub(crate) fn look_ahead(&mut self, bytes: &'i [u8], start: usize, end: usize) {
        if end > self.offset + self.text.len() && bytes.len() >= MIN_CHUNK_BYTES {
            self.look(bytes, start, end);
        }
    }

    #[inline(never)]
    fn look(&mut self, bytes: &'i [u8], start: usize, end: usize) {
        let window_end = end.max(bytes.len().min(start + LOOK_AHEAD_BYTES));
        self.offset = start;
        self.text = valid_prefix(without_cut_character(&bytes[start..window_end]));
    }

    /// Returns the text from `start` to `end`, if it is known.
    #[inline]
    pub(crate) fn get(&self, start: usize, end: usize) -> Option<&'i str> {
        // A start before the known text wraps to an index far after it.
        self.text
            .get(start.wrapping_sub(self.offset)..end.wrapping_sub(self.offset))
    }
}

/// Returns the bytes without an incomplete character at their end.
fn without_cut_character(bytes: &[u8]) -> &[u8] {
    for (after, byte) in bytes.iter().rev().take(3).enumerate() {
        let more = match byte {
            0x80..0xC0 => continue,
            0xC0..0xE0 => 1,
            0xE0..0xF0 => 2,
            0xF0.. => 3,
            _ => 0,
        };
        return if more > after {
            &bytes[..bytes.len() - after - 1]
        } else {
            bytes
        };
    }
    bytes
}

/// Returns the valid text at the start of the bytes. It stops at the first fault, because the next block is
/// validated again.
fn valid_prefix(bytes: &[u8]) -> &str {
    #[cfg(feature = "simd")]
    let valid = simdutf8::compat::from_utf8(bytes).map_err(|error| error.valid_up_to());
    #[cfg(not(feature = "simd"))]
    let valid = core::str::from_utf8(bytes).map_err(|error| error.valid_up_to());
    valid.unwrap_or_else(|end| as_text(&bytes[..end]).unwrap_or_default())
}

/// Returns the bytes as text, if they are valid UTF-8.
#[inline]
pub(crate) fn as_text(bytes: &[u8]) -> Option<&str> {
    // SIMD needs a call, which is not worth it for a short text.
    #[cfg(feature = "simd")]
    if bytes.len() > 64 {
        return simdutf8::basic::from_utf8(bytes).ok();
    }
    core::str::from_utf8(bytes).ok()
}

/// Copies the bytes to text, with U+FFFD as in [`push_lossy`].
#[inline(always)]
pub(crate) fn to_text(bytes: &[u8]) -> String {
    match as_text(bytes) {
        Some(text) => text.into(),
        None => {
            let mut text = String::with_capacity(bytes.len());
            push_lossy(&mut text, bytes);
            text
        }
    }
}

/// Appends the bytes as text, with U+FFFD for each maximal invalid subpart.
pub(crate) fn push_lossy(text: &mut String, bytes: &[u8]) {
    if let Some(valid) = as_text(bytes) {
        text.push_str(valid);
        return;
    }
    for part in bytes.utf8_chunks() {
        text.push_str(part.valid());
        if !part.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}
