use core::fmt;

use bytes::{Bytes, BytesMut};
use sse_proto::{Chunk, Comment, Decoder, Event, EventId, Item};

use crate::Farewell;

/// Events that are encoded already: what many get is encoded once, and a clone copies nothing.
///
/// Whole blocks by construction, so that no event can be torn or forged.
///
/// ```
/// use futures_util::stream;
/// use sse_hyper::{Encoded, Event, Streams};
///
/// let news = Encoded::from(&Event::new("to all of you"));
/// let streams = Streams::default();
/// for _ in 0..3 {
///     let body = streams.body(stream::iter([news.clone()]));
/// #   drop(body);
/// }
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    blocks: Bytes,
}

/// Room in a buffer that is not worth a copy, in bytes. To encode an event reserves some more than it needs.
const MAX_UNUSED: usize = 64;

impl Encoded {
    /// The event with this ID in place of its own.
    pub fn with_id(event: &Event, id: &EventId) -> Self {
        Self::of(|blocks| event.encode_with(Some(id), event.retry(), blocks))
    }

    /// All of these in their order, copied together. Of a single one, nothing is copied.
    pub fn join<'a, I>(parts: I) -> Self
    where
        I: IntoIterator<Item = &'a Self, IntoIter: Clone>,
    {
        let parts = parts.into_iter();
        let mut few = parts.clone();
        if let (Some(only), None) = (few.next(), few.next()) {
            return only.clone();
        }
        let mut blocks = BytesMut::with_capacity(parts.clone().map(Self::len).sum());
        for part in parts {
            blocks.extend_from_slice(&part.blocks);
        }
        Self {
            blocks: blocks.freeze(),
        }
    }

    /// A block of an ID alone, which is no event: it sets what the client will send as `Last-Event-ID`
    /// ([9.2.6](https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage): "Set
    /// the last event ID string of the event source to the value of the last event ID buffer", before
    /// it looks whether there is any data). So a client that loses the connection before its first
    /// event misses nothing.
    ///
    /// Clients are known that take it for an event with empty data.
    pub fn last_event_id(id: &EventId) -> Self {
        let block = format!("id: {id}\n\n");
        Self {
            blocks: block.into(),
        }
    }

    fn of(encode: impl FnOnce(&mut BytesMut)) -> Self {
        let mut blocks = BytesMut::new();
        encode(&mut blocks);
        // It may be kept for long. A buffer that had to grow, for data of many lines, is up to twice as
        // large as what is in it.
        let unused = blocks.capacity() - blocks.len();
        let blocks = if unused > MAX_UNUSED + blocks.len() / 8 {
            Bytes::copy_from_slice(&blocks)
        } else {
            blocks.freeze()
        };
        Self { blocks }
    }

    /// How many bytes it is.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// There is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The blocks as they go over the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.blocks
    }

    /// The same, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.blocks
    }

    /// The events, as a client reads them: line ends in data are LF.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        // No event is larger than all of it.
        let mut decoder = Decoder::with_limit(self.blocks.len()).with_max_id_bytes(usize::MAX);
        let mut chunk = Chunk::new(&self.blocks);
        core::iter::from_fn(move || {
            loop {
                // What we have encoded is read.
                match decoder.decode(&mut chunk) {
                    Ok(Some(Item::Event(event))) => {
                        // What we have decoded is valid.
                        if let Ok(event) = Event::try_from(event) {
                            return Some(event);
                        }
                    }
                    Ok(Some(_)) | Err(_) => {}
                    Ok(None) => return None,
                }
            }
        })
    }
}

impl From<&Event> for Encoded {
    fn from(event: &Event) -> Self {
        Self::of(|blocks| event.encode(blocks))
    }
}

impl From<&Farewell> for Encoded {
    /// What one stream says at its end; another may be told to come back at another time.
    fn from(farewell: &Farewell) -> Self {
        Self::of(|blocks| farewell.encode(blocks))
    }
}

impl From<Comment<'_>> for Encoded {
    fn from(comment: Comment<'_>) -> Self {
        Self::of(|blocks| comment.encode(blocks))
    }
}

/// Shows the blocks as they go over the wire.
impl fmt::Display for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(&self.blocks).fmt(f)
    }
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Encoded")
            .field(&String::from_utf8_lossy(&self.blocks))
            .finish()
    }
}
