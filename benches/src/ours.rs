//! Ours: all that touches the interface of `sse-proto`.

use std::{hint::black_box, time::Duration};

use sse_proto::{Chunk, Decoder, Event, EventId, EventType, Item};

use crate::{encoders::Encode, feed::Feed, tally::Tally, workloads::Record};

/// Decodes to events that are `&str`.
pub fn decode_str(feed: &Feed) -> Tally {
    let mut tally = Tally::default();
    let mut decoder = Decoder::new();
    for slice in feed.slices() {
        let mut chunk = Chunk::new(slice);
        loop {
            match decoder.decode(&mut chunk) {
                Ok(Some(Item::Event(event))) => tally.event(event.data.as_bytes()),
                Ok(Some(Item::Comment(text))) => _ = black_box(text.len()),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => tally.error(),
            }
        }
    }
    tally
}

/// Decodes to events that are `&[u8]`, without a look at their UTF-8.
pub fn decode_bytes(feed: &Feed) -> Tally {
    let mut tally = Tally::default();
    let mut decoder = Decoder::new();
    for slice in feed.slices() {
        let mut chunk = Chunk::new(slice);
        loop {
            match decoder.decode_bytes(&mut chunk) {
                Ok(Some(Item::Event(event))) => tally.event(event.data),
                Ok(Some(Item::Comment(text))) => _ = black_box(text.len()),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => tally.error(),
            }
        }
    }
    tally
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
