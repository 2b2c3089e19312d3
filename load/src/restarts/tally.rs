//! What a client has seen.

use std::fmt;

use anyhow::{Context as _, Result, bail, ensure};
use sse_source::{Item, MessageEvent};

use super::numbered::Numbered;
use crate::number::number;

/// What the client has seen so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The number of the event that was seen last.
    pub(super) seen: u64,
    events: u64,
    /// With a stream.
    connections: u64,
    /// Attempts that gave none: no connection, no answer, or a status.
    in_vain: u64,
    is_open: bool,
    /// Events that had come before.
    again: u64,
    lost: u64,
}

impl Tally {
    /// Fails if it is not what was sent.
    pub(super) fn on_item(&mut self, item: &Item) -> Result<()> {
        match item {
            Item::Open(_) => {
                self.is_open = true;
                self.connections += 1;
            }
            Item::Event(event) => self.on_event(event)?,
            Item::Disconnected(_) => {
                self.in_vain += u64::from(!self.is_open);
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
        let sent = Numbered::new(number);
        let right = *event_type == sent.event_type && *data == sent.data;
        ensure!(right, "event {number} is {event_type:?}: {data:?}");
        self.events += 1;
        if number <= self.seen {
            self.again += 1;
        } else {
            self.lost += number - self.seen - 1;
            self.seen = number;
        }
        Ok(())
    }

    /// Fails unless these were all events, each once and in order.
    pub(super) fn is_whole(&self, events: u64) -> Result<()> {
        let whole = (events, events, 0, 0) == (self.seen, self.events, self.again, self.lost);
        ensure!(whole, "of {events} events: {self}");
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            events,
            connections,
            in_vain,
            again,
            lost,
            ..
        } = self;
        write!(
            f,
            "{connections} connections, {in_vain} attempts in vain; {events} events, {again} of them \
             again, {lost} lost"
        )
    }
}
