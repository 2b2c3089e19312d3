//! Chunk of a stream, as it was received.

#[cfg(feature = "alloc")]
use crate::decoder::text::ValidatedPrefix;

/// Chunk of an event stream: the input of every decoder, from which it takes items one by one.
///
/// A chunk borrows bytes, text, or a `Bytes` (feature `bytes`). It remembers how many of its bytes were
/// [taken](Self::taken), so decoding can stop after any item and continue later. A caller that cannot keep the
/// chunk keeps that number, and creates another chunk of the rest.
///
/// ```
/// use sse_proto::{Chunk, Decoder};
///
/// let bytes = b"data: a\n\ndata: b\n\n";
/// let mut decoder = Decoder::new();
/// let mut chunk = Chunk::new(bytes);
/// decoder.decode(&mut chunk)?;
/// let taken = chunk.taken();
///
/// // Later:
/// let mut chunk = Chunk::new(&bytes[taken..]);
/// assert_eq!(chunk.rest(), b"data: b\n\n");
/// decoder.decode(&mut chunk)?;
/// assert!(chunk.rest().is_empty());
/// # Ok::<(), sse_proto::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chunk<'i> {
    pub(crate) bytes: &'i [u8],
    /// Number of bytes that were taken.
    pub(crate) offset: usize,
    /// Part of `offset` that the decoder has already added to its position in the stream.
    counted: usize,
    #[cfg(feature = "alloc")]
    pub(crate) text: ValidatedPrefix<'i>,
    /// Owner of the bytes, for decoded values that share its memory.
    #[cfg(feature = "bytes")]
    pub(crate) owner: Option<&'i bytes::Bytes>,
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
            #[cfg(feature = "bytes")]
            owner: None,
        }
    }

    /// Returns the bytes that are not taken yet. Empty after a decoder has returned `None`.
    #[inline]
    pub fn rest(&self) -> &'i [u8] {
        &self.bytes[self.offset..]
    }

    /// Returns the number of bytes that were taken. The start of the chunk is 0.
    #[inline]
    pub fn taken(&self) -> usize {
        self.offset
    }

    /// Takes all bytes.
    #[inline]
    pub(crate) fn take_rest(&mut self) {
        self.offset = self.bytes.len();
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

#[cfg(feature = "bytes")]
impl<'i> From<&'i bytes::Bytes> for Chunk<'i> {
    /// Creates a chunk whose memory the items of [`Decoder::decode_shared`](crate::Decoder::decode_shared) share.
    fn from(bytes: &'i bytes::Bytes) -> Self {
        Self {
            owner: Some(bytes),
            ..Self::new(bytes)
        }
    }
}
