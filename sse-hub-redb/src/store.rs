//! The store: a handle to an open file, and the backend of a hub.

use core::fmt;
use std::{
    path::{self, Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
};

use futures_core::{future::BoxFuture, stream::BoxStream};
use sse_hub::{
    Backend, BackendError, BackendErrorKind, EventId, Publication, Replayed, TopicFilters, Update,
};
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

use crate::{
    OpenError, OpenErrorKind, RedbConfig,
    file::{self, Opened},
    follow, query, record, replay, retention,
    shared::Shared,
    writer::{Command, Waiting, Writer},
};

/// Memory for all events that wait to be stored, in bytes. Publishers wait if it is used up.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// Memory that an event takes in addition to its texts while it waits, in bytes.
const WAITING_OVERHEAD_BYTES: usize = 512;

/// Maximum length of all texts of an event, in bytes.
const MAX_EVENT_BYTES: usize = MAX_WAITING_BYTES / 4;

/// [`Backend`] for a hub on one file. Pass it to [`Hub::with_backend`](sse_hub::Hub::with_backend).
///
/// This is a handle: clones refer to the same file. The file is closed by [`close`](Self::close), or after the last
/// handle is dropped. The hub has a handle, too.
#[derive(Clone)]
pub struct RedbStore {
    handle: Arc<WriterHandle>,
}

/// Thread of an open file, which all clones of a store share.
struct WriterHandle {
    shared: Arc<Shared>,
    path: PathBuf,
    config: RedbConfig,
    queue: Sender<Command>,
    /// Memory for the events in the queue, in bytes.
    memory: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl RedbStore {
    /// Opens the file, or creates it, and starts the thread that writes to it.
    ///
    /// This blocks for some milliseconds, or for longer after a crash [without fast
    /// recovery](RedbConfig::fast_recovery). So open the file before the program serves requests. The folder must exist. On
    /// Unix, only the user of the process can read and write a new file.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    ///
    /// use sse_hub::{Hub, HubConfig};
    /// use sse_hub_redb::{RedbConfig, RedbStore};
    ///
    /// let store = RedbStore::open("events.redb", RedbConfig::new())?;
    /// let (hub, follow) = Hub::with_backend(HubConfig::new(), Arc::new(store));
    /// # drop((hub, follow));
    /// # Ok::<_, sse_hub_redb::OpenError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`OpenError`] if the file cannot be opened or created. Its [kind](OpenError::kind) tells why.
    pub fn open(path: impl AsRef<Path>, config: RedbConfig) -> Result<Self, OpenError> {
        let path = path.as_ref();
        // The file may be opened again after the process has changed its folder.
        let path = &path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let Opened {
            database,
            epoch,
            kept,
        } = file::open_or_create(path, &config)?;
        let shared = Arc::new(Shared::new(database, epoch, kept.latest));
        let writer = Writer::new(Arc::clone(&shared), path.to_owned(), config.clone(), kept);
        let (queue, commands) = mpsc::channel();
        let thread = thread::Builder::new().name("sse-hub-redb".to_owned());
        let thread = thread
            .spawn(move || writer.run(&commands))
            .map_err(|error| {
                let kind = OpenErrorKind::Io(error.kind());
                OpenError::new(path.to_owned(), kind, Some(redb::Error::Io(error)))
            })?;
        let handle = WriterHandle {
            shared,
            path: path.to_owned(),
            config,
            queue,
            memory: Arc::new(Semaphore::new(MAX_WAITING_BYTES)),
            thread: Mutex::new(Some(thread)),
        };
        Ok(Self {
            handle: Arc::new(handle),
        })
    }

    /// Stores the events that wait, and closes the file. Later publications fail.
    ///
    /// Call it before the program ends. If the file is not closed, nothing is lost, but [without fast
    /// recovery](RedbConfig::fast_recovery) the next start takes longer.
    pub async fn close(&self) {
        let (closing, closed) = oneshot::channel();
        // If the thread has ended already, the file is closed.
        drop(self.handle.queue.send(Command::Close(closing)));
        drop(closed.await);
    }
}

impl WriterHandle {
    /// Stores an event, together with others that wait.
    async fn publish(&self, publication: &Publication) -> Result<u64, BackendError> {
        let limit = self.config.publish_timeout;
        let stored = timeout(limit, self.enqueue(publication)).await;
        stored.unwrap_or_else(|_| {
            let reason = format!("publishing timed out after {limit:?}");
            Err(BackendError::new(reason))
        })
    }

    /// Puts an event into the queue, and waits until it is stored.
    async fn enqueue(&self, publication: &Publication) -> Result<u64, BackendError> {
        let bytes = record::weight(publication);
        if bytes > MAX_EVENT_BYTES {
            let reason = format!("event is {bytes} bytes, limit is {MAX_EVENT_BYTES}");
            return Err(BackendError::new(reason).with_kind(BackendErrorKind::TooLarge));
        }
        let memory = Arc::clone(&self.memory);
        let memory = memory.acquire_many_owned((bytes + WAITING_OVERHEAD_BYTES) as u32);
        // The semaphore is never closed.
        let memory = memory.await.map_err(|_| closed())?;
        if let Some(failure) = self.shared.failure() {
            return Err(failure);
        }
        let record = record::encode(publication, retention::now());
        let record = record.map_err(|error| {
            BackendError::new("cannot encode the event")
                .with_kind(BackendErrorKind::Refused)
                .with_source(error)
        })?;
        let id = publication.event.id();
        let (result, stored) = oneshot::channel();
        let waiting = Waiting {
            record,
            id: id.map(|id| id.as_str().to_owned()),
            result,
            _memory: memory,
        };
        let sent = self.queue.send(Command::Store(waiting));
        sent.map_err(|_| closed())?;
        stored.await.unwrap_or_else(|_| Err(closed()))
    }
}

/// Returns the error of an operation after the thread of the store has ended.
fn closed() -> BackendError {
    BackendError::new("store is closed")
}

impl Backend for RedbStore {
    fn publish<'a>(
        &'a self,
        publication: &'a Publication,
    ) -> BoxFuture<'a, Result<u64, BackendError>> {
        Box::pin(self.handle.publish(publication))
    }

    fn follow(&self, initial_events: usize) -> BoxStream<'static, Update> {
        let shared = Arc::clone(&self.handle.shared);
        Box::pin(follow::follow(shared, initial_events))
    }

    fn replay(
        &self,
        after: u64,
        through: u64,
        filters: &TopicFilters,
    ) -> BoxStream<'static, Replayed> {
        let shared = Arc::clone(&self.handle.shared);
        Box::pin(replay::replay(shared, after, through, filters.clone()))
    }

    fn latest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        let latest = self.handle.shared.latest();
        Box::pin(async move { Ok(latest) })
    }

    fn earliest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        let shared = Arc::clone(&self.handle.shared);
        Box::pin(async move { shared.read_in_turn(query::earliest_sequence).await })
    }

    fn sequence_of_id(
        &self,
        id: &EventId,
    ) -> BoxFuture<'static, Result<Option<u64>, BackendError>> {
        let (shared, id) = (Arc::clone(&self.handle.shared), id.clone());
        Box::pin(async move {
            let read = move |transaction: &_| query::sequence_of_id(transaction, id.as_str());
            shared.read_in_turn(read).await
        })
    }

    fn epoch(&self) -> u64 {
        self.handle.shared.epoch
    }
}

impl Drop for WriterHandle {
    /// Waits until the file is closed, so that it can be opened again at once.
    fn drop(&mut self) {
        drop(self.queue.send(Command::Close(oneshot::channel().0)));
        let thread = self.thread.get_mut();
        let thread = thread.unwrap_or_else(PoisonError::into_inner).take();
        // The writer itself may drop the last handle, with the task of a publisher.
        if let Some(thread) = thread
            && thread.thread().id() != thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!(path = ?self.path, "the thread of the store has panicked");
        }
    }
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore")
            .field("path", &self.handle.path)
            .field("config", &self.handle.config)
            .field("status", &*self.handle.shared.status().borrow())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use sse_hub::{Event, Topic};

    use super::*;

    #[tokio::test]
    async fn events_that_wait_take_a_bounded_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.redb");
        let config = RedbConfig::new();
        let opened = file::open_or_create(&path, &config).unwrap();
        // Nothing stores the events of this queue.
        let (queue, commands) = mpsc::channel();
        let handle = WriterHandle {
            shared: Arc::new(Shared::new(opened.database, opened.epoch, 0)),
            path,
            config,
            queue,
            memory: Arc::new(Semaphore::new(MAX_WAITING_BYTES)),
            thread: Mutex::new(None),
        };
        let topic = Topic::new("t").unwrap();
        let publish = |bytes| {
            let event = Event::new("x".repeat(bytes));
            let publication = Publication::new(topic.clone(), event);
            handle.publish(&publication).now_or_never()
        };
        let error = publish(MAX_EVENT_BYTES).unwrap().unwrap_err();
        assert_eq!(error.kind(), BackendErrorKind::TooLarge);
        // The topic and the type `message` count.
        let bytes = MAX_EVENT_BYTES + 8;
        let text = format!("event is {bytes} bytes, limit is {MAX_EVENT_BYTES}");
        assert_eq!(error.to_string(), text);
        for _ in 0..10 {
            assert!(publish(MAX_EVENT_BYTES - 8).is_none());
        }
        let waiting: Vec<_> = commands.try_iter().collect();
        assert_eq!(waiting.len(), 3);
        drop(waiting);
        // The memory comes back.
        assert!(publish(1).is_none());
        assert_eq!(commands.try_iter().count(), 1);
    }
}
