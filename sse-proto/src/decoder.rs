//! Decoder with an allocator. It returns text, bytes, owned text, or shared bytes.
//!
//! `parser.rs` parses the stream; this file converts its results to items.

pub(crate) mod text;

use alloc::{string::String, vec::Vec};

#[cfg(feature = "bytes")]
use bytes::Bytes;

use crate::{
    Chunk, DEFAULT_MAX_ID_BYTES, DecodeError, EventId, IdTooLong, Item, MessageEvent,
    parser::{LastEventId, Limits, Parsed, Parser, Span},
};
use text::{as_text, push_lossy, to_text};

/// Default limit of a [`Decoder`]: 16 MiB.
pub const DEFAULT_MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// Limits of the decoders with an allocator.
impl Default for Limits {
    fn default() -> Self {
        Self {
            event: DEFAULT_MAX_EVENT_BYTES,
            event_type: DEFAULT_MAX_EVENT_BYTES,
            id: DEFAULT_MAX_ID_BYTES,
        }
    }
}

/// Maximum length of an ID, in bytes, for which a copy byte by byte is faster than validation.
const MAX_BYTEWISE_ID_BYTES: usize = 16;

/// Incremental decoder for an event stream in chunks of any size
/// ([9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation)).
///
/// The items do not depend on where the stream is split into chunks, which may be empty. If the stream ends inside
/// an event, the event is not returned, as the standard requires. [`is_inside_event`](Self::is_inside_event)
/// reports this.
///
/// An event that lies in one chunk is borrowed from the chunk. An event that spans chunks is assembled in the
/// decoder, which copies each byte once and reuses its memory for the next event.
///
/// Each method that decodes takes a [`Chunk`] and returns at most one item. They can be mixed:
///
/// | method | strings of an item | for |
/// |---|---|---|
/// | [`decode`](Self::decode) | `&str` | items that are used before the next call |
/// | [`decode_bytes`](Self::decode_bytes) | `&[u8]` | data that a parser reads, which validates it anyway |
/// | [`decode_owned`](Self::decode_owned) | `String` | items that are kept or sent on |
/// | `decode_shared`, feature `bytes` | `Bytes` | events of many kilobytes that are passed on |
#[derive(Debug)]
pub struct Decoder {
    pub(crate) parser: Parser<Vec<u8>>,
    pub(crate) last_event_id: CurrentId,
    /// Type and data with U+FFFD, if they are not UTF-8.
    replaced: [String; 2],
}

impl Decoder {
    /// Creates a decoder at the start of a stream, with the [default limit](DEFAULT_MAX_EVENT_BYTES).
    pub fn new() -> Self {
        Self {
            parser: Parser::new(Limits::default(), [const { Vec::new() }; 3]),
            last_event_id: CurrentId::default(),
            replaced: [const { String::new() }; 2],
        }
    }

    /// Sets the maximum number of bytes that the decoder buffers for an event. The default is
    /// [`DEFAULT_MAX_EVENT_BYTES`].
    ///
    /// The limit counts the bytes of the event's type, data and ID as received. It also counts the current line,
    /// even if the line is a comment or is ignored. Allocations can be twice as large as the limit. Text that is
    /// not UTF-8 needs a second buffer, which can be three times as large.
    #[must_use]
    pub fn max_event_bytes(mut self, limit: usize) -> Self {
        self.parser.set_max_event_bytes(limit);
        self
    }

    /// Sets the maximum length of an event ID, in bytes of its text. The default is [`DEFAULT_MAX_ID_BYTES`]; the
    /// standard has no limit.
    ///
    /// Each maximal subpart that is not UTF-8 counts as U+FFFD. A longer ID is ignored and reported by
    /// [`DecodeError::IdTooLong`].
    #[must_use]
    pub fn max_id_bytes(mut self, limit: usize) -> Self {
        self.parser.set_max_id_bytes(limit);
        self
    }

    /// Sets whether comments are returned as [`Item::Comment`]. The default is `true`.
    ///
    /// To drop them takes less time. A comment can then have any length, because it is not buffered.
    #[must_use]
    pub fn comments(mut self, enabled: bool) -> Self {
        self.parser.set_comments(enabled);
        self
    }

    /// Decodes a part of the chunk and returns at most one item.
    ///
    /// Call it until it returns `None`. Then the chunk is empty, and the next chunk can be decoded. An item
    /// borrows from the chunk and the decoder, so it must be dropped before the next call.
    ///
    /// Invalid UTF-8 is replaced by U+FFFD, one for each maximal subpart of an ill-formed sequence
    /// ([Encoding Standard](https://encoding.spec.whatwg.org/#utf-8-decoder)).
    ///
    /// # Errors
    ///
    /// [`DecodeError::TooLarge`] and [`DecodeError::IdTooLong`]. The rest of the chunk can still be decoded: call
    /// again.
    #[inline(always)]
    pub fn decode<'a, 'i: 'a>(
        &'a mut self,
        chunk: &mut Chunk<'i>,
    ) -> Result<Option<Item<&'a str>>, DecodeError> {
        let start = chunk.offset;
        let parsed = self.parser.next(chunk, &mut self.last_event_id);
        let Self {
            parser, replaced, ..
        } = self;
        let [type_replaced, data_replaced] = replaced;
        Ok(Some(match parsed {
            Parsed::NeedMore => return Ok(None),
            Parsed::TooLarge(error) => return Err(error),
            Parsed::Retry(time) => Item::Retry(time),
            Parsed::Comment(comment) => Item::Comment(read(
                chunk,
                start,
                comment,
                || parser.comment(),
                data_replaced,
            )),
            Parsed::Event { event_type, data } => Item::Event(MessageEvent {
                event_type: event_type.map_or("message", |span| {
                    read(chunk, start, span, || parser.event_type(), type_replaced)
                }),
                data: read(chunk, start, data, || parser.data(), data_replaced),
                last_event_id: &self.last_event_id.text,
            }),
        }))
    }

    /// Decodes a part of the chunk and returns at most one item of bytes as received, which are not validated.
    ///
    /// Call it until it returns `None`, like [`decode`](Self::decode).
    ///
    /// Only the last event ID is always valid UTF-8, because the client sends it back as text.
    ///
    /// # Errors
    ///
    /// See [`decode`](Self::decode).
    #[inline(always)]
    pub fn decode_bytes<'a, 'i: 'a>(
        &'a mut self,
        chunk: &mut Chunk<'i>,
    ) -> Result<Option<Item<&'a [u8]>>, DecodeError> {
        self.parser.next_bytes(&mut self.last_event_id, chunk)
    }

    /// Decodes a part of the chunk and returns at most one owned item.
    ///
    /// Call it until it returns `None`, like [`decode`](Self::decode). Each string is copied once. The last event ID
    /// is shared with the other events that have it. So an event can be sent on without another copy:
    ///
    /// ```
    /// use sse_proto::{Chunk, Decoder, Event, Item};
    ///
    /// let mut decoder = Decoder::new();
    /// let mut chunk = Chunk::from("event: news\nid: 7\ndata: hello\n\n");
    /// let mut wire = String::new();
    /// while let Some(item) = decoder.decode_owned(&mut chunk)? {
    ///     if let Item::Event(event) = item {
    ///         // The strings move.
    ///         Event::try_from(event)?.encode(&mut wire);
    ///     }
    /// }
    /// assert_eq!(wire, "event: news\nid: 7\ndata: hello\n\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`decode`](Self::decode).
    #[inline(always)]
    pub fn decode_owned(
        &mut self,
        chunk: &mut Chunk<'_>,
    ) -> Result<Option<Item<String, EventId>>, DecodeError> {
        let parsed = self.parser.next(chunk, &mut self.last_event_id);
        self.parser.count_taken(chunk);
        // Text is validated when it is copied. Many callers create a chunk for each call, so validating ahead would be
        // wasted.
        let parser = &self.parser;
        match parsed {
            Parsed::Event { event_type, data } => Ok(Some(Item::Event(MessageEvent {
                event_type: match event_type {
                    None => "message".into(),
                    Some(span) => to_text(span.slice(chunk, || parser.event_type())),
                },
                data: to_text(data.slice(chunk, || parser.data())),
                last_event_id: self.last_event_id.share(),
            }))),
            Parsed::NeedMore => Ok(None),
            Parsed::TooLarge(error) => Err(error),
            Parsed::Retry(time) => Ok(Some(Item::Retry(time))),
            Parsed::Comment(comment) => {
                let comment = comment.slice(chunk, || parser.comment());
                Ok(Some(Item::Comment(to_text(comment))))
            }
        }
    }

    /// Decodes a part of the chunk and returns at most one item of bytes, which share the memory of the chunk.
    ///
    /// The chunk must be [created from a `Bytes`](Chunk#impl-From%3C%26Bytes%3E-for-Chunk%3C'i%3E). The values of
    /// another chunk are copied, and so is a value that spans chunks. Sharing pays off for events of many kilobytes
    /// that are passed on. A smaller event is cheaper to copy. The bytes are not validated, as in
    /// [`decode_bytes`](Self::decode_bytes).
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sse_proto::{Chunk, Decoder, Item};
    ///
    /// let input = Bytes::from_static(b"data: shared\n\nda");
    /// let mut decoder = Decoder::new();
    /// let mut chunk = Chunk::from(&input);
    /// let Some(Item::Event(event)) = decoder.decode_shared(&mut chunk)? else { panic!() };
    /// assert_eq!(event.data, "shared");
    /// assert_eq!(event.data.as_ptr(), input[6..].as_ptr());
    /// assert_eq!(chunk.rest(), b"da");
    /// # Ok::<(), sse_proto::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`decode`](Self::decode).
    #[cfg(feature = "bytes")]
    pub fn decode_shared(
        &mut self,
        chunk: &mut Chunk<'_>,
    ) -> Result<Option<Item<Bytes, EventId>>, DecodeError> {
        let parsed = self.parser.next(chunk, &mut self.last_event_id);
        self.parser.count_taken(chunk);
        let share = |span: Span, buffered: &[u8]| match (span, chunk.owner) {
            (Span::Chunk(start, end), Some(owner)) => owner.slice(start..end),
            (Span::Chunk(start, end), None) => Bytes::copy_from_slice(&chunk.bytes[start..end]),
            (Span::Buffer, _) => Bytes::copy_from_slice(buffered),
        };
        match parsed {
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
        }
    }

    /// Returns the last event ID, which a reconnection sends as `Last-Event-ID`. Empty if there is none.
    ///
    /// It changes with the blank line that ends a block, even if the block has no data.
    #[doc(alias = "lastEventId")]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id.text
    }

    /// Returns whether the stream is inside an event, which is lost if the stream ends here.
    ///
    /// The standard drops such an event: "if the file ends in the middle of an event, before the final empty line,
    /// the incomplete event is not dispatched". An incomplete line counts, unless it is a comment. An event that
    /// is larger than the limit does not count, because an error has already reported it.
    ///
    /// To get the unfinished event, decode a chunk of two LF at the end of the stream.
    ///
    /// ```
    /// use sse_proto::{Chunk, Decoder};
    ///
    /// let mut decoder = Decoder::new();
    /// assert_eq!(decoder.decode(&mut Chunk::from("data: cut\n")), Ok(None));
    /// assert!(decoder.is_inside_event());
    /// assert!(decoder.decode(&mut Chunk::from("\n"))?.is_some());
    /// assert!(!decoder.is_inside_event());
    /// # Ok::<(), sse_proto::DecodeError>(())
    /// ```
    pub fn is_inside_event(&self) -> bool {
        self.parser.is_inside_event()
    }

    /// Sets the last event ID, to resume where an earlier stream stopped.
    ///
    /// # Errors
    ///
    /// [`IdTooLong`] if the ID is longer than [allowed](Self::max_id_bytes). The previous ID is kept.
    pub fn set_last_event_id(&mut self, id: &EventId) -> Result<(), IdTooLong> {
        let (length, limit) = (id.as_str().len(), self.parser.max_id_bytes());
        if length > limit {
            return Err(IdTooLong { length, limit });
        }
        self.last_event_id.set(id);
        Ok(())
    }

    /// Returns whether the current stream has set the last event ID, even to the same ID or to the empty one.
    pub(crate) fn has_committed_id(&self) -> bool {
        self.last_event_id.is_committed
    }

    /// Clears the last event ID.
    pub(crate) fn clear_last_event_id(&mut self) {
        self.last_event_id.set(&EventId::default());
    }

    /// Resets the decoder for the stream of another connection. An unfinished event is dropped. The last event ID
    /// and the memory are kept.
    pub fn reset(&mut self) {
        self.parser.reset();
        self.last_event_id.is_committed = false;
    }
}

/// Last event ID, with a shared copy for owned events.
#[derive(Debug, Default)]
pub(crate) struct CurrentId {
    text: String,
    /// Shared copy. It is created for the second owned event with this ID, or for the first one if the ID is long.
    /// Borrowed events do not need it.
    shared: Option<EventId>,
    /// True if an owned event with this ID exists.
    is_kept: bool,
    /// True if the stream of the current connection has set the ID.
    is_committed: bool,
}

impl CurrentId {
    fn set(&mut self, id: &EventId) {
        self.text.clear();
        self.text.push_str(id.as_str());
        (self.shared, self.is_kept) = (None, false);
    }

    /// Returns an owned ID. Except for the first events after a change, this copies only a pointer.
    #[inline]
    pub(crate) fn share(&mut self) -> EventId {
        if self.text.is_empty() {
            return EventId::default();
        }
        let Self {
            text,
            shared,
            is_kept,
            ..
        } = self;
        if !*is_kept {
            *is_kept = true;
            if let Some(id) = EventId::from_decoded_short(text) {
                return id;
            }
        }
        shared
            .get_or_insert_with(|| EventId::from_decoded(text))
            .clone()
    }
}

impl LastEventId for CurrentId {
    fn commit(&mut self, id: &[u8]) {
        (self.shared, self.is_kept) = (None, false);
        self.is_committed = true;
        self.text.clear();
        if id.len() <= MAX_BYTEWISE_ID_BYTES && id.is_ascii() {
            self.text.extend(id.iter().map(|byte| char::from(*byte)));
        } else {
            push_lossy(&mut self.text, id);
        }
    }

    fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the text of a value: text that was validated before, text that is validated now, or text with U+FFFD.
/// `from` is the position in the chunk at which the parser started for this item.
#[inline(always)]
fn read<'a, 'i: 'a>(
    chunk: &mut Chunk<'i>,
    from: usize,
    span: Span,
    buffered: impl FnOnce() -> &'a [u8],
    replaced: &'a mut String,
) -> &'a str {
    let bytes = match span {
        Span::Buffer => buffered(),
        Span::Chunk(start, end) => {
            chunk.text.look_ahead(chunk.bytes, from, chunk.offset);
            if let Some(text) = chunk.text.get(start, end) {
                return text;
            }
            &chunk.bytes[start..end]
        }
    };
    as_text(bytes).unwrap_or_else(|| {
        replaced.clear();
        push_lossy(replaced, bytes);
        replaced
    })
}

#[cfg(test)]
mod tests {
    use alloc::{
        format,
        string::{String, ToString},
        vec,
        vec::Vec,
    };
    use core::fmt::Debug;

    use super::*;
    use crate::SliceDecoder;

    /// Stream with a byte order mark, all line ends, all fields, invalid UTF-8, an event that is too large, and an
    /// unfinished event.
    const STREAM: &[u8] = b"\xEF\xBB\xBFid: 7\r\nevent: \xE2\x82\xAC\rdata: a\xFF\ndata: b\r\n\r\n\
        : c\xF0\x9F\n\rid: 9\nretry: 7\ndata: c\n\nretry: 5\nid\n\ndata: 1234567890123456789\nid: 8\n\nevent: e\ndata: c\n\ndata: d\n";
    const LIMIT: usize = 24;

    /// Collects all items and errors as text that can be compared.
    macro_rules! all {
        ($decode:expr, $chunks:expr) => {{
            let mut seen = Vec::new();
            for bytes in $chunks {
                let mut chunk = Chunk::new(bytes);
                loop {
                    match $decode(&mut chunk) {
                        Ok(None) => break,
                        Ok(Some(item)) => seen.push(shown(item)),
                        Err(error) => seen.push(error.to_string()),
                    }
                }
            }
            seen
        }};
    }

    fn shown<T: AsRef<[u8]> + Debug>(item: Item<T>) -> String {
        format!(
            "{:?}",
            item.map(|text| String::from_utf8_lossy(text.as_ref()).into_owned())
        )
    }

    fn decode(chunks: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::new().max_event_bytes(LIMIT);
        let text = all!(
            |chunk| decoder
                .decode(chunk)
                .map(|item| item.map(|item| item.map(str::to_string))),
            chunks
        );
        assert_eq!(decoder.last_event_id(), "8");

        let mut decoder = Decoder::new().max_event_bytes(LIMIT);
        let bytes = all!(
            |chunk| decoder
                .decode_bytes(chunk)
                .map(|item| item.map(|item| item.map(<[u8]>::to_vec))),
            chunks
        );
        assert_eq!(bytes, text);

        let (mut data, mut names) = (vec![0; LIMIT], vec![0; 3 * LIMIT]);
        let mut decoder = SliceDecoder::new(&mut data, &mut names);
        let slices = all!(
            |chunk| decoder
                .decode(chunk)
                .map(|item| item.map(|item| item.map(<[u8]>::to_vec))),
            chunks
        );
        assert_eq!(slices, text);
        text
    }

    #[test]
    fn all_decoders_agree_wherever_the_stream_is_cut() {
        let whole = decode(&[STREAM]);
        assert_eq!(whole.len(), 7, "{whole:#?}");
        for at in (0..STREAM.len()).step_by(if cfg!(miri) { 11 } else { 1 }) {
            let (start, end) = STREAM.split_at(at);
            assert_eq!(decode(&[start, &[], end]), whole, "cut at {at}");
        }
        let bytes: Vec<&[u8]> = STREAM.chunks(1).collect();
        assert_eq!(decode(&bytes), whole);
    }

    #[test]
    fn only_valid_text_is_validated_ahead() {
        let mut stream = Vec::new();
        let count = if cfg!(miri) { 15 } else { 60 };
        for n in 0..count {
            let fault: &[u8] = if n % 7 == 3 { b"\xE2\x82" } else { b"" };
            stream.extend_from_slice(format!("data: {n} \u{20AC}{}", "x".repeat(n)).as_bytes());
            stream.extend_from_slice(fault);
            stream.extend_from_slice(b"\n\n");
        }
        let mut decoder = Decoder::new();
        let mut chunk = Chunk::new(&stream);
        for n in 0..count {
            let fault = if n % 7 == 3 { "\u{FFFD}" } else { "" };
            let Ok(Some(Item::Event(event))) = decoder.decode(&mut chunk) else {
                panic!("an event");
            };
            assert_eq!(event.data, format!("{n} \u{20AC}{}{fault}", "x".repeat(n)));
        }
    }

    #[test]
    fn a_new_connection_keeps_the_last_event_id() {
        let mut decoder = Decoder::new();
        let mut chunk = Chunk::from("id: 1\n\ndata: cut");
        assert_eq!(decoder.decode(&mut chunk), Ok(None));
        decoder.reset();
        let mut chunk = Chunk::from("\u{FEFF}data: whole\n\n");
        let Ok(Some(Item::Event(event))) = decoder.decode(&mut chunk) else {
            panic!("an event");
        };
        assert_eq!((event.data, event.last_event_id), ("whole", "1"));
    }
}
