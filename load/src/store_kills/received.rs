//! Events that a subscriber has received, which are checked one by one.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};
use testkit::hub_id::HubId;

use super::note::Note;

/// Events of one subscriber, from its first connection on.
#[derive(Debug)]
pub(super) struct Received {
    /// Topic of the subscriber. `None` for all topics.
    topic: Option<usize>,
    last_id: Option<HubId>,
    events: Vec<(u64, Note)>,
    /// Number of the last event of each publisher.
    last_numbers: HashMap<usize, usize>,
}

impl Received {
    pub(super) fn new(topic: Option<usize>) -> Self {
        Self {
            topic,
            last_id: None,
            events: Vec::new(),
            last_numbers: HashMap::new(),
        }
    }

    /// Adds an event. Returns an error if it is a duplicate or not the next one of its publisher.
    pub(super) fn add(&mut self, data: &str, id: &str) -> Result<()> {
        let note = Note::parse(data)?;
        let id = HubId::parse(id).with_context(|| format!("{note:?}"))?;
        let is_wanted = self.topic.is_none_or(|topic| topic == note.topic());
        ensure!(is_wanted, "{note:?} has another topic");
        if let Some(last) = &self.last_id {
            ensure!(id.is_after(last), "{note:?} with ID {id} follows ID {last}");
        }
        let last = self.last_numbers.insert(note.publisher, note.number);
        ensure!(
            last.is_none_or(|last| last < note.number),
            "{note:?} follows event {last:?} of the same publisher"
        );
        self.events.push((id.number(), note));
        self.last_id = Some(id);
        Ok(())
    }

    /// Takes a position from the hub, which also advances with events that this subscriber does not get.
    pub(super) fn move_to(&mut self, id: &str) -> Result<()> {
        let position = HubId::parse(id)?;
        if let Some(last) = &self.last_id {
            let is_valid = position == *last || position.is_after(last);
            ensure!(is_valid, "position {position} follows ID {last}");
        }
        self.last_id = Some(position);
        Ok(())
    }

    /// Returns the last event ID.
    pub(super) fn last_id(&self) -> Option<&HubId> {
        self.last_id.as_ref()
    }

    /// Returns the sequence of the last event, or 0.
    pub(super) fn last_sequence(&self) -> u64 {
        self.events.last().map_or(0, |(sequence, _)| *sequence)
    }

    /// Returns the sequences and the events.
    pub(super) fn events(&self) -> impl Iterator<Item = (u64, Note)> {
        self.events.iter().copied()
    }

    /// Checks that this subscriber has all events of its topic, of those that another subscriber has read from the file.
    pub(super) fn check(&self, stored: &Self) -> Result<()> {
        let expected = stored
            .events()
            .filter(|(_, note)| self.topic.is_none_or(|topic| topic == note.topic()));
        let mut events = self.events();
        for (sequence, note) in expected {
            let next = events.next();
            ensure!(
                next == Some((sequence, note)),
                "{note:?} has sequence {sequence} in the file, but the subscriber got {next:?}"
            );
        }
        let more = events.next();
        ensure!(
            more.is_none(),
            "the file does not have {more:?}, which a subscriber got"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(received: &mut Received, publisher: usize, number: usize, id: &str) -> Result<()> {
        received.add(&Note { publisher, number }.data(), id)
    }

    fn all() -> Received {
        let mut all = Received::new(None);
        for (publisher, number, id) in [(0, 0, "e-1"), (1, 0, "e-2"), (0, 2, "e-4")] {
            add(&mut all, publisher, number, id).expect("a new event");
        }
        all
    }

    #[test]
    fn duplicates_are_errors() {
        let mut all = all();
        assert!(add(&mut all, 1, 1, "e-4").is_err());
        assert!(add(&mut all, 1, 1, "f-5").is_err());
        assert!(all.move_to("e-3").is_err());
        assert!(add(&mut all, 0, 2, "e-5").is_err());
        assert!(add(&mut Received::new(Some(1)), 0, 0, "e-1").is_err());
    }

    #[test]
    fn missed_events_are_errors() {
        let mut one = Received::new(Some(0));
        add(&mut one, 0, 0, "e-1").expect("a new event");
        one.move_to("e-3").expect("a later position");
        assert!(one.check(&all()).is_err());
        add(&mut one, 0, 2, "e-4").expect("a new event");
        one.check(&all()).expect("all of its topic");
        add(&mut one, 0, 3, "e-5").expect("a new event");
        assert!(one.check(&all()).is_err());
    }
}
