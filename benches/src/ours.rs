//! Ours: all that touches the interface of `sse-proto`.

use std::{cell::RefCell, hint::black_box, time::Duration};

use sse_proto::{Chunk, Decoder, Event, EventId, EventType, Item, SliceDecoder};

use crate::{encoders::Encode, feed::Feed, tally::Tally, workloads::Record};

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

/// Encodes events into a buffer that is used again.
#[derive(Debug)]
pub struct Encoder {
    events: Vec<Event>,
    out: Vec<u8>,
}

impl Encoder {
    /// Of these records.
    pub fn new(records: &[Record]) -> Self {
        Self {
            events: records.iter().map(event).collect(),
            out: Vec::new(),
        }
    }
}

impl Encode for Encoder {
    fn run(&mut self, sink: &mut dyn FnMut(&[u8])) {
        self.out.clear();
        for event in &self.events {
            event.encode(&mut self.out);
        }
        sink(&self.out);
    }
}

fn event(record: &Record) -> Event {
    let mut event = Event::new(record.data.clone().unwrap_or_default());
    if let Some(event_type) = &record.event_type {
        let event_type = EventType::new(event_type.clone());
        event = event.with_type(event_type.expect("types of workloads are valid"));
    }
    if let Some(id) = record.id {
        event = event.with_id(EventId::from(id));
    }
    if let Some(retry) = record.retry {
        event = event.with_retry(Duration::from_millis(retry));
    }
    event
}
