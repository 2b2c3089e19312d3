//! How far all are.

use core::fmt;
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::sleep;

use crate::count::Count;

/// What clients, publisher and servers say of themselves.
#[derive(Debug, Default)]
pub(super) struct Board {
    pub(super) events: u64,
    /// How many events nodes have in memory.
    pub(super) kept: u64,
    /// How many events are published.
    published: AtomicU64,
    /// How many each client has.
    clients: Vec<AtomicU64>,
    delivered: AtomicU64,
    /// What happened to connections.
    pub(super) connections: Count,
    pub(super) refused: Count,
    pub(super) left: Count,
    pub(super) ended: Count,
    pub(super) inside: Count,
    pub(super) lagged: Count,
    pub(super) late: Count,
    /// The longest that an event took to be published, in milliseconds.
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

    /// A client has seen events up to this one, so many at a time.
    pub(super) fn deliver(&self, client: usize, event: u64, count: u64) {
        self.clients[client].store(event, Relaxed);
        self.delivered.fetch_add(count, Relaxed);
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Relaxed)
    }

    /// How many events a client has.
    pub(super) fn mean(&self) -> u64 {
        self.delivered() / self.clients.len().max(1) as u64
    }

    /// Waits until something is so.
    pub(super) async fn wait_until(&self, mut condition: impl FnMut(&Self) -> bool) {
        while !condition(self) {
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The clients that do not have all.
    pub(super) fn behind(&self) -> String {
        let positions = self.clients.iter().map(|it| it.load(Relaxed)).enumerate();
        let behind: Vec<_> = positions.filter(|it| it.1 < self.events).collect();
        let few = &behind[..behind.len().min(10)];
        format!(
            "{} clients have not all; client and event: {few:?}",
            behind.len()
        )
    }

    /// What there was, at the end.
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
            "{} events to {} clients, none lost, none twice; {connections} connections, of which \
             {left} left by clients and {ended} ended by servers, {inside} inside of an event; \
             {refused} attempts in vain, {lagged} clients too slow, {late} away for more than {kept} \
             events; the slowest event took {slowest:?} ms to be published",
            self.delivered(),
            self.clients.len(),
        )
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let positions = self.clients.iter().map(|it| it.load(Relaxed));
        write!(
            f,
            "{} events published; clients have {} at least, {} on average; {} connections",
            self.published(),
            positions.min().unwrap_or_default(),
            self.mean(),
            self.connections,
        )
    }
}
