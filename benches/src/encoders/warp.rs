//! warp: events are converted to text when the body of the reply is read.

use std::{convert::Infallible, mem, time::Duration};

use futures_util::stream;
use warp::{Reply as _, sse::Event};

use crate::{
    encoders::{Encode, drain},
    workloads::Record,
};

/// Encoder that sends events that were built beforehand.
pub(crate) struct Encoder {
    records: Vec<Record>,
    events: Vec<Event>,
}

impl Encoder {
    /// Creates an encoder for these records.
    pub(crate) fn new(records: &[Record]) -> Self {
        Self {
            records: records.to_vec(),
            events: Vec::new(),
        }
    }
}

impl Encode for Encoder {
    fn prepare(&mut self) {
        self.events = self.records.iter().map(event).collect();
    }

    fn run(&mut self, sink: &mut dyn FnMut(&[u8])) {
        let events = mem::take(&mut self.events).into_iter();
        let reply = warp::sse::reply(stream::iter(events.map(Ok::<_, Infallible>)));
        drain(reply.into_response().into_body(), sink);
    }
}

fn event(record: &Record) -> Event {
    let mut event = Event::default();
    if let Some(event_type) = &record.event_type {
        event = event.event(event_type);
    }
    if let Some(id) = record.id {
        event = event.id(id.to_string());
    }
    if let Some(retry) = record.retry {
        event = event.retry(Duration::from_millis(retry));
    }
    if let Some(data) = &record.data {
        event = event.data(data);
    }
    event
}
