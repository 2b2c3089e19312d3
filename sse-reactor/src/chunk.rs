//! Chunks of HTTP/1.1, in which the frames of a stream are sent.
//!
//! "chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF"
//! ([RFC 9112, 7.1](https://www.rfc-editor.org/rfc/rfc9112#section-7.1))

use core::mem;
use std::io::Write as _;

use bytes::Bytes;

/// Maximum length of a frame in bytes that is copied between the size and the end of its chunk. The parts of a longer
/// one are written one after the other.
const MAX_COPIED_BYTES: usize = 32 * 1024;

const CRLF: Bytes = Bytes::from_static(b"\r\n");

/// Chunk of length 0, which ends the body.
const LAST_CHUNK: Bytes = Bytes::from_static(b"0\r\n\r\n");

/// Bytes to write, in up to three parts. They share memory with all clones.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    parts: [Bytes; 3],
}

impl Chunk {
    /// Creates the chunk of a frame, which must not be empty.
    pub(crate) fn new(frame: &Bytes) -> Self {
        debug_assert!(!frame.is_empty());
        let size = format!("{:x}\r\n", frame.len());
        if frame.len() > MAX_COPIED_BYTES {
            return Self {
                parts: [size.into(), frame.clone(), CRLF],
            };
        }
        let mut chunk = Vec::with_capacity(size.len() + frame.len() + CRLF.len());
        // Writing to a vector does not fail.
        let _ = chunk.write_all(size.as_bytes());
        chunk.extend_from_slice(frame);
        chunk.extend_from_slice(&CRLF);
        Self::single(chunk.into())
    }

    /// Returns the chunk that ends the body.
    pub(crate) fn last() -> Self {
        Self::single(LAST_CHUNK)
    }

    fn single(bytes: Bytes) -> Self {
        Self {
            parts: [bytes, Bytes::new(), Bytes::new()],
        }
    }

    /// Returns whether the [next bytes](Self::bytes) are all bytes.
    pub(crate) fn is_single(&self) -> bool {
        self.parts[1].is_empty()
    }

    /// Returns the next bytes to write. Empty if all are written.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.parts[0]
    }

    /// Removes the bytes that are written.
    pub(crate) fn advance(&mut self, count: usize) {
        let [first, second, third] = &mut self.parts;
        if count < first.len() {
            drop(first.split_to(count));
        } else {
            *first = mem::take(second);
            *second = mem::take(third);
        }
    }
}

/// The chunk of the last frame, because the next subscriber most likely gets the same frame.
#[derive(Debug, Default)]
pub(crate) struct ChunkCache {
    last: Option<(Bytes, Chunk)>,
}

impl ChunkCache {
    /// Returns the chunk of a frame.
    pub(crate) fn chunk(&mut self, frame: Bytes) -> &Chunk {
        // Equal pointers mean equal bytes, because the cache keeps the frame.
        let is_same = |(last, _): &(Bytes, Chunk)| {
            last.as_ptr() == frame.as_ptr() && last.len() == frame.len()
        };
        if !self.last.as_ref().is_some_and(is_same) {
            self.last = None;
        }
        let (_, chunk) = self.last.get_or_insert_with(|| {
            let chunk = Chunk::new(&frame);
            (frame, chunk)
        });
        chunk
    }

    /// Frees the memory of the last frame.
    pub(crate) fn clear(&mut self) {
        self.last = None;
    }
}
