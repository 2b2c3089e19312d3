//! Shared progress of clients, publisher and servers.

use core::fmt;
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::sleep;

use crate::soak::counts::Count;

/// Progress of clients, publisher and servers.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// Number of events in total.
    pub(super) events: u64,
    /// Number of events that a node keeps in memory.
    pub(super) kept: u64,
    /// Number of published events.
    published: AtomicU64,
    /// Number of the last event of each client.
    clients: Vec<AtomicU64>,
    /// Number of events that all clients received together.
    delivered: AtomicU64,
    /// Connections with a response.
    pub(super) connections: Count,
    /// Attempts without a response.
    pub(super) refused: Count,
    /// Connections that a client ended.
    pub(super) left: Count,
    /// Connections that a server ended.
    pub(super) ended: Count,
    /// Connections that ended inside an event.
    pub(super) inside: Count,
    /// `lagged` events.
    pub(super) lagged: Count,
    /// Long pauses of clients.
    pub(super) late: Count,
    /// Longest time to publish an event, in milliseconds.
    pub(super) slowest: AtomicU64,
}

impl Board {
    pub(super) fn new(clients: usize, events: u64, kept: u64) -> Self {
        Self {
            events,
            kept,
            clients: (0..clients).map(|_| AtomicU64::default()).collect(),
            ..Self::default()
        }
    }

    pub(super) fn publish(&self, event: u64, time: Duration) {
        self.published.store(event, Relaxed);
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.slowest.fetch_max(milliseconds, Relaxed);
    }

    pub(super) fn published(&self) -> u64 {
        self.published.load(Relaxed)
    }

    /// Records that a client received `count` events, of which this is the last.
    pub(super) fn deliver(&self, client: usize, event: u64, count: u64) {
        self.clients[client].store(event, Relaxed);
        self.delivered.fetch_add(count, Relaxed);
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Relaxed)
    }

    /// Returns the mean number of events of a client.
    pub(super) fn mean(&self) -> u64 {
        self.delivered() / self.clients.len().max(1) as u64
    }

    /// Waits until the condition holds.
    pub(super) async fn wait_until(&self, mut condition: impl FnMut(&Self) -> bool) {
        while !condition(self) {
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Returns a text about the clients that do not have all events.
    pub(super) fn behind(&self) -> String {
        let positions = self
            .clients
            .iter()
            .map(|position| position.load(Relaxed))
            .enumerate();
        let behind: Vec<_> = positions.filter(|client| client.1 < self.events).collect();
        let few = &behind[..behind.len().min(10)];
        format!(
            "{} clients do not have all events; client and last event: {few:?}",
            behind.len()
        )
    }

    /// Returns the final statistics.
    pub(super) fn summary(&self) -> String {
        let Self {
            kept,
            connections,
            refused,
            left,
            ended,
            inside,
            lagged,
            late,
            slowest,
            ..
        } = self;
        format!(
            "{} events to {} clients, 0 lost, 0 duplicate; {connections} connections: {left} closed \
             by clients, {ended} by servers, {inside} inside an event; {refused} failed attempts, \
             {lagged} clients too slow, {late} absences of more than {kept} events; slowest publish: \
             {slowest:?} ms",
            self.delivered(),
            self.clients.len(),
        )
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let positions = self.clients.iter().map(|position| position.load(Relaxed));
        write!(
            f,
            "{} events published; clients have at least {}, on average {}; {} connections",
            self.published(),
            positions.min().unwrap_or_default(),
            self.mean(),
            self.connections,
        )
    }
}
