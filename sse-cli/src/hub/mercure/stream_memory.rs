//! Memory for the matchers of open streams.

use std::sync::Arc;

use http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::hub::response::{Refusal, RefusalKind};

/// Maximum size of the matchers of all long streams, in bytes. The hub keeps some of them twice.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Size up to which matchers of a stream take no memory from those of others, in bytes. The number of streams has a
/// limit of its own.
const SHORT_BYTES: usize = 4 * 1024;

/// Memory that streams with long matchers share. A permit is a byte.
pub(crate) struct StreamMemory(Arc<Semaphore>);

impl Default for StreamMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_BYTES)))
    }
}

impl StreamMemory {
    /// Takes memory for a stream until the permit is dropped. `None` if the stream needs little.
    ///
    /// # Errors
    ///
    /// Status 503 if other streams have taken the memory.
    pub(crate) fn take(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, Refusal> {
        if bytes <= SHORT_BYTES {
            return Ok(None);
        }
        let refused = || {
            let reason = format!(
                "the matchers of this stream have {bytes} bytes, and those of other streams take too much of \
                 {MAX_BYTES} bytes"
            );
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason).with_kind(RefusalKind::Memory)
        };
        let permits = u32::try_from(bytes).map_err(|_| refused())?;
        let permit = Arc::clone(&self.0).try_acquire_many_owned(permits);
        permit.map(Some).map_err(|_| refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_matchers_share_a_bounded_memory() {
        let memory = StreamMemory::default();
        let long = 64 * 1024;
        let mut streams: Vec<_> = (0..1024).map(|_| memory.take(long).unwrap()).collect();
        assert!(memory.take(long).is_err());
        assert!(memory.take(SHORT_BYTES + 1).is_err());
        assert!(memory.take(SHORT_BYTES).unwrap().is_none());
        streams.pop();
        assert!(memory.take(long).unwrap().is_some());
    }
}
