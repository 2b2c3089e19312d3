//! Ledger of all events: whether each was acknowledged, and with which sequence.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};
use testkit::hub_id::HubId;
use tokio::sync::watch;

use super::{
    note::{Note, TOPICS},
    received::Received,
};

/// Events of all publishers.
#[derive(Debug)]
pub(super) struct Ledger {
    entries: Mutex<Entries>,
    /// Number of acknowledged events.
    acknowledged: watch::Sender<u64>,
    /// Number of events that were sent and have no result yet.
    in_flight: watch::Sender<usize>,
}

#[derive(Debug)]
struct Entries {
    /// Sequence of each event of each publisher. `None` if it is not acknowledged.
    sequences: Vec<Vec<Option<u64>>>,
    /// Latest acknowledged sequence of each topic.
    latest: [u64; TOPICS],
    /// An acknowledged ID. All IDs have the same epoch.
    id: Option<HubId>,
}

impl Ledger {
    pub(super) fn new(publishers: usize) -> Self {
        Self {
            entries: Mutex::new(Entries {
                sequences: vec![Vec::new(); publishers],
                latest: [0; TOPICS],
                id: None,
            }),
            acknowledged: watch::Sender::new(0),
            in_flight: watch::Sender::new(0),
        }
    }

    /// Adds the next event of a publisher, before it is sent.
    pub(super) fn add(&self, publisher: usize) -> Note {
        let mut entries = self.entries();
        let sequences = &mut entries.sequences[publisher];
        sequences.push(None);
        let number = sequences.len() - 1;
        drop(entries);
        self.in_flight.send_modify(|count| *count += 1);
        Note { publisher, number }
    }

    /// Records that the hub has acknowledged an event.
    pub(super) fn acknowledge(&self, note: Note, id: HubId) -> Result<()> {
        let mut entries = self.entries();
        if let Some(other) = &entries.id {
            let has_same_epoch = id.is_after(other) || other.is_after(&id);
            ensure!(
                has_same_epoch,
                "{note:?} has the ID {id}, another event has {other}"
            );
        }
        let sequence = id.number();
        let latest = &mut entries.latest[note.topic()];
        *latest = sequence.max(*latest);
        entries.sequences[note.publisher][note.number] = Some(sequence);
        entries.id = Some(id);
        drop(entries);
        self.finish();
        self.acknowledged.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Records that the response to an event was cut.
    pub(super) fn finish(&self) {
        self.in_flight.send_modify(|count| *count -= 1);
    }

    /// Returns the number of acknowledged events, whose changes can be awaited.
    pub(super) fn acknowledged(&self) -> watch::Receiver<u64> {
        self.acknowledged.subscribe()
    }

    /// Returns the number of events without a result, whose changes can be awaited.
    pub(super) fn in_flight(&self) -> watch::Receiver<usize> {
        self.in_flight.subscribe()
    }

    /// Returns the latest acknowledged sequence of this topic, or of all topics.
    pub(super) fn latest(&self, topic: Option<usize>) -> u64 {
        let latest = self.entries().latest;
        match topic {
            Some(topic) => latest[topic],
            None => latest.into_iter().max().unwrap_or(0),
        }
    }

    /// Checks all events that a subscriber to all topics has received from the start up to this sequence:
    ///
    /// - Each event was sent. If it was acknowledged, it has the acknowledged sequence.
    /// - No acknowledged event is missing.
    /// - No sequence is missing.
    ///
    /// Returns the number of received events that were not acknowledged.
    pub(super) fn check(&self, received: &Received, through: u64) -> Result<u64> {
        let entries = self.entries();
        let mut missing = entries.sequences.clone();
        let mut unacknowledged = 0;
        for (index, (sequence, note)) in (1..).zip(received.events()) {
            ensure!(
                sequence == index,
                "the event after sequence {} has sequence {sequence}: {note:?}",
                index - 1
            );
            let entry = missing
                .get_mut(note.publisher)
                .and_then(|numbers| numbers.get_mut(note.number));
            let entry = entry.with_context(|| format!("nothing has sent {note:?}"))?;
            match entry.take() {
                Some(acknowledged) => ensure!(
                    acknowledged == sequence,
                    "{note:?} has sequence {sequence}, but was acknowledged with {acknowledged}"
                ),
                None => unacknowledged += 1,
            }
        }
        for (publisher, numbers) in missing.iter().enumerate() {
            for (number, entry) in numbers.iter().enumerate() {
                if let Some(sequence) = entry.filter(|sequence| *sequence <= through) {
                    let note = Note { publisher, number };
                    let last = received.last_sequence();
                    bail!(
                        "lost {note:?}, which was acknowledged with sequence {sequence}; the last received one is {last}"
                    );
                }
            }
        }
        Ok(unacknowledged)
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Acknowledges or cuts an event of each publisher, and returns the ledger.
    fn ledger(acknowledged: [Option<&str>; 3]) -> Ledger {
        let ledger = Ledger::new(3);
        for (publisher, id) in acknowledged.into_iter().enumerate() {
            let note = ledger.add(publisher);
            match id {
                Some(id) => {
                    let id = HubId::parse(id).expect("an ID");
                    ledger.acknowledge(note, id).expect("the same epoch");
                }
                None => ledger.finish(),
            }
        }
        ledger
    }

    fn received(publishers: &[(usize, &str)]) -> Received {
        let mut received = Received::new(None);
        for (publisher, id) in publishers {
            let note = Note {
                publisher: *publisher,
                number: 0,
            };
            received.add(&note.data(), id).expect("a new event");
        }
        received
    }

    #[test]
    fn acknowledged_events_must_be_received_with_their_sequences() {
        let ledger = ledger([Some("e-2"), None, Some("e-1")]);
        assert_eq!(*ledger.in_flight().borrow(), 0);
        assert_eq!(*ledger.acknowledged().borrow(), 2);
        assert_eq!(ledger.latest(None), 2);
        let all = received(&[(2, "e-1"), (0, "e-2")]);
        assert_eq!(ledger.check(&all, 2).expect("all"), 0);
        let with_cut = received(&[(2, "e-1"), (0, "e-2"), (1, "e-3")]);
        assert_eq!(ledger.check(&with_cut, 2).expect("all"), 1);
        for (wrong, expected) in [
            (vec![(2, "e-1")], "lost"),
            (vec![(0, "e-1"), (2, "e-2")], "acknowledged with 2"),
            (vec![(2, "e-1"), (0, "e-3")], "has sequence 3"),
            (vec![(2, "e-1"), (0, "e-2"), (4, "e-3")], "nothing has sent"),
        ] {
            let error = ledger.check(&received(&wrong), 2).expect_err("a fault");
            assert!(format!("{error:#}").contains(expected), "{error:#}");
        }
        let first = received(&[(2, "e-1")]);
        assert_eq!(ledger.check(&first, 1).expect("the first"), 0);
    }

    #[test]
    fn another_epoch_is_an_error() {
        let ledger = ledger([Some("e-1"), None, None]);
        let note = ledger.add(0);
        let id = HubId::parse("f-2").expect("an ID");
        assert!(ledger.acknowledge(note, id).is_err());
    }
}
