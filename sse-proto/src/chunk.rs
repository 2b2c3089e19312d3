//! Chunk of a stream, as it was received.

#[cfg(feature = "alloc")]
use crate::text::ValidatedPrefix;

/// Chunk of an event stream, from which a decoder takes items one by one.
///
/// A chunk remembers how many of its bytes were taken. So decoding can stop after any item and continue later.
#[derive(Clone, Debug)]
pub struct Chunk<'i> {
    pub(crate) bytes: &'i [u8],
    /// Number of bytes that were taken.
    pub(crate) offset: usize,
    /// Part of `offset` that the decoder has already added to its position in the stream.
    counted: usize,
    #[cfg(feature = "alloc")]
    pub(crate) text: ValidatedPrefix<'i>,
}

impl<'i> Chunk<'i> {
    /// Creates a chunk of these bytes, none of which is taken yet.
    pub fn new(bytes: &'i [u8]) -> Self {
        Self {
            bytes,
            offset: 0,
            counted: 0,
            #[cfg(feature = "alloc")]
            text: ValidatedPrefix::default(),
        }
    }

    /// Returns the bytes that are not taken yet. Empty after a decoder has returned `None`.
    #[inline]
    pub fn rest(&self) -> &'i [u8] {
        &self.bytes[self.offset..]
    }

    /// Returns the number of bytes taken since the last call.
    pub(crate) fn newly_taken(&mut self) -> u64 {
        let taken = self.newly_taken_up_to(self.offset);
        self.counted = self.offset;
        taken
    }

    /// Returns the distance from the position at the last call of [`Self::newly_taken`] to `index`.
    pub(crate) fn newly_taken_up_to(&self, index: usize) -> u64 {
        (index - self.counted) as u64
    }
}

impl<'i> From<&'i [u8]> for Chunk<'i> {
    fn from(bytes: &'i [u8]) -> Self {
        Self::new(bytes)
    }
}

impl<'i> From<&'i str> for Chunk<'i> {
    /// Creates a chunk of text, which the decoder does not validate again.
    fn from(text: &'i str) -> Self {
        Self {
            #[cfg(feature = "alloc")]
            text: ValidatedPrefix::all(text),
            ..Self::new(text.as_bytes())
        }
    }
}
