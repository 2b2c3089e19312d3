//! The program `subscribe` at work: subscribers in a process of their own, for one process may not
//! have enough files open for those of all servers.

use std::{path::Path, process::Command, time::Duration};

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
        Self::connect_with_stalled(path, port, count, 0)
    }

    /// The same, with this many more that never read, and do not count.
    ///
    /// # Errors
    ///
    /// If they cannot connect.
    pub fn connect_with_stalled(
        path: &Path,
        port: u16,
        count: usize,
        stalled: usize,
    ) -> Result<Self> {
        let [port, number, stalled] = [usize::from(port), count, stalled].map(|it| it.to_string());
        let arguments = ["--port", &port, "--count", &number, "--stalled", &stalled];
        let mut program = Program::start(Command::new(path).args(arguments))?;
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

    /// Tells them that each will get this many events, whose times count.
    ///
    /// # Errors
    ///
    /// If they are gone.
    pub fn expect_timed(&mut self, events: u64) -> Result<()> {
        self.program.tell(&format!("time {events}"))
    }

    /// Tells them when these events were published, once they have been received.
    ///
    /// # Errors
    ///
    /// If they are gone.
    pub fn were_published(&mut self, times: &[u64]) -> Result<()> {
        let times: Vec<String> = times.iter().map(u64::to_string).collect();
        self.program.tell(&times.join(" "))
    }

    /// What this share of all deliveries took at most, from being published to being read.
    ///
    /// # Errors
    ///
    /// If they are gone.
    pub fn latency(&mut self, percent: u64) -> Result<Duration> {
        self.program.tell(&format!("latency {percent}"))?;
        Ok(Duration::from_nanos(self.program.answer("latency")?))
    }
}
