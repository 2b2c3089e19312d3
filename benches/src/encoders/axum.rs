//! axum: each event is written to its own buffer while it is built, and is sent as a frame of a body. So the time
//! to build it counts.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::response::{IntoResponse as _, Sse, sse::Event};
use futures_util::stream;

use crate::{
    encoders::{Encode, drain},
    workloads::Record,
};

/// Encoder that builds and sends events.
pub(crate) struct Encoder {
    records: Arc<[(Record, String)]>,
}

impl Encoder {
    /// Creates an encoder for these records. IDs are converted to text beforehand, as for the other encoders.
    pub(crate) fn new(records: &[Record]) -> Self {
        let with_id = |record: &Record| {
            let id = record.id.map(|id| id.to_string());
            (record.clone(), id.unwrap_or_default())
        };
        Self {
            records: records.iter().map(with_id).collect(),
        }
    }
}

impl Encode for Encoder {
    fn run(&mut self, sink: &mut dyn FnMut(&[u8])) {
        let records = Arc::clone(&self.records);
        let events = (0..records.len()).map(move |at| Ok::<_, Infallible>(event(&records[at])));
        let response = Sse::new(stream::iter(events)).into_response();
        drain(response.into_body(), sink);
    }
}

fn event((record, id): &(Record, String)) -> Event {
    let mut event = Event::default();
    if let Some(event_type) = &record.event_type {
        event = event.event(event_type);
    }
    if record.id.is_some() {
        event = event.id(id);
    }
    if let Some(retry) = record.retry {
        event = event.retry(Duration::from_millis(retry));
    }
    if let Some(data) = &record.data {
        event = event.data(data);
    }
    event
}
