//! Compression of events that are encoded once for many clients, in the format of gzip.
//!
//! # A note to the next reader
//!
//! A gzip stream is a header and compressed blocks of deflate. Usually, each connection has a compressor, because the
//! blocks refer to the text before them. Here, each event is compressed alone, and ends with a full flush:
//!
//! > If flush is set to Z_FULL_FLUSH, all output is flushed as with Z_SYNC_FLUSH, and the compression state is reset so
//! > that decompression can restart from this point if previous compressed data has been damaged or if random access is
//! > desired.
//!
//! So the bytes of an event are the same for every client, whenever its stream began, and a client decodes each event
//! as it comes. They also do not depend on other events: an attacker who can publish events, and who sees the lengths
//! of frames, learns nothing about the text of others.
//!
//! There is no trailer, because it would be a checksum of the whole stream, and so a state of each connection. Clients
//! treat the stream as cut off at its end.

use alloc::vec::Vec;
use core::cell::RefCell;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress};
use memchr::memmem;

/// First bytes of a stream: deflate, no flags, no time, unknown system
/// ([RFC 1952, 2.3](https://www.rfc-editor.org/rfc/rfc1952#section-2.3)).
pub const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Number of bytes that a full flush adds, and that incompressible text of at most 64 times this length adds.
const OVERHEAD: usize = 64;

std::thread_local! {
    /// Compressor of this thread. It takes 300 KB, and more time to create than to compress a small event.
    static COMPRESSOR: RefCell<Compress> = RefCell::new(Compress::new(Compression::default(), false));
}

/// Compresses encoded text as a part of a gzip stream that begins with [`GZIP_HEADER`].
///
/// Each block is compressed alone: the text up to a blank line, or to the end. So its bytes are the same in every
/// stream, and do not depend on other blocks. Events of less than about 100 bytes do not become shorter. A gzip stream
/// of these parts has no trailer.
pub fn deflate(text: &[u8]) -> Bytes {
    let mut output = Vec::new();
    COMPRESSOR.with_borrow_mut(|compressor| {
        let mut rest = text;
        while !rest.is_empty() {
            let end = memmem::find(rest, b"\n\n").map_or(rest.len(), |end| end + 2);
            let (block, others) = rest.split_at(end);
            compress(compressor, block, &mut output);
            rest = others;
        }
    });
    output.shrink_to_fit();
    output.into()
}

fn compress(compressor: &mut Compress, block: &[u8], output: &mut Vec<u8>) {
    compressor.reset();
    // If there were too little room, another call would be needed, which flushes again. So the bytes would depend on
    // the capacity of the vector.
    output.reserve(block.len() + block.len() / 64 + OVERHEAD);
    let compressed = compressor.compress_vec(block, output, FlushCompress::Full);
    debug_assert!(compressed.is_ok() && output.len() < output.capacity());
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String, vec, vec::Vec};
    use std::io::Read as _;

    use super::*;

    fn inflate(parts: &[&[u8]]) -> String {
        let stream = [&GZIP_HEADER[..], &parts.concat()].concat();
        let mut text = Vec::new();
        // The stream has no trailer.
        let _ = flate2::read::GzDecoder::new(&stream[..]).read_to_end(&mut text);
        String::from_utf8(text).unwrap()
    }

    fn texts() -> Vec<String> {
        let random = |seed: u64, length: usize| {
            let mut state = seed;
            let digit = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                char::from(b'!' + (state >> 58) as u8)
            };
            core::iter::repeat_with(digit)
                .take(length)
                .collect::<String>()
        };
        let mut texts = vec![
            String::from(":\n\n"),
            String::from("data: x\n\n"),
            String::from("retry: 7\n"),
        ];
        for length in [1, 30, 100, 1000, 5000, 33_000, 70_000, 1_000_000] {
            texts.push(format!("data: {}\n\n", "ab".repeat(length / 2)));
            texts.push(format!("data: {}\n\n", random(length as u64, length)));
        }
        texts
    }

    #[test]
    fn what_is_deflated_comes_back() {
        for text in texts() {
            let deflated = deflate(text.as_bytes());
            assert_eq!(inflate(&[&deflated]), text, "{} bytes", text.len());
            assert!(deflated.ends_with(&[0, 0, 0xff, 0xff]), "a full flush");
        }
    }

    #[test]
    fn the_bytes_of_an_event_do_not_depend_on_its_neighbours() {
        let alone: Vec<Bytes> = texts()
            .iter()
            .map(|text| deflate(text.as_bytes()))
            .collect();
        for (index, text) in texts().iter().enumerate() {
            assert_eq!(
                deflate(text.as_bytes()),
                alone[index],
                "a compressor that was used"
            );
            if !text.ends_with("\n\n") {
                continue;
            }
            let twice = deflate(format!("{text}{text}").as_bytes());
            assert_eq!(twice, [&alone[index][..], &alone[index]].concat());
        }
    }
}
