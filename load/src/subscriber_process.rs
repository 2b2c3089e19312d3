//! Handle of the program `subscribe`. The subscribers of each server have their own process, because one process may
//! not have enough open files for all of them.

use std::{path::Path, process::Command, time::Duration};

use anyhow::Result;

use crate::{program::Program, subscribers::StreamRequest};

/// Process with the subscribers of one server.
#[derive(Debug)]
pub struct SubscriberProcess {
    program: Program,
    count: usize,
}

impl SubscriberProcess {
    /// Starts the process on the core of the caller, and waits until all subscribers are connected.
    ///
    /// # Errors
    ///
    /// Returns an error if a subscriber cannot connect.
    pub fn connect(path: &Path, port: u16, count: usize) -> Result<Self> {
        Self::connect_with_stalled(path, port, count, 0)
    }

    /// Starts the process with subscribers that send this request, and waits until all are connected.
    ///
    /// # Errors
    ///
    /// Returns an error if a subscriber cannot connect.
    pub fn connect_with(
        path: &Path,
        request: &StreamRequest,
        port: u16,
        count: usize,
    ) -> Result<Self> {
        Self::start(path, request, port, count, 0)
    }

    /// Starts the process with additional stalled subscribers, and waits until all are connected.
    ///
    /// Stalled subscribers never read, and [`count`](Self::count) does not include them.
    ///
    /// # Errors
    ///
    /// Returns an error if a subscriber cannot connect.
    pub fn connect_with_stalled(
        path: &Path,
        port: u16,
        count: usize,
        stalled: usize,
    ) -> Result<Self> {
        Self::start(path, &StreamRequest::default(), port, count, stalled)
    }

    fn start(
        path: &Path,
        request: &StreamRequest,
        port: u16,
        count: usize,
        stalled: usize,
    ) -> Result<Self> {
        let [port, number, stalled] =
            [usize::from(port), count, stalled].map(|value| value.to_string());
        let arguments = ["--port", &port, "--count", &number, "--stalled", &stalled];
        let mut command = Command::new(path);
        command.args(arguments).args(request.arguments());
        let mut program = Program::start(&mut command)?;
        program.answer("connected")?;
        Ok(Self { program, count })
    }

    /// Returns the number of subscribers that read.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Tells the process that each subscriber will get this number of events.
    ///
    /// # Errors
    ///
    /// Returns an error if the process has ended.
    pub fn expect(&mut self, events: u64) -> Result<()> {
        self.program.send(&format!("receive {events}"))
    }

    /// Waits until each subscriber has the expected events.
    ///
    /// # Errors
    ///
    /// Returns an error if a subscriber gets fewer or more events.
    pub fn have_received(&mut self) -> Result<()> {
        self.program.answer("received").map(drop)
    }

    /// Tells the process that each subscriber will get this number of events, whose latencies are measured.
    ///
    /// # Errors
    ///
    /// Returns an error if the process has ended.
    pub fn expect_timed(&mut self, events: u64) -> Result<()> {
        self.program.send(&format!("time {events}"))
    }

    /// Tells the process when the received events were published, in
    /// [`machine::nanoseconds`](crate::machine::nanoseconds).
    ///
    /// # Errors
    ///
    /// Returns an error if the process has ended.
    pub fn were_published(&mut self, times: &[u64]) -> Result<()> {
        let times: Vec<String> = times.iter().map(u64::to_string).collect();
        self.program.send(&times.join(" "))
    }

    /// Returns a percentile of the time from publishing an event to reading it.
    ///
    /// # Errors
    ///
    /// Returns an error if the process has ended.
    pub fn latency(&mut self, percent: u64) -> Result<Duration> {
        self.program.send(&format!("latency {percent}"))?;
        Ok(Duration::from_nanos(self.program.answer("latency")?))
    }
}
