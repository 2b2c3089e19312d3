//! Bytes as text.

use alloc::string::String;

/// How far ahead text is validated, in bytes: enough that a call costs little per event, little
/// enough that what was validated is still in the cache when it is read.
const WINDOW: usize = 16 * 1024;

/// A chunk of at least this many bytes is worth looking ahead in.
const LONG: usize = 100;

/// A part of a chunk that is known to be text, so that not each value has to be validated by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownText<'i> {
    text: &'i str,
    /// Where it starts in the chunk.
    at: usize,
}

impl<'i> KnownText<'i> {
    /// All of a chunk.
    pub(crate) fn all(text: &'i str) -> Self {
        Self { text, at: 0 }
    }

    /// Looks that the bytes from `start` to `end` are text, and far beyond if they are, so that most
    /// calls find the work done. Then [`Self::get`] gives any part of them. Not in a short chunk,
    /// where each value is soon validated by itself.
    ///
    /// If a byte is wrong, the known text ends before it. The next block asks from behind it, so no
    /// byte is validated more than twice.
    #[inline]
    pub(crate) fn look_ahead(&mut self, bytes: &'i [u8], start: usize, end: usize) {
        if end > self.at + self.text.len() && bytes.len() >= LONG {
            self.look(bytes, start, end);
        }
    }

    #[inline(never)]
    fn look(&mut self, bytes: &'i [u8], start: usize, end: usize) {
        let window_end = end.max(bytes.len().min(start + WINDOW));
        self.at = start;
        self.text = valid_prefix(without_cut_character(&bytes[start..window_end]));
    }

    /// The text from `start` to `end`, if it is known.
    #[inline]
    pub(crate) fn get(&self, start: usize, end: usize) -> Option<&'i str> {
        // What starts before the known text wraps to an index that is far behind it.
        self.text
            .get(start.wrapping_sub(self.at)..end.wrapping_sub(self.at))
    }
}

/// The bytes without a character at their end of which not all is there.
fn without_cut_character(bytes: &[u8]) -> &[u8] {
    for (behind, byte) in bytes.iter().rev().take(3).enumerate() {
        let more = match byte {
            0x80..0xC0 => continue,
            0xC0..0xE0 => 1,
            0xE0..0xF0 => 2,
            0xF0.. => 3,
            _ => 0,
        };
        return if more > behind {
            &bytes[..bytes.len() - behind - 1]
        } else {
            bytes
        };
    }
    bytes
}

/// The text that the bytes start with. It stops at the first fault, for behind it the next block will
/// look again.
fn valid_prefix(bytes: &[u8]) -> &str {
    #[cfg(feature = "simd")]
    let valid = simdutf8::compat::from_utf8(bytes).map_err(|error| error.valid_up_to());
    #[cfg(not(feature = "simd"))]
    let valid = core::str::from_utf8(bytes).map_err(|error| error.valid_up_to());
    valid.unwrap_or_else(|end| as_text(&bytes[..end]).unwrap_or_default())
}

/// The bytes as text, if they are.
#[inline]
pub(crate) fn as_text(bytes: &[u8]) -> Option<&str> {
    // SIMD takes a call to set out, which a short text is not worth.
    #[cfg(feature = "simd")]
    if bytes.len() > 64 {
        return simdutf8::basic::from_utf8(bytes).ok();
    }
    core::str::from_utf8(bytes).ok()
}

/// The bytes as text to keep, with U+FFFD as by [`push_lossy`].
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

/// Appends the bytes as text, with U+FFFD for each maximal subpart of what is not.
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
