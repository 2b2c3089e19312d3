//! Decoding to slices of the chunk that share its memory.

use bytes::{Buf, Bytes};

use crate::{
    Chunk, DecodeError, Decoder, EventId, Item, MessageEvent,
    parse::{Place, Step},
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
        let step = self.parser.next(&mut chunk, &mut self.last_event_id);
        self.parser.leave(&mut chunk);
        let share = |place: Place, held: &[u8]| match place {
            Place::Chunk(start, end) => input.slice(start..end),
            Place::Held => Bytes::copy_from_slice(held),
        };
        let item = match step {
            Step::NeedMore => Ok(None),
            Step::TooLarge(error) => Err(error),
            Step::Retry(time) => Ok(Some(Item::Retry(time))),
            Step::Comment(place) => Ok(Some(Item::Comment(share(place, self.parser.comment())))),
            Step::Event { event_type, data } => Ok(Some(Item::Event(MessageEvent {
                event_type: match event_type {
                    Some(place) => share(place, self.parser.event_type()),
                    None => Bytes::from_static(b"message"),
                },
                data: share(data, self.parser.data()),
                last_event_id: self.last_event_id.share(),
            }))),
        };
        input.advance(chunk.at);
        item
    }
}
