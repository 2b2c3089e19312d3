//! Encoding, with an error for values that would forge a field.

use bytes::Bytes;
use sse_proto::{EventId, EventType};

use crate::{EncodeError, KeepAlive, Sse, wire::wire};

impl Sse {
    /// Encodes the fields that it has.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the type or the ID would forge another field.
    pub fn encode(self) -> Result<Bytes, EncodeError> {
        let event_type = self.event.map(EventType::new).transpose();
        let event_type = event_type.map_err(|_| EncodeError::InvalidEvent)?;
        let id = self.id.map(EventId::new).transpose();
        let id = id.map_err(|_| EncodeError::InvalidId)?;
        Ok(wire(event_type, self.data, id, self.retry))
    }
}

impl TryFrom<Sse> for Bytes {
    type Error = EncodeError;

    fn try_from(block: Sse) -> Result<Self, EncodeError> {
        block.encode()
    }
}

impl KeepAlive {
    /// Sends this event. The default is an empty comment.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the type or the ID would forge another field.
    pub fn event(mut self, event: Sse) -> Result<Self, EncodeError> {
        self.wire = event.encode()?;
        Ok(self)
    }
}
