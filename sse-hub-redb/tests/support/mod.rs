//! Helpers for tests with stores in temporary folders.
#![allow(dead_code, reason = "not every test uses all helpers")]

use std::{
    error::Error,
    io::{Write as _, stdout},
    iter,
    ops::Range,
    path::{Path, PathBuf},
};

use futures_util::{Stream, StreamExt as _};
use sse_hub::{Backend as _, Event, Publication, Replayed, Topic, TopicFilters, Update};
use sse_hub_redb::{RedbConfig, RedbStore};
use tempfile::TempDir;
pub(crate) use testkit::timeout::test_timeout;
use tokio::time::timeout;

/// Folder with the file of a store, which is deleted with this value.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns the path of the file.
    pub(crate) fn file(&self) -> PathBuf {
        self.path().join("events.redb")
    }

    /// Opens the store.
    pub(crate) fn open(&self, config: RedbConfig) -> RedbStore {
        RedbStore::open(self.file(), config).unwrap()
    }
}

/// Creates a configuration without limits, and with a long timeout, so that a slow machine does not break the test.
pub(crate) fn unlimited() -> RedbConfig {
    RedbConfig::new()
        .max_events(None)
        .max_bytes(None)
        .publish_timeout(test_timeout())
}

/// Creates a publication with the topic `news`.
pub(crate) fn news(data: impl Into<String>) -> Publication {
    Publication::new(Topic::new("news").unwrap(), Event::new(data))
}

/// Publishes an event for each number, one after the other.
pub(crate) async fn publish(store: &RedbStore, range: Range<u64>) -> Vec<u64> {
    let mut sequences = Vec::new();
    for number in range {
        sequences.push(store.publish(&news(number.to_string())).await.unwrap());
    }
    sequences
}

/// Returns sequences and data of the events after `after`, up to `through`, and whether they are truncated.
pub(crate) async fn replay(
    store: &RedbStore,
    after: u64,
    through: u64,
    filters: &TopicFilters,
) -> (Vec<(u64, String)>, bool) {
    let mut replayed = store.replay(after, through, filters);
    let mut events = Vec::new();
    while let Some(next) = timeout(test_timeout(), replayed.next()).await.unwrap() {
        match next {
            Replayed::Event(event) => {
                events.push((event.sequence, event.publication.event.data().to_owned()));
            }
            Replayed::Truncated => return (events, true),
            other => panic!("{other:?}"),
        }
    }
    (events, false)
}

/// Returns sequences and data of all kept events.
pub(crate) async fn all(store: &RedbStore) -> Vec<(u64, String)> {
    loop {
        let latest = store.latest_sequence().await.unwrap();
        let earliest = store.earliest_sequence().await.unwrap();
        let filters = TopicFilters::all();
        let replayed = replay(store, earliest - 1, latest, &filters);
        // Otherwise, more events were removed meanwhile.
        if let (events, false) = replayed.await {
            return events;
        }
    }
}

/// Waits for the next update of a follower.
pub(crate) async fn next(updates: &mut (impl Stream<Item = Update> + Unpin)) -> Update {
    let update = timeout(test_timeout(), updates.next()).await;
    update
        .expect("an update before the timeout")
        .expect("stream of updates does not end")
}

/// Returns the kind of an update and its sequence, or 0.
pub(crate) fn short(update: &Update) -> (&'static str, u64) {
    match update {
        Update::Event(event) => ("event", event.sequence),
        Update::Truncated(sequence) => ("truncated", *sequence),
        Update::Disconnected(_) => ("disconnected", 0),
        Update::Connected => ("connected", 0),
        other => panic!("{other:?}"),
    }
}

/// Returns the next updates of a follower in short.
pub(crate) async fn take(
    updates: &mut (impl Stream<Item = Update> + Unpin),
    count: usize,
) -> Vec<(&'static str, u64)> {
    let mut taken = Vec::new();
    while taken.len() < count {
        taken.push(short(&next(updates).await));
    }
    taken
}

/// Writes a line to the parent of this process, at once.
pub(crate) fn print_line(line: &str) {
    let mut output = stdout().lock();
    output.write_all(format!("{line}\n").as_bytes()).unwrap();
    output.flush().unwrap();
}

/// Returns the text of an error with all its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |&error| error.source());
    let texts = causes.map(|cause| format!(": {cause}"));
    iter::once(error.to_string()).chain(texts).collect()
}
