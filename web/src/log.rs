//! The last few minutes of events, and all who follow them.

use std::{
    collections::VecDeque,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{Stream, StreamExt, stream};
use sse_hyper::{Event, EventId, EventType};
use tokio::sync::watch;

use crate::journal::Journal;

/// How many events are kept: five minutes, at four a second.
pub(crate) const KEPT: usize = 1200;

/// What a client that has seen nothing yet gets at once, so that its page is not empty.
const GREETING: u64 = 48;

/// The last few minutes of events, numbered from 1 without a gap, also over a restart.
#[derive(Debug)]
pub struct EventLog {
    kept: Mutex<Kept>,
    /// The ID of the newest event, for those who wait for the next.
    newest: watch::Sender<u64>,
}

#[derive(Debug)]
struct Kept {
    events: VecDeque<Event>,
    newest: u64,
    journal: Journal,
}

impl EventLog {
    /// Goes on with the events in this file, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let (journal, events) = Journal::open(path)?;
        let newest = events.back().and_then(number).unwrap_or(0);
        Ok(Self {
            kept: Mutex::new(Kept {
                events,
                newest,
                journal,
            }),
            newest: watch::Sender::new(newest),
        })
    }

    /// Gives an event the next ID, and it to all who follow.
    ///
    /// # Errors
    ///
    /// If it cannot be written to the file. Then nobody gets it.
    pub fn publish(&self, event_type: &'static str, data: String) -> io::Result<()> {
        let event_type = EventType::new(event_type).map_err(io::Error::other)?;
        let mut kept = self.kept();
        let id = kept.newest + 1;
        let event = Event::new(data)
            .with_type(event_type)
            .with_id(EventId::from(id));
        kept.journal.append(&event)?;
        kept.newest = id;
        if kept.events.len() == KEPT {
            kept.events.pop_front();
        }
        kept.events.push_back(event);
        drop(kept);
        self.newest.send_replace(id);
        Ok(())
    }

    /// The ID of the newest event, 0 if there is none yet.
    pub(crate) fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// All events after this one: those that are kept at once, then each as it is published.
    ///
    /// There is no joint between the two at which one could be lost or doubled: the only thing
    /// that a follower has is the number of the event that it has seen last.
    pub fn subscribe(
        self: Arc<Self>,
        last_event_id: Option<u64>,
    ) -> impl Stream<Item = Event> + Send + 'static {
        let newest = self.newest.subscribe();
        let seen = {
            let newest = self.newest();
            // A number that we have not given yet is of another log: as good as none.
            let known = last_event_id.filter(|id| *id <= newest);
            known.unwrap_or(newest.saturating_sub(GREETING))
        };
        stream::unfold((self, newest, seen), |(log, mut newest, seen)| async move {
            let now = *newest.wait_for(|newest| *newest > seen).await.ok()?;
            Some((stream::iter(log.after(seen, now)), (log, newest, now)))
        })
        .flatten()
    }

    /// The events with IDs greater than `seen`, up to `last`.
    fn after(&self, seen: u64, last: u64) -> Vec<Event> {
        let kept = self.kept();
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let wanted = count(kept.newest - seen).min(kept.events.len());
        let published_since = count(kept.newest - last);
        let events = kept.events.iter().skip(kept.events.len() - wanted);
        events
            .take(wanted - published_since.min(wanted))
            .cloned()
            .collect()
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number that an event of a log has as its ID.
#[expect(
    clippy::disallowed_methods,
    reason = "no one forges our own IDs with a sign"
)]
pub(crate) fn number(event: &Event) -> Option<u64> {
    event.last_event_id().parse().ok()
}
