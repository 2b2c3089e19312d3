//! What all connections share.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, Shutdown, TcpStream},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub(crate) struct Server {
    pub(crate) port: u16,
    pause: Mutex<Option<Duration>>,
    counts: Mutex<HashMap<String, Counts>>,
    open: Mutex<HashMap<u64, TcpStream>>,
}

/// What became of the requests with one key.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) preflights: u64,
    pub(crate) requests: u64,
    /// Answers that are under way.
    pub(crate) open: u64,
    /// Answers that the client did not wait for.
    pub(crate) cancelled: u64,
    /// Of streams, as far as they were written.
    pub(crate) bytes: u64,
}

impl Server {
    pub(crate) fn new(port: u16) -> Self {
        Self {
            port,
            pause: Mutex::default(),
            counts: Mutex::default(),
            open: Mutex::default(),
        }
    }

    /// Counts, and tells how it stands then.
    pub(crate) fn count(&self, key: &str, change: impl FnOnce(&mut Counts)) -> Counts {
        let mut counts = lock(&self.counts);
        let counts = counts.entry(key.to_owned()).or_default();
        change(counts);
        *counts
    }

    /// A connection that can be cut from now on.
    pub(crate) fn opened(&self, id: u64, connection: TcpStream) {
        lock(&self.open).insert(id, connection);
    }

    /// Whether it was not cut before.
    pub(crate) fn closed(&self, id: u64) -> bool {
        lock(&self.open).remove(&id).is_some()
    }

    pub(crate) fn cut_all(&self) {
        for (_, connection) in lock(&self.open).drain() {
            // It may be gone already.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Stops to listen.
    pub(crate) fn go_down(&self, pause: Duration) {
        lock(&self.pause).replace(pause);
        // Whoever accepts has to look.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }

    /// For how long it is to stop listening, once.
    pub(crate) fn pause(&self) -> Option<Duration> {
        lock(&self.pause).take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
