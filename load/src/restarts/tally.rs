//! Statistics of the items that a client received.

use std::fmt;

use anyhow::{Context as _, Result, bail, ensure};
use sse_source::{Item, MessageEvent};

use super::sequenced::Sequenced;
use crate::program::number;

/// Items that the client received up to now.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Number of the last event.
    pub(super) seen: u64,
    events: u64,
    /// Connections with a stream.
    connections: u64,
    /// Attempts without a stream: no connection, no response, or an error status.
    failed: u64,
    is_open: bool,
    /// Events that were received before.
    duplicate: u64,
    lost: u64,
}

impl Tally {
    /// Adds an item. Returns an error if an event differs from the sent one.
    pub(super) fn on_item(&mut self, item: &Item) -> Result<()> {
        match item {
            Item::Open(_) => {
                self.is_open = true;
                self.connections += 1;
            }
            Item::Event(event) => self.on_event(event)?,
            Item::Disconnected(_) => {
                self.failed += u64::from(!self.is_open);
                self.is_open = false;
            }
            Item::TooLarge(error) => bail!("{error}"),
            _ => {}
        }
        Ok(())
    }

    fn on_event(&mut self, event: &MessageEvent<String>) -> Result<()> {
        let MessageEvent {
            event_type,
            data,
            last_event_id,
            ..
        } = event;
        let number = number(last_event_id).with_context(|| format!("ID {last_event_id:?}"))?;
        let sent = Sequenced::new(number);
        let right = *event_type == sent.event_type && *data == sent.data;
        ensure!(right, "event {number} is {event_type:?}: {data:?}");
        self.events += 1;
        if number <= self.seen {
            self.duplicate += 1;
        } else {
            self.lost += number - self.seen - 1;
            self.seen = number;
        }
        Ok(())
    }

    /// Checks that all events were received, each once and in order.
    pub(super) fn is_whole(&self, events: u64) -> Result<()> {
        let whole = (events, events, 0, 0) == (self.seen, self.events, self.duplicate, self.lost);
        ensure!(whole, "of {events} events: {self}");
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            events,
            connections,
            failed,
            duplicate,
            lost,
            ..
        } = self;
        write!(
            f,
            "{connections} connections, {failed} failed attempts; {events} events, \
             {duplicate} duplicate, {lost} lost"
        )
    }
}
