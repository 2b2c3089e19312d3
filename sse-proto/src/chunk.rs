//! A piece of a stream, as it came.

/// How far ahead text is validated, in bytes: enough that a call costs little per event, little
/// enough that what was validated is still in the cache when it is read.
const WINDOW: usize = 16 * 1024;

/// A chunk of at least this many bytes is worth looking ahead in.
const LONG: usize = 1024;

/// A piece of an event stream that a decoder takes items from, one by one.
///
/// It remembers how much of it was taken, so decoding can stop after any item and go on later.
#[derive(Clone, Debug)]
pub struct Chunk<'i> {
    pub(crate) bytes: &'i [u8],
    /// How much was taken.
    pub(crate) at: usize,
    /// How much of that the decoder has added to its position in the stream.
    counted: usize,
    /// A part that is known to be UTF-8, and where it starts.
    text: &'i str,
    text_at: usize,
}

impl<'i> Chunk<'i> {
    /// These bytes, nothing taken yet.
    pub fn new(bytes: &'i [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            counted: 0,
            text: "",
            text_at: 0,
        }
    }

    /// What was not taken yet. Empty once a decoder has asked for more.
    #[inline]
    pub fn rest(&self) -> &'i [u8] {
        &self.bytes[self.at..]
    }

    /// How much was taken since the last call.
    pub(crate) fn newly_taken(&mut self) -> u64 {
        let taken = self.since_last_time(self.at);
        self.counted = self.at;
        taken
    }

    /// How far the index is behind what was taken at the last call of [`Self::newly_taken`].
    pub(crate) fn since_last_time(&self, index: usize) -> u64 {
        (index - self.counted) as u64
    }

    /// Looks that the bytes from `start` to `end` are text, and far beyond if they are, so that most
    /// calls find the work done. Then [`Self::text`] gives any part of them.
    ///
    /// Not worth it in a short chunk, where each value is soon validated by itself.
    ///
    /// If a byte is wrong, the known text ends before it. The next block asks from behind it, so no
    /// byte is validated more than twice.
    #[inline]
    pub(crate) fn validate(&mut self, start: usize, end: usize) {
        if end > self.text_at + self.text.len() && self.bytes.len() >= LONG {
            self.validate_window(start, end);
        }
    }

    #[inline(never)]
    fn validate_window(&mut self, start: usize, end: usize) {
        let window_end = end.max(self.bytes.len().min(start + WINDOW));
        self.text_at = start;
        self.text = valid_prefix(without_cut_character(&self.bytes[start..window_end]));
    }

    /// The bytes from `start` to `end`, if they were validated and are text.
    #[inline]
    pub(crate) fn text(&self, start: usize, end: usize) -> Option<&'i str> {
        self.text
            .get(start.checked_sub(self.text_at)?..end.checked_sub(self.text_at)?)
    }
}

impl<'i> From<&'i [u8]> for Chunk<'i> {
    fn from(bytes: &'i [u8]) -> Self {
        Self::new(bytes)
    }
}

impl<'i> From<&'i str> for Chunk<'i> {
    /// Text that need not be validated again.
    fn from(text: &'i str) -> Self {
        Self {
            text,
            ..Self::new(text.as_bytes())
        }
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

/// The text that the bytes start with.
fn valid_prefix(bytes: &[u8]) -> &str {
    as_text(bytes).unwrap_or_else(|| {
        #[cfg(feature = "simd")]
        let end = simdutf8::compat::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
        #[cfg(not(feature = "simd"))]
        let end = core::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
        as_text(&bytes[..end]).unwrap_or_default()
    })
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
