//! A piece of a stream, as it came.

#[cfg(feature = "alloc")]
use crate::text::KnownText;

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
    #[cfg(feature = "alloc")]
    pub(crate) text: KnownText<'i>,
}

impl<'i> Chunk<'i> {
    /// These bytes, nothing taken yet.
    pub fn new(bytes: &'i [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            counted: 0,
            #[cfg(feature = "alloc")]
            text: KnownText::default(),
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
            #[cfg(feature = "alloc")]
            text: KnownText::all(text),
            ..Self::new(text.as_bytes())
        }
    }
}
