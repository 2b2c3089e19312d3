//! The program `subscribe` at work: subscribers in a process of their own, for one process may not
//! have enough files open for those of all servers.

use std::path::Path;

use anyhow::Result;

use crate::program::Program;

/// Subscribers of one server.
#[derive(Debug)]
pub struct Crowd {
    program: Program,
    count: usize,
}

impl Crowd {
    /// Starts it, on the core of whoever starts it, and waits until all are connected.
    ///
    /// # Errors
    ///
    /// If they cannot connect.
    pub fn connect(path: &Path, port: u16, count: usize) -> Result<Self> {
        let [port, number] = [usize::from(port), count].map(|it| it.to_string());
        let mut program = Program::start(path, &["--port", &port, "--count", &number])?;
        program.answer("connected")?;
        Ok(Self { program, count })
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Tells them that each will get this many events.
    ///
    /// # Errors
    ///
    /// If they are gone.
    pub fn expect(&mut self, events: u64) -> Result<()> {
        self.program.tell(&format!("receive {events}"))
    }

    /// Waits until each has the events that it was to expect.
    ///
    /// # Errors
    ///
    /// If one of them has not, or has more.
    pub fn have_received(&mut self) -> Result<()> {
        self.program.answer("received").map(drop)
    }
}
