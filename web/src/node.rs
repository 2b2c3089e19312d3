//! A demo server that is one of several nodes, which share their events.

use serde::Serialize;
use sse_hub::Hub;

/// The number of this server among several nodes, which use consecutive ports.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// The number of this node, starting with 1.
    pub number: u16,
    /// The number of nodes.
    pub count: u16,
    /// The port of this node.
    pub port: u16,
}

/// The description of the node for the page.
#[derive(Serialize)]
pub(crate) struct NodeInfo {
    node: String,
    others: Vec<String>,
}

impl Node {
    /// Returns whether this node publishes the event of a tick.
    ///
    /// Each node publishes a share of the feeds, and all nodes together publish all of them.
    pub(crate) fn publishes(&self, tick: u64) -> bool {
        let count = u64::from(self.count.max(1));
        tick % count + 1 == u64::from(self.number)
    }

    pub(crate) fn info(&self, hub: &Hub) -> NodeInfo {
        let Self { number, count, .. } = self;
        let connected = if hub.is_connected() { "" } else { "not " };
        NodeInfo {
            node: format!("Node {number} of {count}, {connected}connected to NATS"),
            others: self.others().collect(),
        }
    }

    /// Returns the URLs of the other nodes.
    fn others(&self) -> impl Iterator<Item = String> {
        let (this, first) = (self.number, self.port.saturating_sub(self.number - 1));
        let others = (1..=self.count).filter(move |number| *number != this);
        others.map(move |number| format!("http://127.0.0.1:{}/", first + number - 1))
    }
}
