//! Limit of the memory that all publications take together.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::hub::answer::Refusal;

/// Maximum length in bytes of a body that reserves no memory, so that a short publication never waits for long ones.
pub(crate) const FREE_BYTES: usize = 64 * 1024;

/// Maximum number of bytes that longer publications reserve together.
const SHARED_BYTES: usize = 64 * 1024 * 1024;

/// Maximum time that a publication waits for memory before it is refused.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Memory for publications, of which each reserves a part.
///
/// # A note to the next reader
///
/// A publication first reserves all memory that it may take, and then reads its body. If it reserved memory piece by
/// piece, many publications could hold a part and wait for the rest. That would be a deadlock.
#[derive(Debug)]
pub(crate) struct BodyMemory(Arc<Semaphore>);

impl Default for BodyMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SHARED_BYTES)))
    }
}

impl BodyMemory {
    /// Reserves memory in the order of the calls, and waits until there is enough. A publication that may take more
    /// than the whole memory reserves all of it.
    ///
    /// # Errors
    ///
    /// Status 503 after 60 s of waiting.
    pub(crate) async fn reserve(&self, bytes: usize) -> Result<Reservation, Refusal> {
        // The limit fits into a `u32`.
        let bytes = bytes.min(SHARED_BYTES) as u32;
        let permit = Arc::clone(&self.0).acquire_many_owned(bytes);
        match timeout(MAX_WAIT, permit).await {
            // The semaphore is never closed.
            Ok(permit) => Ok(Reservation(permit.ok())),
            Err(_) => {
                let seconds = MAX_WAIT.as_secs();
                let reason = format_args!("too many publications: no memory free for {seconds} s");
                Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, reason))
            }
        }
    }
}

/// Reserved memory of one publication, until this is dropped. A short publication reserves none.
#[derive(Debug, Default)]
pub(crate) struct Reservation(Option<OwnedSemaphorePermit>);

impl Reservation {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Releases memory, so that at most `bytes` bytes stay reserved.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        if let Some(permit) = &mut self.0 {
            drop(permit.split(permit.num_permits().saturating_sub(bytes)));
        }
    }

    /// Converts a text to bytes that keep the memory reserved until the last part of them is dropped.
    pub(crate) fn keep_with(self, text: String) -> Bytes {
        Bytes::from_owner(Reserved {
            text,
            _reservation: self,
        })
    }
}

struct Reserved {
    text: String,
    _reservation: Reservation,
}

impl AsRef<[u8]> for Reserved {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use testkit::timeout::test_timeout;

    use super::*;

    /// Reserves memory that must be free.
    fn take(memory: &BodyMemory, bytes: usize) -> Reservation {
        let reservation = memory.reserve(bytes).now_or_never();
        reservation.expect("memory is free").unwrap()
    }

    #[tokio::test]
    async fn memory_comes_back() {
        let memory = BodyMemory::default();
        for bytes in [1, SHARED_BYTES, SHARED_BYTES + 1, usize::MAX] {
            let first = take(&memory, bytes);
            let mut waits = Box::pin(memory.reserve(SHARED_BYTES));
            assert!((&mut waits).now_or_never().is_none());
            // A later call does not overtake it.
            assert!(memory.reserve(1).now_or_never().is_none());
            drop(first);
            timeout(test_timeout(), waits).await.unwrap().unwrap();
        }
        assert_eq!(memory.0.available_permits(), SHARED_BYTES);
    }

    #[tokio::test]
    async fn a_reservation_that_shrinks_gives_memory_back() {
        let memory = BodyMemory::default();
        let mut reservation = take(&memory, SHARED_BYTES);
        // A reservation never grows.
        for (bytes, left) in [
            (usize::MAX, SHARED_BYTES),
            (1000, 1000),
            (2000, 1000),
            (0, 0),
        ] {
            reservation.shrink_to(bytes);
            assert_eq!(memory.0.available_permits(), SHARED_BYTES - left, "{bytes}");
        }
        Reservation::default().shrink_to(0);
    }

    #[tokio::test]
    async fn an_answer_keeps_its_memory_until_it_is_read() {
        let memory = BodyMemory::default();
        let mut answer = take(&memory, SHARED_BYTES).keep_with("answer".to_owned());
        let part = answer.split_to(1);
        drop(answer);
        assert_eq!(memory.0.available_permits(), 0);
        drop(part);
        assert_eq!(memory.0.available_permits(), SHARED_BYTES);
    }

    #[tokio::test(start_paused = true)]
    async fn no_memory_for_long_is_503() {
        let memory = BodyMemory::default();
        let all = take(&memory, SHARED_BYTES);
        let refusal = memory.reserve(1).await.unwrap_err();
        assert_eq!(refusal.status, StatusCode::SERVICE_UNAVAILABLE);
        drop(all);
        take(&memory, SHARED_BYTES);
    }
}
