//! Our decoders: all ways to decode with `sse-proto`.

use std::{cell::RefCell, hint::black_box};

use sse_proto::{Chunk, Decoder, Item, SliceDecoder};

use crate::{feed::Feed, tally::Tally};

/// All our decoders, in the order of the tables. Those that are compared with peers come first.
pub const ALL: [Ours; 4] = [
    Ours {
        name: "ours, `&str`",
        decode: decode_str,
    },
    Ours {
        name: "ours, `&[u8]`",
        decode: decode_bytes,
    },
    Ours {
        name: "ours, without comments",
        decode: decode_without_comments,
    },
    Ours {
        name: "ours, no alloc",
        decode: decode_slice,
    },
];

/// Decoder with a name.
#[derive(Clone, Copy, Debug)]
pub struct Ours {
    /// Name in the tables.
    pub name: &'static str,
    /// Decodes all chunks.
    pub decode: fn(&Feed) -> Tally,
}

/// Takes all items of all chunks.
macro_rules! drain {
    ($feed:expr, $chunk:ident => $decode:expr) => {{
        let mut tally = Tally::default();
        for slice in $feed.slices() {
            let $chunk = &mut Chunk::new(slice);
            loop {
                match $decode {
                    Ok(Some(Item::Event(event))) => tally.event(event.data.as_ref()),
                    Ok(Some(Item::Comment(text))) => _ = black_box(text.len()),
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(_) => tally.error(),
                }
            }
        }
        tally
    }};
}

/// Decodes to `&str` events.
pub fn decode_str(feed: &Feed) -> Tally {
    let mut decoder = Decoder::new();
    drain!(feed, chunk => decoder.decode(chunk))
}

/// Decodes to `&[u8]` events, without validating UTF-8.
pub fn decode_bytes(feed: &Feed) -> Tally {
    let mut decoder = Decoder::new();
    drain!(feed, chunk => decoder.decode_bytes(chunk))
}

/// Decodes to `&str` events, and drops comments.
fn decode_without_comments(feed: &Feed) -> Tally {
    let mut decoder = Decoder::new().comments(false);
    drain!(feed, chunk => decoder.decode(chunk))
}

/// Decodes to `&[u8]` events, in memory that is allocated once.
fn decode_slice(feed: &Feed) -> Tally {
    thread_local! {
        static MEMORY: RefCell<Vec<u8>> = RefCell::new(vec![0; 1 << 20]);
    }
    MEMORY.with_borrow_mut(|memory| {
        let (names, data) = memory.split_at_mut(3 << 10);
        let mut decoder = SliceDecoder::new(data, names);
        drain!(feed, chunk => decoder.decode(chunk))
    })
}
