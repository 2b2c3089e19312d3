//! Block of fields.

use std::time::Duration;

use sse_proto::Block;

/// Fields between two blank lines.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sse {
    /// Type.
    pub event: Option<String>,
    /// Data.
    pub data: Option<String>,
    /// ID. `None` if this block has none, even if an earlier one has.
    pub id: Option<String>,
    /// Reconnection time in milliseconds.
    pub retry: Option<u64>,
}

impl Sse {
    /// Returns whether it has a type.
    pub fn is_event(&self) -> bool {
        self.event.is_some()
    }

    /// Returns whether it has no type.
    pub fn is_message(&self) -> bool {
        self.event.is_none()
    }

    /// Sets the type.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.event = Some(event.into());
        self
    }

    /// Sets the data.
    pub fn data(mut self, data: impl Into<String>) -> Self {
        self.data = Some(data.into());
        self
    }

    /// Sets the ID.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the reconnection time in milliseconds.
    pub fn retry(mut self, retry: u64) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Sets the reconnection time, which is cut to milliseconds.
    pub fn retry_duration(self, retry: Duration) -> Self {
        self.retry(milliseconds(retry))
    }
}

impl From<Block> for Sse {
    fn from(block: Block) -> Self {
        Self {
            event: block.event_type,
            data: block.data,
            id: block.id.map(|id| id.as_str().to_owned()),
            retry: block.retry.map(milliseconds),
        }
    }
}

/// Returns the time in milliseconds. A longer one than `u64` holds is the longest.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
