//! russe, the encoder of actix-web-lab: as a codec into a reused buffer, and as in a response of actix-web-lab,
//! each event into separate bytes.

use std::time::Duration;

use bytes::BytesMut;
use russe::{Event, Message};
use tokio_util::codec::Encoder as _;

use crate::{encoders::Encode, workloads::Record};

/// Encoder that consumes events and writes them to one buffer.
pub(crate) struct Encoder {
    events: Vec<Event>,
    copies: Vec<Event>,
    out: BytesMut,
}

impl Encoder {
    /// Creates an encoder for these records.
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

/// Encoder that consumes events and writes each to separate bytes.
///
/// actix-web-lab does this for an event of its stream. The stream is left out.
pub(crate) struct Body {
    events: Vec<Event>,
    copies: Vec<Event>,
}

impl Body {
    /// Creates an encoder for these records.
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
