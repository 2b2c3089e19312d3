//! Events that are encoded once for many clients.

use alloc::{format, string::String};
#[cfg(feature = "gzip")]
use alloc::{sync::Arc, vec::Vec};
use core::fmt;
#[cfg(feature = "gzip")]
use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};

#[cfg(feature = "gzip")]
use crate::deflate::deflate;
use crate::{Chunk, Comment, Decoder, Event, EventId, Item};

/// Encoded events, for example encoded once for many clients. A clone copies no bytes.
///
/// It holds only whole blocks, so that an event cannot be cut or forged.
///
/// ```
/// use sse_proto::{Encoded, Event};
///
/// let news = Encoded::from(&Event::new("to all of you"));
/// let for_each_client = [news.clone(), news.clone(), news];
/// assert_eq!(for_each_client[2].as_bytes(), b"data: to all of you\n\n");
/// ```
#[derive(Clone, Default)]
pub struct Encoded {
    blocks: Bytes,
    /// Compressed form of all clones. `None` if it is not kept.
    #[cfg(feature = "gzip")]
    deflated: Option<Arc<Deflated>>,
}

/// Compressed form of encoded events.
#[cfg(feature = "gzip")]
#[derive(Default)]
struct Deflated {
    /// Parts that were joined. Their compressed forms are joined, too.
    parts: Vec<Encoded>,
    bytes: OnceLock<Bytes>,
}

/// Unused capacity of a buffer that is not worth a copy, in bytes. Encoding reserves a little more than it needs.
const MAX_UNUSED_BYTES: usize = 64;

impl Encoded {
    /// Encodes the event with this ID instead of its own.
    ///
    /// Use this to assign an ID without cloning the event.
    pub fn with_id(event: &Event, id: &EventId) -> Self {
        Self::from_encoder(|blocks| event.encode_with(Some(id), event.retry(), blocks))
    }

    /// Joins the parts in their order into one buffer. A single part is not copied.
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
        for part in parts.clone() {
            blocks.extend_from_slice(&part.blocks);
        }
        Self {
            #[cfg(feature = "gzip")]
            deflated: parts.clone().all(|part| part.deflated.is_some()).then(|| {
                Arc::new(Deflated {
                    parts: parts.clone().cloned().collect(),
                    bytes: OnceLock::new(),
                })
            }),
            ..Self::new(blocks.freeze())
        }
    }

    fn new(blocks: Bytes) -> Self {
        Self {
            blocks,
            #[cfg(feature = "gzip")]
            deflated: None,
        }
    }

    /// Keeps the [compressed form](Self::deflated) once it is computed, for all clones.
    ///
    /// It takes up to as much memory as the events, and a few bytes more for each event.
    #[cfg(feature = "gzip")]
    #[must_use]
    pub fn keep_deflated(mut self) -> Self {
        self.deflated.get_or_insert_default();
        self
    }

    /// Returns whether it [keeps the compressed form](Self::keep_deflated).
    #[cfg(feature = "gzip")]
    pub fn keeps_deflated(&self) -> bool {
        self.deflated.is_some()
    }

    /// Returns the events in the format of [`deflate`](crate::deflate()), each compressed alone.
    #[cfg(feature = "gzip")]
    pub fn deflated(&self) -> Bytes {
        let Some(deflated) = &self.deflated else {
            return deflate(&self.blocks);
        };
        let bytes = deflated.bytes.get_or_init(|| match &deflated.parts[..] {
            [] => deflate(&self.blocks),
            parts => {
                let parts: Vec<_> = parts.iter().map(Self::deflated).collect();
                parts.concat().into()
            }
        });
        bytes.clone()
    }

    /// Creates a block that has only an ID and is not an event: it sets the ID that the client resumes after.
    ///
    /// The client will send this ID as `Last-Event-ID`, so that a client that loses the connection before its first
    /// event misses nothing. The first step of
    /// [a dispatch](https://html.spec.whatwg.org/multipage/server-sent-events.html#dispatchMessage) (9.2.6) is: "Set
    /// the last event ID string of the event source to the value of the last event ID buffer". The check for data
    /// comes after that.
    ///
    /// Some clients dispatch an event with empty data for such a block.
    pub fn last_event_id(id: &EventId) -> Self {
        let block = format!("id: {id}\n\n");
        Self::new(block.into())
    }

    pub(crate) fn from_encoder(encode: impl FnOnce(&mut BytesMut)) -> Self {
        let mut blocks = BytesMut::new();
        encode(&mut blocks);
        // The caller may keep the blocks for a long time. A buffer that had to grow, as for data with many lines,
        // has up to twice the capacity that it needs.
        let unused = blocks.capacity() - blocks.len();
        let blocks = if unused > MAX_UNUSED_BYTES + blocks.len() / 8 {
            Bytes::copy_from_slice(&blocks)
        } else {
            blocks.freeze()
        };
        Self::new(blocks)
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Returns whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Returns the bytes of the blocks as they are sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.blocks
    }

    /// Converts into the bytes of the blocks as they are sent, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.blocks
    }

    /// Decodes the events as a client does: line ends in data become LF.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        // No event is longer than all blocks together.
        let mut decoder = Decoder::new()
            .max_event_bytes(self.blocks.len())
            .max_id_bytes(usize::MAX);
        let mut chunk = Chunk::new(&self.blocks);
        core::iter::from_fn(move || {
            loop {
                // Our own encoding decodes without errors.
                match decoder.decode(&mut chunk) {
                    Ok(Some(Item::Event(event))) => {
                        // A decoded event is valid.
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

impl PartialEq for Encoded {
    fn eq(&self, other: &Self) -> bool {
        self.blocks == other.blocks
    }
}

impl Eq for Encoded {}

impl From<&Event> for Encoded {
    fn from(event: &Event) -> Self {
        Self::from_encoder(|blocks| event.encode(blocks))
    }
}

impl From<Comment<'_>> for Encoded {
    fn from(comment: Comment<'_>) -> Self {
        Self::from_encoder(|blocks| comment.encode(blocks))
    }
}

/// Writes the blocks as they are sent.
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
