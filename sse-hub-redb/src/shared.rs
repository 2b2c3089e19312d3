//! State that the writer and all readers share: the open file, and its status.

use core::time::Duration;
use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use redb::{Database, ReadTransaction, ReadableDatabase as _};
use sse_hub::{BackendError, BackendErrorKind};
use tokio::{
    sync::{Semaphore, watch},
    task,
    time::sleep,
};

use crate::error::to_backend_error;

/// Maximum number of subscribers that read from the file at a time.
const MAX_CONCURRENT_READS: usize = 8;

/// Delay before a failed read is repeated.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// State of an open file.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Epoch of the file.
    pub(crate) epoch: u64,
    /// File. `None` while it is closed because of a failure.
    database: RwLock<Option<Database>>,
    status: watch::Sender<Status>,
    /// A read has failed, so the writer must open the file again.
    needs_reopen: AtomicBool,
    /// Limits the reads for single subscribers. Each takes a permit.
    read_permits: Arc<Semaphore>,
}

/// Status of the store.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    /// Sequence of the latest event that is stored. 0 if there was no event.
    pub(crate) latest: u64,
    /// Reason why the file is closed. `None` while it is open.
    pub(crate) failure: Option<BackendError>,
}

impl Shared {
    pub(crate) fn new(database: Database, epoch: u64, latest: u64) -> Self {
        let status = Status {
            latest,
            failure: None,
        };
        Self {
            epoch,
            database: RwLock::new(Some(database)),
            status: watch::Sender::new(status),
            needs_reopen: AtomicBool::new(false),
            read_permits: Arc::new(Semaphore::new(MAX_CONCURRENT_READS)),
        }
    }

    /// Returns a receiver of the status.
    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Returns the sequence of the latest event that is stored.
    pub(crate) fn latest(&self) -> u64 {
        self.status.borrow().latest
    }

    /// Returns the reason why the file is closed. `None` while it is open.
    pub(crate) fn failure(&self) -> Option<BackendError> {
        self.status.borrow().failure.clone()
    }

    /// Reads for a follower, at once.
    pub(crate) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, BackendError> {
        let shared = Arc::clone(self);
        on_blocking_thread(move || shared.read_now(read)).await
    }

    /// Reads for a subscriber when it is its turn. Repeats the read until it succeeds or is refused.
    pub(crate) async fn read_in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error> + Clone + Send + 'static,
    ) -> Result<T, BackendError> {
        loop {
            // The semaphore is never closed.
            let permit = Arc::clone(&self.read_permits).acquire_owned().await;
            let (shared, read) = (Arc::clone(self), read.clone());
            let result = on_blocking_thread(move || {
                // The read may take longer than the future that waits for it.
                let _permit = permit;
                shared.read_now(read)
            });
            match result.await {
                Err(error) if error.kind() == BackendErrorKind::Unavailable => {
                    tracing::debug!(%error, "read has failed and will be repeated");
                    self.wait_to_retry().await;
                }
                result => return result,
            }
        }
    }

    /// Waits before a failed read is repeated: until the file is open, or for a short time.
    pub(crate) async fn wait_to_retry(&self) {
        let mut status = self.status();
        if status.borrow_and_update().failure.is_none() {
            return sleep(RETRY_INTERVAL).await;
        }
        // The sender lives as long as this state.
        drop(status.wait_for(|status| status.failure.is_none()).await);
    }

    /// Reads in a transaction. Notes if the file has to be opened again.
    fn read_now<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, BackendError> {
        let transaction = {
            let database = self.database.read();
            // A panic cannot leave the option half changed.
            let database = database.unwrap_or_else(PoisonError::into_inner);
            match &*database {
                Some(database) => database.begin_read(),
                None => return Err(self.closed()),
            }
        };
        let result = match transaction {
            Ok(transaction) => read(&transaction),
            Err(error) => Err(error.into()),
        };
        result.map_err(|error| {
            // A transaction ends with this error if the writer closes the file meanwhile.
            let is_closed = matches!(error, redb::Error::DatabaseClosed);
            let error = to_backend_error("cannot read events", error);
            if error.kind() == BackendErrorKind::Unavailable && !is_closed {
                self.needs_reopen.store(true, Ordering::Relaxed);
            }
            error
        })
    }

    /// Returns the error of an operation while the file is closed.
    fn closed(&self) -> BackendError {
        let failure = self.failure();
        failure.unwrap_or_else(|| BackendError::new("file is closed"))
    }
}

/// Operations of the writer.
impl Shared {
    /// Begins a transaction that writes.
    pub(crate) fn begin_write(&self) -> Result<redb::WriteTransaction, redb::Error> {
        let database = self.database.read();
        let database = database.unwrap_or_else(PoisonError::into_inner);
        match &*database {
            Some(database) => Ok(database.begin_write()?),
            None => Err(redb::Error::DatabaseClosed),
        }
    }

    /// Returns whether a read has failed since the last call.
    pub(crate) fn take_needs_reopen(&self) -> bool {
        self.needs_reopen.swap(false, Ordering::Relaxed)
    }

    /// Notes that events up to this one are stored.
    pub(crate) fn stored(&self, latest: u64) {
        self.status.send_modify(|status| status.latest = latest);
    }

    /// Closes the file, for this reason.
    pub(crate) fn close(&self, reason: BackendError) {
        self.status
            .send_modify(|status| status.failure = Some(reason));
        let database = self.database.write();
        let database = database.unwrap_or_else(PoisonError::into_inner).take();
        let Some(Err(error)) = database.map(Database::close) else {
            return;
        };
        let error: &(dyn core::error::Error + 'static) = &error;
        tracing::debug!(error, "cannot close the file");
    }

    /// Continues with this file, which has been opened again.
    pub(crate) fn reopened(&self, database: Database, latest: u64) {
        let mut current = self
            .database
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Some(database);
        drop(current);
        self.status.send_modify(|status| {
            status.latest = latest;
            status.failure = None;
        });
    }
}

/// Runs a read on a thread that may block.
async fn on_blocking_thread<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, BackendError> + Send + 'static,
) -> Result<T, BackendError> {
    match task::spawn_blocking(read).await {
        Ok(result) => result,
        // redb may panic if the file was changed by something else.
        Err(error) => Err(BackendError::new("reading the file has failed")
            .with_kind(BackendErrorKind::Refused)
            .with_source(error)),
    }
}
