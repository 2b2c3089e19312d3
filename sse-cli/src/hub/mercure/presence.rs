//! Active subscriptions, and the updates about them.
//!
//! # A note to the next reader
//!
//! The registry has the truth: it changes at once when a stream begins or ends. The updates go through a queue to one
//! task, so that an update about the end of a subscription never overtakes the one about its beginning, and so that a
//! stream that is dropped does not wait for a backend. If the backend is slow and the queue is full, updates are left
//! out. A client that needs certainty reads the subscription API.
//!
//! Each node has the registry of its own streams only, so nothing is left of a node that was killed. The subscription
//! API asks all nodes.

use core::sync::atomic::{AtomicBool, Ordering};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use serde_json::value::RawValue;
use sse_hub::{Hub, Publication};
use sse_mercure::{SubscriptionDocument, SubscriptionScope};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Maximum size of the updates that wait to be published, in bytes. A backend may be slower than clients that come and
/// go.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// Size of an update without its texts, in bytes. It is rounded up.
const UPDATE_BYTES: usize = 512;

/// Maximum size of a collection in a response, in bytes. A longer one is truncated.
//
// > Hubs MAY truncate or paginate collection responses according to an implementation-defined policy.
const MAX_COLLECTION_BYTES: usize = 4 * 1024 * 1024;

/// Registry of the active subscriptions of this hub.
#[derive(Clone, Default)]
pub(crate) struct Presence(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Documents by their paths.
    documents: Mutex<BTreeMap<Arc<str>, Arc<SubscriptionDocument>>>,
    updates: OnceLock<mpsc::UnboundedSender<WaitingUpdate>>,
    /// Memory for the updates that wait to be published.
    memory: WaitingMemory,
}

/// Update with its share of the memory for updates that wait.
type WaitingUpdate = (Publication, OwnedSemaphorePermit);

/// Memory that updates share while they wait. A permit is a byte.
struct WaitingMemory {
    free: Arc<Semaphore>,
    /// The latest update was left out, and this is logged.
    is_full: AtomicBool,
}

impl Default for WaitingMemory {
    fn default() -> Self {
        Self {
            free: Arc::new(Semaphore::new(MAX_WAITING_BYTES)),
            is_full: AtomicBool::new(false),
        }
    }
}

impl Presence {
    /// Registers the subscriptions of a stream, until the guard is dropped.
    pub(crate) fn register(
        &self,
        hub: &Hub,
        documents: impl IntoIterator<Item = SubscriptionDocument>,
    ) -> PresentStream {
        let documents: Vec<_> = documents.into_iter().map(Arc::new).collect();
        for document in &documents {
            let id = Arc::from(&*document.id);
            self.lock().insert(id, Arc::clone(document));
            self.announce(hub, document);
        }
        PresentStream {
            presence: self.clone(),
            hub: hub.clone(),
            documents,
        }
    }

    /// Returns the subscriptions of this node in this scope, as JSON that fits into a response.
    pub(crate) fn select(&self, scope: &SubscriptionScope) -> Vec<Box<RawValue>> {
        let mut bytes = 0;
        let documents = self.lock();
        let selected = documents
            .values()
            .filter(|document| scope.contains(document));
        let json = selected.filter_map(|document| RawValue::from_string(document.to_json()).ok());
        let fits = json.take_while(|json| {
            bytes += json.get().len();
            bytes <= MAX_COLLECTION_BYTES
        });
        fits.collect()
    }

    /// Publishes an update about a subscription after all earlier ones.
    fn announce(&self, hub: &Hub, document: &SubscriptionDocument) {
        // Matchers are short enough for a topic.
        let Ok(publication) = document.publication() else {
            return;
        };
        let bytes = UPDATE_BYTES + document.id.len() + publication.event.data().len();
        let Some(memory) = self.0.memory.take(bytes) else {
            return;
        };
        let updates = self.0.updates.get_or_init(|| start_publishing(hub.clone()));
        // The task ends with the runtime only.
        let _ = updates.send((publication, memory));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<SubscriptionDocument>>> {
        // A change is a single operation.
        self.0
            .documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitingMemory {
    /// Takes memory for an update. `None` if too many are waiting.
    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes).ok()?;
        let memory = Arc::clone(&self.free).try_acquire_many_owned(bytes).ok();
        let is_full = memory.is_none();
        // Clients that come and go decide how many are left out.
        let was_full = self.is_full.swap(is_full, Ordering::Relaxed);
        if is_full && !was_full {
            tracing::warn!(
                "updates about subscriptions are left out: {MAX_WAITING_BYTES} bytes of them are waiting"
            );
        }
        memory
    }
}

/// Starts the task that publishes the updates. Must be called on the runtime.
fn start_publishing(hub: Hub) -> mpsc::UnboundedSender<WaitingUpdate> {
    let (sender, mut receiver) = mpsc::unbounded_channel::<WaitingUpdate>();
    tokio::spawn(async move {
        let mut has_failed = false;
        while let Some((publication, _memory)) = receiver.recv().await {
            match hub.publish(publication).await {
                Ok(_) => has_failed = false,
                // There may be very many, for example while the backend is not connected.
                Err(_) if has_failed => {}
                Err(error) => {
                    has_failed = true;
                    let error = anyhow::Error::from(error);
                    tracing::warn!("updates about subscriptions are not published: {error:#}");
                }
            }
        }
    });
    sender
}

/// Subscriptions of a stream, which are active until this is dropped.
pub(crate) struct PresentStream {
    presence: Presence,
    hub: Hub,
    documents: Vec<Arc<SubscriptionDocument>>,
}

impl Drop for PresentStream {
    fn drop(&mut self) {
        for document in self.documents.drain(..) {
            self.presence.lock().remove(&*document.id);
            let terminated = SubscriptionDocument::clone(&document).terminated();
            self.presence.announce(&self.hub, &terminated);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_that_wait_share_a_bounded_memory() {
        let memory = WaitingMemory::default();
        let long = 4 * 1024 * 1024;
        let mut taken: Vec<_> = (0..4).map(|_| memory.take(long).unwrap()).collect();
        assert!(memory.take(1).is_none());
        assert!(memory.is_full.load(Ordering::Relaxed));
        taken.pop();
        assert!(memory.take(long + 1).is_none());
        assert!(memory.take(long).is_some());
        assert!(!memory.is_full.load(Ordering::Relaxed));
    }
}
