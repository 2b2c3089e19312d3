//! State that all connections share.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, Shutdown, TcpStream},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

pub(crate) struct Server {
    pub(crate) port: u16,
    pause: Mutex<Option<Duration>>,
    counts: Mutex<HashMap<String, Stats>>,
    open: Mutex<HashMap<u64, TcpStream>>,
}

/// Counts of the requests with one key.
#[derive(Clone, Copy, Default)]
pub(crate) struct Stats {
    pub(crate) preflights: u64,
    pub(crate) requests: u64,
    /// Number of responses that are being sent.
    pub(crate) open: u64,
    /// Number of responses that the client did not read to the end.
    pub(crate) cancelled: u64,
    /// Number of bytes of streams that were written.
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

    /// Changes the counts of a key and returns the new counts.
    pub(crate) fn count(&self, key: &str, change: impl FnOnce(&mut Stats)) -> Stats {
        let mut counts = lock(&self.counts);
        let counts = counts.entry(key.to_owned()).or_default();
        change(counts);
        *counts
    }

    /// Registers a connection, so that `cut_all` can cut it.
    pub(crate) fn opened(&self, id: u64, connection: TcpStream) {
        lock(&self.open).insert(id, connection);
    }

    /// Removes a connection. Returns whether `cut_all` has not cut it.
    pub(crate) fn closed(&self, id: u64) -> bool {
        lock(&self.open).remove(&id).is_some()
    }

    pub(crate) fn cut_all(&self) {
        for (_, connection) in lock(&self.open).drain() {
            // The connection may already be closed.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Stops listening for this time.
    pub(crate) fn go_down(&self, pause: Duration) {
        lock(&self.pause).replace(pause);
        // A connection wakes the accept loop, which then reads the pause.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }

    /// Takes the time for which the server has to stop listening, if any.
    pub(crate) fn pause(&self) -> Option<Duration> {
        lock(&self.pause).take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
