//! One of several servers of the same events.

use serde::Serialize;
use sse_hub::Hub;

/// Which of several servers this is. They stand on ports that follow each other.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// From 1 on.
    pub number: u16,
    /// How many there are.
    pub of: u16,
    /// The port of this one.
    pub port: u16,
}

/// The same for pages.
#[derive(Serialize)]
pub(crate) struct Shown {
    node: String,
    others: Vec<String>,
}

impl Node {
    /// Whether it is up to this one to publish the event of a tick, so that each publishes some of the
    /// feeds, and all of them have all.
    pub(crate) fn takes(&self, tick: u64) -> bool {
        let of = u64::from(self.of.max(1));
        tick % of + 1 == u64::from(self.number)
    }

    pub(crate) fn show(&self, hub: &Hub) -> Shown {
        let Self { number, of, .. } = self;
        let connected = if hub.is_connected() { "" } else { "not " };
        Shown {
            node: format!("Node {number} of {of}, {connected}connected to NATS"),
            others: self.others().collect(),
        }
    }

    /// Where the others are.
    fn others(&self) -> impl Iterator<Item = String> {
        let (this, first) = (self.number, self.port.saturating_sub(self.number - 1));
        let others = (1..=self.of).filter(move |number| *number != this);
        others.map(move |number| format!("http://127.0.0.1:{}/", first + number - 1))
    }
}
