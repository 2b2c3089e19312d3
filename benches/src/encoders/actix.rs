//! russe, the encoder of actix-web-lab: as a codec into a buffer that is used again, and as
//! actix-web-lab's response uses it, each event to bytes of its own.

use std::time::Duration;

use bytes::BytesMut;
use russe::{Event, Message};
use tokio_util::codec::Encoder as _;

use crate::{encoders::Encode, workloads::Record};

/// Encodes events, which it consumes, into one buffer.
pub(crate) struct Encoder {
    events: Vec<Event>,
    copies: Vec<Event>,
    out: BytesMut,
}

impl Encoder {
    /// Of these records.
    pub(crate) fn new(records: &[Record]) -> Self {
        Self {
            events: records.iter().map(event).collect(),
            copies: Vec::new(),
            out: BytesMut::new(),
        }
    }
}

impl Encode for Encoder {
    fn prepare(&mut self) {
        self.copies.clone_from(&self.events);
    }

    fn run(&mut self, sink: &mut dyn FnMut(&[u8])) {
        self.out.clear();
        let mut encoder = russe::Encoder::default();
        for event in self.copies.drain(..) {
            let encoded = encoder.encode(event, &mut self.out);
            encoded.expect("events of workloads are valid");
        }
        sink(&self.out);
    }
}

/// Encodes events, which it consumes, each to bytes of its own.
///
/// What actix-web-lab does for an event of its stream, without the stream.
pub(crate) struct Body {
    events: Vec<Event>,
    copies: Vec<Event>,
}

impl Body {
    /// Of these records.
    pub(crate) fn new(records: &[Record]) -> Self {
        Self {
            events: records.iter().map(event).collect(),
            copies: Vec::new(),
        }
    }
}

impl Encode for Body {
    fn prepare(&mut self) {
        self.copies.clone_from(&self.events);
    }

    fn run(&mut self, sink: &mut dyn FnMut(&[u8])) {
        for event in self.copies.drain(..) {
            let encoded = event.into_bytestring();
            let encoded = encoded.expect("events of workloads are valid");
            sink(encoded.as_bytes());
        }
    }
}

fn event(record: &Record) -> Event {
    Event::Message(Message {
        data: record.data.clone().unwrap_or_default().into(),
        event: record.event_type.clone().map(Into::into),
        retry: record.retry.map(Duration::from_millis),
        id: record.id.map(|id| id.to_string().into()),
    })
}
