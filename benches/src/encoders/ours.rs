//! Our encoder: `sse-proto`.

use std::time::Duration;

use sse_proto::{Event, EventId, EventType};

use crate::{encoders::Encode, workloads::Record};

/// Encoder that writes events to a reused buffer.
#[derive(Debug)]
pub struct Encoder {
    events: Vec<Event>,
    out: Vec<u8>,
}

impl Encoder {
    /// Creates an encoder for these records.
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
