//! Encoding, which leaves out values that would forge a field.

use bytes::Bytes;
use sse_proto::{EventId, EventType};

use crate::{KeepAlive, Sse, wire::wire};

impl From<Sse> for Bytes {
    /// Encodes the fields that the block has. A type or an ID that would forge another field is left out.
    fn from(block: Sse) -> Self {
        let event_type = block.event.and_then(|text| EventType::new(text).ok());
        let id = block.id.and_then(|text| EventId::new(text).ok());
        wire(event_type, block.data, id, block.retry)
    }
}

impl KeepAlive {
    /// Sends this event. The default is an empty comment.
    pub fn event(mut self, event: Sse) -> Self {
        self.wire = event.into();
        self
    }
}
