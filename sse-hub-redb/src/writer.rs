//! Writer: the thread that stores all events that wait, in one transaction after the other.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use sse_hub::BackendError;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{
    RedbConfig,
    error::to_backend_error,
    file::{self, BYTES_NAME, EVENTS, IDS, Kept, LATEST_NAME, STATE},
    retention::Slice,
    shared::Shared,
};

/// Maximum number of events in a transaction.
const MAX_BATCH_EVENTS: usize = 4096;

/// Number of bytes after which a transaction gets no more events.
const MAX_BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Interval in which the writer looks for events that are too old, and for failed reads.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Delay before the first attempt to open the file again. It doubles with each failure.
const MIN_REOPEN_DELAY: Duration = Duration::from_millis(100);

/// Maximum delay before an attempt to open the file again.
const MAX_REOPEN_DELAY: Duration = Duration::from_secs(5);

/// Command for the writer.
pub(crate) enum Command {
    /// Stores this event.
    Store(Waiting),
    /// Ends the thread. The sender is dropped when the file is closed.
    Close(oneshot::Sender<()>),
}

/// Event that waits to be stored.
pub(crate) struct Waiting {
    pub(crate) record: Vec<u8>,
    /// ID that the publisher has set.
    pub(crate) id: Option<String>,
    /// Takes the sequence of the event.
    pub(crate) result: oneshot::Sender<Result<u64, BackendError>>,
    /// Memory of the event in the queue.
    pub(crate) _memory: OwnedSemaphorePermit,
}

/// State of the thread.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    path: PathBuf,
    config: RedbConfig,
    kept: Kept,
    /// Next attempt to open the file again. `None` while it is open.
    reopen_at: Option<Instant>,
    reopen_delay: Duration,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, path: PathBuf, config: RedbConfig, kept: Kept) -> Self {
        Self {
            shared,
            path,
            config,
            kept,
            reopen_at: None,
            reopen_delay: MIN_REOPEN_DELAY,
        }
    }

    /// Stores events until the store is closed.
    pub(crate) fn run(mut self, queue: &Receiver<Command>) {
        let closing = loop {
            let (batch, closing) = self.next_batch(queue);
            self.step(batch);
            if closing.is_some() {
                break closing;
            }
        };
        drop(self);
        drop(closing);
    }

    /// Waits for events, or until there is something else to do.
    fn next_batch(&self, queue: &Receiver<Command>) -> (Vec<Waiting>, Option<oneshot::Sender<()>>) {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let mut command = match self.wait_limit() {
            Duration::ZERO => queue.try_recv().ok(),
            limit => match queue.recv_timeout(limit) {
                Ok(command) => Some(command),
                Err(RecvTimeoutError::Timeout) => None,
                // The store sends `Close` before it drops the sender.
                Err(RecvTimeoutError::Disconnected) => return (batch, Some(oneshot::channel().0)),
            },
        };
        while let Some(next) = command {
            match next {
                Command::Store(waiting) => {
                    bytes += waiting.record.len();
                    batch.push(waiting);
                }
                Command::Close(closing) => return (batch, Some(closing)),
            }
            if batch.len() >= MAX_BATCH_EVENTS || bytes >= MAX_BATCH_BYTES {
                break;
            }
            command = queue.try_recv().ok();
        }
        (batch, None)
    }

    /// Returns how long the writer may wait for events.
    fn wait_limit(&self) -> Duration {
        match self.reopen_at {
            Some(at) => at
                .saturating_duration_since(Instant::now())
                .min(CHECK_INTERVAL),
            None if self.config.is_over(&self.kept) => Duration::ZERO,
            None => CHECK_INTERVAL,
        }
    }

    /// Stores these events, and does what else is due.
    fn step(&mut self, batch: Vec<Waiting>) {
        if self.reopen_at.is_none() && self.shared.take_needs_reopen() {
            self.fail(BackendError::new("reading the file has failed"));
        }
        if self.reopen_at.is_some_and(|at| at <= Instant::now()) {
            self.reopen();
        }
        if let Some(failure) = self.shared.failure() {
            return answer(batch, |_| Err(failure.clone()));
        }
        if batch.is_empty() && !self.config.is_over(&self.kept) {
            return;
        }
        match self.store(&batch) {
            Ok(kept) => {
                let first = self.kept.latest + 1;
                self.kept = kept;
                if !batch.is_empty() {
                    self.reopen_delay = MIN_REOPEN_DELAY;
                    self.shared.stored(kept.latest);
                }
                answer(batch, |index| Ok(first + index));
            }
            Err(error) => {
                let error = to_backend_error("cannot store events", error);
                self.fail(error.clone());
                answer(batch, |_| Err(error.clone()));
            }
        }
    }

    /// Stores these events and removes old ones, in one transaction. Returns the new measures.
    fn store(&self, batch: &[Waiting]) -> Result<Kept, redb::Error> {
        let mut kept = self.kept;
        let bytes: u64 = batch
            .iter()
            .map(|waiting| waiting.record.len() as u64)
            .sum();
        let mut transaction = self.shared.begin_write()?;
        transaction.set_quick_repair(self.config.fast_recovery);
        {
            let mut events = transaction.open_table(EVENTS)?;
            let mut ids = transaction.open_table(IDS)?;
            for waiting in batch {
                kept.latest += 1;
                events.insert(kept.latest, &*waiting.record)?;
                if let Some(id) = &waiting.id {
                    ids.insert((&**id, kept.latest), ())?;
                }
            }
            kept.add(&events, batch.len() as u64, bytes)?;
            let slice = Slice::after_adding(batch.len() as u64, bytes);
            self.config.trim(&mut events, &mut ids, &mut kept, slice)?;
            let mut state = transaction.open_table(STATE)?;
            state.insert(LATEST_NAME, kept.latest)?;
            state.insert(BYTES_NAME, kept.bytes)?;
        }
        transaction.commit()?;
        Ok(kept)
    }

    /// Closes the file after a failure, until it can be opened again.
    fn fail(&mut self, reason: BackendError) {
        let error: &(dyn core::error::Error + 'static) = &reason;
        tracing::error!(path = ?self.path, error, "store has failed and will be opened again");
        self.shared.close(reason);
        self.reopen_at = Some(Instant::now() + self.reopen_delay);
        self.reopen_delay = (self.reopen_delay * 2).min(MAX_REOPEN_DELAY);
    }

    fn reopen(&mut self) {
        match file::reopen(&self.path, &self.config, self.shared.epoch) {
            Ok(opened) => {
                self.kept = Kept {
                    // A sequence is never used again, even if a disk has lost what it had confirmed.
                    latest: opened.kept.latest.max(self.shared.latest()),
                    ..opened.kept
                };
                self.reopen_at = None;
                self.shared.take_needs_reopen();
                self.shared.reopened(opened.database, self.kept.latest);
                tracing::info!(path = ?self.path, "store is open again");
            }
            Err(error) => self.fail(error.into()),
        }
    }
}

impl Drop for Writer {
    /// Closes the file, also after a panic.
    fn drop(&mut self) {
        let reason = match thread::panicking() {
            true => "the thread of the store has panicked",
            false => "store is closed",
        };
        self.shared.close(BackendError::new(reason));
    }
}

/// Answers all publishers, each with the result for its index in the batch.
fn answer(batch: Vec<Waiting>, result: impl Fn(u64) -> Result<u64, BackendError>) {
    for (index, waiting) in (0..).zip(batch) {
        // The publisher may have stopped waiting.
        drop(waiting.result.send(result(index)));
    }
}

#[cfg(test)]
mod tests {
    use sse_hub::{Event, Publication, Topic};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::record;

    /// Returns events with this number of bytes.
    fn batch(events: usize, bytes: usize) -> Vec<Waiting> {
        let memory = Arc::new(Semaphore::new(events));
        let event = Event::new("x".repeat(bytes));
        let publication = Publication::new(Topic::new("t").unwrap(), event);
        let waiting = || Waiting {
            record: record::encode(&publication, 1).unwrap(),
            id: None,
            result: oneshot::channel().0,
            _memory: Arc::clone(&memory).try_acquire_owned().unwrap(),
        };
        (0..events).map(|_| waiting()).collect()
    }

    #[test]
    fn a_lowered_limit_removes_events_in_slices() {
        for (limit, bytes, events, removed) in [
            (RedbConfig::new().max_events(2), 1, 3000, [1024, 1024, 950]),
            // 4 MiB of events, and one more that exceeds them.
            (RedbConfig::new().max_bytes(1), 1 << 20, 12, [4, 4, 3]),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("events.redb");
            let opened = file::open_or_create(&path, &RedbConfig::new()).unwrap();
            let shared = Arc::new(Shared::new(opened.database, opened.epoch, 0));
            let mut writer = Writer::new(shared, path, RedbConfig::new(), opened.kept);
            writer.kept = writer.store(&batch(events, bytes)).unwrap();
            writer.config = limit;
            let mut left = events as u64;
            for removed in removed {
                assert!(writer.config.is_over(&writer.kept));
                writer.kept = writer.store(&[]).unwrap();
                left -= removed;
                assert_eq!(writer.kept.events, left);
            }
            assert!(!writer.config.is_over(&writer.kept));
            assert_eq!(writer.kept.latest, events as u64);
            // A batch removes more events than it adds.
            writer.config = RedbConfig::new();
            writer.kept = writer.store(&batch(3000, 1)).unwrap();
            writer.config = RedbConfig::new().max_events(1);
            writer.kept = writer.store(&batch(100, 1)).unwrap();
            assert_eq!(writer.kept.events, left + 3100 - 1224);
        }
    }
}
