//! Server that attacks its clients.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::Result;

use super::answers::Answer;

/// Server that gives every request the same answer, as long as this process lives.
pub(super) struct Server {
    pub(super) port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(super) fn start(answer: Answer, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let connections = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&connections);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                counter.fetch_add(1, Ordering::Relaxed);
                // It fails when the client disconnects.
                thread::spawn(move || answer.write(connection, port, seed));
            }
        });
        Ok(Self { port, connections })
    }

    /// Returns the number of connections up to now.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}
