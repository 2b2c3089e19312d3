//! Ours: all ways to decode.

use std::{cell::RefCell, hint::black_box};

use sse_proto::{Chunk, Decoder, Item, SliceDecoder};

use crate::{feed::Feed, tally::Tally};

/// Ours, in the order of the tables: what is measured against peers comes first.
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

/// A way to decode.
#[derive(Clone, Copy, Debug)]
pub struct Ours {
    /// What the tables call it.
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

/// To events that are `&str`.
pub fn decode_str(feed: &Feed) -> Tally {
    let mut decoder = Decoder::new();
    drain!(feed, chunk => decoder.decode(chunk))
}

/// To events that are `&[u8]`, without a look at their UTF-8.
pub fn decode_bytes(feed: &Feed) -> Tally {
    let mut decoder = Decoder::new();
    drain!(feed, chunk => decoder.decode_bytes(chunk))
}

/// To events that are `&str`, and no comments.
fn decode_without_comments(feed: &Feed) -> Tally {
    let mut decoder = Decoder::new().without_comments();
    drain!(feed, chunk => decoder.decode(chunk))
}

/// To events that are `&[u8]`, in memory that was there before.
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
