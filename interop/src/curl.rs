//! curl, as a client that reads an event stream as it arrives.

use std::{
    io::{self, Read},
    process::{ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use testkit::{Item, contract};

use crate::process::{self, Process};

/// Options for HTTP/1.1.
pub const HTTP_1: &[&str] = &["--http1.1"];

/// Options for HTTP/2 with prior knowledge.
pub const HTTP_2: &[&str] = &["--http2-prior-knowledge"];

/// Client that reads one event stream. It leaves when this value is dropped.
#[derive(Debug)]
pub struct Curl {
    process: Process,
    body: ChildStdout,
}

impl Curl {
    /// Requests an event stream with these options of curl.
    pub fn start(url: &str, options: &[&str]) -> Result<Self> {
        let mut command = command(url, options);
        let mut process = Process::start(command.stdout(Stdio::piped()))?;
        let body = process.take_stdout().context("the output of curl")?;
        Ok(Self { process, body })
    }

    /// Waits until the first bytes of the stream have arrived.
    pub fn wait_until_open(&mut self) -> Result<()> {
        self.read_until(|bytes| !bytes.is_empty()).map(drop)
    }

    /// Reads until the first event is complete.
    pub fn read_first_event(&mut self) -> Result<()> {
        self.read_events(1).map(drop)
    }

    /// Reads until this number of events is complete, and returns all events that have arrived.
    pub fn read_events(&mut self, count: usize) -> Result<Vec<Item>> {
        let bytes = self.read_until(|bytes| contract::events(bytes).len() >= count)?;
        Ok(contract::events(&bytes))
    }

    /// Reads until the function returns true for the bytes that have arrived, and returns them.
    pub fn read_until(&mut self, is_complete: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>> {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        while !is_complete(&bytes) {
            let read = self.read(&mut buffer)?;
            ensure!(read > 0, "the stream ended after {} bytes", bytes.len());
            bytes.extend_from_slice(&buffer[..read]);
        }
        Ok(bytes)
    }

    /// Returns whether the stream is open.
    pub fn is_open(&mut self) -> Result<bool> {
        self.process.is_running()
    }
}

impl Read for Curl {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer)
    }
}

/// Requests an event stream that ends, and returns the head of the response in lower case, and the body.
pub fn response(url: &str, options: &[&str]) -> Result<(String, Vec<u8>)> {
    let mut command = command(url, options);
    let response = process::output(command.arg("--include"))?;
    let end = response.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let (head, body) = response.split_at(end.context("no head")? + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    Ok((head, body.to_vec()))
}

fn command(url: &str, options: &[&str]) -> Command {
    let mut command = Command::new("curl");
    command.args(["-sSN", "--fail", "--noproxy", "*"]);
    // `EventSource` sends it too.
    command.args(["--header", "Accept: text/event-stream"]);
    command.args(options).arg(url);
    command
}
