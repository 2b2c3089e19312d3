//! The programs `receive-…`: their main function, and the handle of such a process.
//!
//! Each library has its own program, so that no program contains the code of another library. For a line `receive` on
//! its standard input, a program receives one response on one thread and prints its tally. It ends at the end of the
//! input.
#![allow(
    clippy::print_stdout,
    reason = "the program that started it reads this"
)]

use std::{io, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use testkit::timeout::test_timeout;
use tokio::{runtime, time::timeout};

use crate::{clients::Client, machine, process::Process, program::Program, tally::Tally};

/// Client that receives on request.
#[derive(Debug)]
pub struct Receiver {
    program: Program,
}

impl Receiver {
    /// Starts the program on a core, from the folder of the programs. It sends no request yet.
    ///
    /// # Errors
    ///
    /// Returns an error if it does not start.
    pub fn start(folder: &Path, client: Client, uri: &str, core: Option<usize>) -> Result<Self> {
        let mut command = Command::new(folder.join(format!("receive-{client}")));
        let mut program = Program::start_on(core, command.args(["--uri", uri]))?;
        program.answer("ready")?;
        Ok(Self { program })
    }

    /// Returns the process of the program.
    pub fn process(&mut self) -> &mut Process {
        &mut self.program.process
    }

    /// Receives one response, and returns its tally.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no complete response.
    pub fn receive(&mut self) -> Result<Tally> {
        self.program.send("receive")?;
        Ok(Tally {
            events: self.program.answer("events")?,
            bytes: self.program.answer("bytes")?,
            checksum: self.program.answer("checksum")?,
        })
    }
}

/// Receives a stream.
#[derive(Debug, Parser)]
struct Arguments {
    /// URI of the stream.
    #[arg(long)]
    uri: String,
    /// Core of the client.
    #[arg(long)]
    core: Option<usize>,
}

/// Receives one response for each line of the standard input.
///
/// # Errors
///
/// Returns an error if there is no response, or if it does not end.
pub fn run(receive: impl AsyncFn(&str, &mut Tally) -> Result<()>) -> Result<()> {
    let Arguments { uri, core } = Arguments::parse();
    machine::pin_to_core(core)?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    println!("ready 1");
    for line in io::stdin().lines() {
        let line = line?;
        ensure!(line == "receive", "unknown command {line:?}");
        let mut tally = Tally::default();
        let received = runtime.block_on(async {
            let limit = test_timeout();
            let received = timeout(limit, receive(&uri, &mut tally)).await;
            received.with_context(|| format!("no end after {limit:?}"))
        });
        received??;
        println!("events {}", tally.events);
        println!("bytes {}", tally.bytes);
        println!("checksum {}", tally.checksum);
    }
    Ok(())
}
