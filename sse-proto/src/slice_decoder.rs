//! Decoder without an allocator.

use crate::{
    Chunk, DEFAULT_MAX_ID_BYTES, DecodeError, Item,
    parser::buffer::{Buffer, SliceBuffer},
    parser::{LastEventId, Limits, Parser},
};

/// Decoder that uses only memory of the caller and does not allocate, for the smallest targets.
///
/// It behaves like [`Decoder::decode_bytes`](crate::Decoder::decode_bytes). It uses the same algorithm, and
/// returns the same bytes however the stream is split into chunks.
///
/// ```
/// use sse_proto::{Chunk, Item, SliceDecoder};
///
/// let (mut data, mut names) = ([0; 512], [0; 96]);
/// let mut decoder = SliceDecoder::new(&mut data, &mut names);
/// for bytes in [&b"id: 7\nda"[..], b"ta: on\n\n"] {
///     let mut chunk = Chunk::new(bytes);
///     while let Some(item) = decoder.decode(&mut chunk)? {
///         assert!(matches!(item, Item::Event(event) if event.data == b"on"));
///     }
/// }
/// assert_eq!(decoder.last_event_id(), b"7");
/// # Ok::<(), sse_proto::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct SliceDecoder<'b> {
    parser: Parser<SliceBuffer<'b>>,
    last_event_id: SliceBuffer<'b>,
}

impl<'b> SliceDecoder<'b> {
    /// Creates a decoder at the start of a stream.
    ///
    /// The length of `data` is the limit for an event: for its type, data and ID together with the current line.
    /// `names` is divided into three equal parts: for the type, the ID, and the last event ID. None of them can be
    /// longer than its part. An ID is also limited to [`DEFAULT_MAX_ID_BYTES`].
    pub fn new(data: &'b mut [u8], names: &'b mut [u8]) -> Self {
        let third = names.len() / 3;
        let limits = Limits {
            event: data.len(),
            event_type: third,
            id: third.min(DEFAULT_MAX_ID_BYTES),
        };
        let (event_type, ids) = names.split_at_mut(third);
        let (id, last_event_id) = ids.split_at_mut(third);
        Self {
            parser: Parser::new(limits, [data, event_type, id].map(SliceBuffer::new)),
            last_event_id: SliceBuffer::new(last_event_id),
        }
    }

    /// Sets the maximum length of an event ID, in bytes of its text. The default is [`DEFAULT_MAX_ID_BYTES`], and
    /// the maximum is a third of `names`.
    ///
    /// Each maximal subpart that is not UTF-8 counts as U+FFFD.
    #[must_use]
    pub fn max_id_bytes(mut self, limit: usize) -> Self {
        let room = self.last_event_id.capacity();
        self.parser.set_max_id_bytes(limit.min(room));
        self
    }

    /// Sets whether comments are returned as [`Item::Comment`]. The default is `true`. Comments that are dropped need
    /// no memory.
    #[must_use]
    pub fn comments(mut self, enabled: bool) -> Self {
        self.parser.set_comments(enabled);
        self
    }

    /// Decodes a part of the chunk and returns at most one item.
    ///
    /// Call it until it returns `None`. Then the chunk is empty, and the next chunk can be decoded.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLarge`] if an event is too large for the memory, and [`DecodeError::IdTooLong`] if an ID
    /// is longer than allowed. The rest of the chunk can still be decoded: call again.
    #[inline(always)]
    pub fn decode<'a, 'i: 'a>(
        &'a mut self,
        chunk: &mut Chunk<'i>,
    ) -> Result<Option<Item<&'a [u8]>>, DecodeError> {
        self.parser.next_bytes(&mut self.last_event_id, chunk)
    }

    /// Returns the last event ID, which a reconnection sends as `Last-Event-ID`. Empty if there is none.
    #[doc(alias = "lastEventId")]
    pub fn last_event_id(&self) -> &[u8] {
        Buffer::bytes(&self.last_event_id)
    }

    /// Returns whether the stream is inside an event, which is lost if the stream ends here.
    ///
    /// An incomplete line counts, unless it is a comment. An event that is too large does not count.
    pub fn is_inside_event(&self) -> bool {
        self.parser.is_inside_event()
    }

    /// Resets the decoder for the stream of another connection. The last event ID is kept.
    pub fn reset(&mut self) {
        self.parser.reset();
    }
}

impl LastEventId for SliceBuffer<'_> {
    fn commit(&mut self, id: &[u8]) {
        self.set(id);
    }

    fn bytes(&self) -> &[u8] {
        Buffer::bytes(self)
    }
}
