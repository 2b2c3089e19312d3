//! The decoder for all who have no allocator.

use crate::{
    Chunk, DEFAULT_MAX_ID_BYTES, DecodeError, Item,
    parse::{LastEventId, Limits, Parser},
    store::{Slice, Store},
};

/// A decoder that works in memory of the caller's and allocates nothing, for the smallest targets.
///
/// It is the same as [`Decoder::decode_bytes`](crate::Decoder::decode_bytes): the same algorithm,
/// the same items under any chunking, bytes as they came.
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
    parser: Parser<Slice<'b>>,
    last_event_id: Slice<'b>,
}

impl<'b> SliceDecoder<'b> {
    /// A decoder at the start of a stream.
    ///
    /// The length of `data` is the limit for an event: for its type, data and ID together with the
    /// line that is being read. A third of `names` is each for the type, the ID, and the last event
    /// ID, and none of them can be longer. An ID is at most [`DEFAULT_MAX_ID_BYTES`] long as well.
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
            parser: Parser::new(limits, [data, event_type, id].map(Slice::new)),
            last_event_id: Slice::new(last_event_id),
        }
    }

    /// Sets how long an event ID may be, in bytes of its text, where each maximal subpart that is not UTF-8 counts
    /// as U+FFFD. [`DEFAULT_MAX_ID_BYTES`] if it is not set; never more than a third of `names`.
    #[must_use]
    pub fn with_max_id_bytes(mut self, limit: usize) -> Self {
        let room = self.last_event_id.capacity();
        self.parser.set_max_id_bytes(limit.min(room));
        self
    }

    /// The same decoder, but one that drops comments on its way to the next item. They need no memory
    /// then.
    #[must_use]
    pub fn without_comments(mut self) -> Self {
        self.parser.skip_comments();
        self
    }

    /// Takes what it needs from the chunk and returns at most one item.
    ///
    /// Call it until it returns `None`: then the chunk is empty, and the next can come.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLarge`] if an event is too large for the memory, [`DecodeError::IdTooLong`] if an ID is
    /// longer than allowed. Nothing that follows is lost: call again.
    #[inline(always)]
    pub fn decode<'a, 'i: 'a>(
        &'a mut self,
        chunk: &mut Chunk<'i>,
    ) -> Result<Option<Item<&'a [u8]>>, DecodeError> {
        self.parser.next_bytes(&mut self.last_event_id, chunk)
    }

    /// What a reconnection would send as `Last-Event-ID`; empty if there is none.
    #[doc(alias = "lastEventId")]
    pub fn last_event_id(&self) -> &[u8] {
        Store::bytes(&self.last_event_id)
    }

    /// Returns whether the stream, if it ends here, leaves an event unfinished, which the standard drops. A line that is
    /// cut counts, unless it is a comment; an event that is too large does not.
    pub fn is_inside_event(&self) -> bool {
        self.parser.is_inside_event()
    }

    /// Starts over, for the stream of another connection. The last event ID stays.
    pub fn reset(&mut self) {
        self.parser.reset();
    }
}

impl LastEventId for Slice<'_> {
    fn commit(&mut self, id: &[u8]) {
        self.set(id);
    }

    fn bytes(&self) -> &[u8] {
        Store::bytes(self)
    }
}
