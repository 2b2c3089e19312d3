//! Decoding to slices of the chunk that share its memory.

use bytes::{Buf, Bytes};

use crate::{
    Chunk, DecodeError, Decoder, EventId, Item, MessageEvent,
    parser::{Parsed, Span},
};

impl Decoder {
    /// Decodes like [`decode_bytes`](Self::decode_bytes), but returns an owned item. Removes the bytes that it
    /// takes from the start of `input`.
    ///
    /// The values are slices that share the memory of `input`. A value that spans chunks is copied. This pays off
    /// for events of many kilobytes that are passed on. A smaller event is cheaper to copy.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sse_proto::{Decoder, Item};
    ///
    /// let mut input = Bytes::from_static(b"data: shared\n\nda");
    /// let mut decoder = Decoder::new();
    /// let Some(Item::Event(event)) = decoder.decode_shared(&mut input)? else { panic!() };
    /// assert_eq!(event.data, "shared");
    /// assert_eq!(input, "da");
    /// # Ok::<(), sse_proto::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`decode`](Self::decode).
    pub fn decode_shared(
        &mut self,
        input: &mut Bytes,
    ) -> Result<Option<Item<Bytes, EventId>>, DecodeError> {
        let mut chunk = Chunk::new(input);
        let parsed = self.parser.next(&mut chunk, &mut self.last_event_id);
        self.parser.count_taken(&mut chunk);
        let share = |span: Span, buffered: &[u8]| match span {
            Span::Chunk(start, end) => input.slice(start..end),
            Span::Buffer => Bytes::copy_from_slice(buffered),
        };
        let item = match parsed {
            Parsed::NeedMore => Ok(None),
            Parsed::TooLarge(error) => Err(error),
            Parsed::Retry(time) => Ok(Some(Item::Retry(time))),
            Parsed::Comment(span) => Ok(Some(Item::Comment(share(span, self.parser.comment())))),
            Parsed::Event { event_type, data } => Ok(Some(Item::Event(MessageEvent {
                event_type: match event_type {
                    Some(span) => share(span, self.parser.event_type()),
                    None => Bytes::from_static(b"message"),
                },
                data: share(data, self.parser.data()),
                last_event_id: self.last_event_id.share(),
            }))),
        };
        input.advance(chunk.offset);
        item
    }
}
