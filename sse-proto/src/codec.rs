//! Adapter for `tokio_util::codec`.

use alloc::string::String;
use std::io;

use bytes::{Buf, BytesMut};
use tokio_util::codec;

use crate::{Chunk, Comment, DecodeError, Decoder, Event, EventId, Item};

/// Codec for events over any `AsyncRead` and `AsyncWrite`, for use with `tokio_util::codec::Framed`.
///
/// `FramedRead` polls its input as long as the input is ready. If the input is always ready but yields no item,
/// other tasks on the thread cannot run. A tokio socket does not have this problem, because it takes part in
/// tokio's cooperative budget. For any other input, prefer `ItemStream`.
///
/// ```
/// use futures_util::StreamExt;
/// use sse_proto::{EventCodec, Item};
/// use tokio_util::codec::FramedRead;
///
/// # futures_executor::block_on(async {
/// let mut items = FramedRead::new(&b"data: a\n\n"[..], EventCodec::default());
/// assert!(matches!(items.next().await, Some(Ok(Item::Event(event))) if event.data == "a"));
/// assert!(items.next().await.is_none());
/// # });
/// ```
#[derive(Debug, Default)]
pub struct EventCodec {
    decoder: Decoder,
}

impl EventCodec {
    /// Creates a codec that uses this decoder.
    pub fn new(decoder: Decoder) -> Self {
        Self { decoder }
    }

    /// Returns the decoder, for example to read the last event ID.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Returns the decoder. [Reset](Decoder::reset) it before you use it for another connection.
    pub fn into_decoder(self) -> Decoder {
        self.decoder
    }
}

impl codec::Decoder for EventCodec {
    type Item = Item<String, EventId>;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Item<String, EventId>>> {
        let mut chunk = Chunk::new(bytes);
        let item = self.decoder.decode_owned(&mut chunk);
        let taken = chunk.taken();
        bytes.advance(taken);
        Ok(item?)
    }
}

impl codec::Encoder<Event> for EventCodec {
    type Error = io::Error;

    fn encode(&mut self, event: Event, out: &mut BytesMut) -> io::Result<()> {
        event.encode(out);
        Ok(())
    }
}

impl codec::Encoder<Comment<'_>> for EventCodec {
    type Error = io::Error;

    fn encode(&mut self, comment: Comment<'_>, out: &mut BytesMut) -> io::Result<()> {
        comment.encode(out);
        Ok(())
    }
}

impl From<DecodeError> for io::Error {
    /// Creates an error of kind `InvalidData`.
    fn from(error: DecodeError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}
