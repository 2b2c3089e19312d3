//! Follower: returns the latest events, and then each event when it is stored.

use std::{collections::VecDeque, sync::Arc};

use futures_core::Stream;
use futures_util::stream;
use sse_hub::{BackendError, TopicFilters, Update};
use tokio::sync::watch;

use crate::{
    query::{Batch, Query},
    shared::{Shared, Status},
};

/// Maximum number of events that are read at a time.
const MAX_BATCH_EVENTS: usize = 4096;

/// Number of bytes after which a read ends.
const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// Returns about this number of the latest events, and then each event when it is stored. The stream never ends.
pub(crate) fn follow(
    shared: Arc<Shared>,
    initial_events: usize,
) -> impl Stream<Item = Update> + Send {
    let follower = Follower {
        status: shared.status(),
        shared,
        initial_events,
        position: None,
        ready: VecDeque::new(),
        is_connected: false,
        last_reported: None,
    };
    stream::unfold(follower, |mut follower| async {
        let update = follower.next().await;
        Some((update, follower))
    })
}

struct Follower {
    shared: Arc<Shared>,
    status: watch::Receiver<Status>,
    initial_events: usize,
    /// All events up to this sequence were returned, or reported as truncated. `None` before the first read.
    position: Option<u64>,
    ready: VecDeque<Update>,
    /// [`Update::Connected`] was returned after the last failure.
    is_connected: bool,
    /// Last reported reason of a disconnection.
    last_reported: Option<BackendError>,
}

impl Follower {
    async fn next(&mut self) -> Update {
        loop {
            if let Some(update) = self.ready.pop_front() {
                return update;
            }
            let Status { latest, failure } = self.status.borrow_and_update().clone();
            if let Some(failure) = failure {
                self.disconnect(failure);
                self.wait_if_idle().await;
            } else if self.position.is_some_and(|position| position >= latest) {
                self.connect();
                self.wait_if_idle().await;
            } else {
                self.read(latest).await;
            }
        }
    }

    /// Waits for a change of the status, unless there is something to return.
    async fn wait_if_idle(&mut self) {
        if self.ready.is_empty() {
            // The sender lives as long as the shared state.
            drop(self.status.changed().await);
        }
    }

    /// Reads the next events, up to this one.
    async fn read(&mut self, latest: u64) {
        let initial_events = u64::try_from(self.initial_events).unwrap_or(u64::MAX);
        let after = self
            .position
            .unwrap_or_else(|| latest.saturating_sub(initial_events));
        if after >= latest {
            return self.emit(after, Batch::default());
        }
        let query = Query {
            after,
            through: latest,
            filters: TopicFilters::all(),
            max_events: MAX_BATCH_EVENTS,
            max_bytes: MAX_BATCH_BYTES,
        };
        match self
            .shared
            .read(move |transaction| query.run(transaction))
            .await
        {
            Ok(batch) => self.emit(after, batch),
            Err(error) => {
                self.disconnect(error);
                self.shared.wait_to_retry().await;
            }
        }
    }

    /// Returns the events after this sequence, and reports the truncated events before them.
    fn emit(&mut self, after: u64, batch: Batch) {
        let truncated = after.max(batch.first.saturating_sub(1));
        if truncated > self.position.unwrap_or(0) {
            self.ready.push_back(Update::Truncated(truncated));
        }
        self.position = Some(truncated.max(batch.through));
        self.ready
            .extend(batch.events.into_iter().map(Update::Event));
    }

    fn connect(&mut self) {
        if !self.is_connected {
            self.is_connected = true;
            self.last_reported = None;
            self.ready.push_back(Update::Connected);
        }
    }

    /// Reports the reason, unless it is the last reported one.
    fn disconnect(&mut self, error: BackendError) {
        self.is_connected = false;
        let last = self.last_reported.as_ref();
        if !last.is_some_and(|last| last.has_same_text(&error)) {
            self.last_reported = Some(error.clone());
            self.ready.push_back(Update::Disconnected(error));
        }
    }
}
