//! Clients that come, stall, leave and resume for hours, against the contract server on hyper.
//!
//! - `script.rs`: what a stream must hold, event by event; `stream.rs`: reading one, out of
//!   `chunked.rs`, and strictly.
//! - `visit.rs`: what a client does, by a seed; `counts.rs`: how often that was.
//! - `memory.rs`: whether the server grows.
//!
//! It fails by the first event that is not whole or not the next one, by anything that the server
//! writes to its standard error, by streams that stay when all clients have left, and by memory
//! that grows.

pub(crate) mod chunked;
mod counts;
mod memory;
mod script;
mod stream;
mod visit;

use std::{
    io::Write,
    net::Ipv4Addr,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use fastrand::Rng;
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::process::{Process, built};
use counts::Counts;
use memory::Memory;

/// How often a line is printed, in seconds.
const LINE: u64 = 10;

/// Checks a server for as long as it takes.
#[derive(Clone, Copy, Debug, Parser)]
pub struct Options {
    /// How many seconds clients come.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// How many there are at a time.
    #[arg(long, default_value_t = 200)]
    pub clients: u64,
    /// What decides all that is by chance.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Starts the server, lets the clients at it, and says how it went.
///
/// # Errors
///
/// If anything is not as it has to be.
pub async fn run(options: Options, out: &mut impl Write) -> Result<()> {
    let Options {
        seconds,
        clients,
        seed,
    } = options;
    writeln!(out, "{clients} clients for {seconds} s, seed {seed}")?;
    let (mut server, port) = start().await?;
    let counts = Arc::<Counts>::default();
    let mut visitors = JoinSet::new();
    for number in 0..clients {
        let rng = Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(number));
        visitors.spawn(visit::all(port, rng, Arc::clone(&counts)));
    }

    let begin = Instant::now();
    let mut memory = Memory::default();
    for second in 1..=seconds {
        tokio::select! {
            () = tokio::time::sleep_until(begin + Duration::from_secs(second)) => {}
            Some(ended) = visitors.join_next() => bail!(failure(ended)),
        }
        server.is_well().context("the server")?;
        memory.sample(server.memory()?.now);
        if second % LINE == 0 || second == seconds {
            let open = active(port).await?;
            writeln!(out, "{second:>5} s: {open} open; {counts}; {memory}")?;
        }
    }

    // All leave at once, wherever they are.
    visitors.shutdown().await;
    let left = Instant::now();
    while active(port).await? > 0 {
        ensure!(
            left.elapsed() < test_timeout(),
            "streams stay open behind clients"
        );
        sleep(Duration::from_millis(20)).await;
    }
    server.is_well().context("the server")?;
    writeln!(out, "all gone after {} ms", left.elapsed().as_millis())?;
    writeln!(out, "{}", memory.verdict()?)?;
    writeln!(out, "passed: every event whole and in order; {counts}")?;
    Ok(())
}

/// No visitor ends on its own account.
fn failure(ended: Result<anyhow::Error, tokio::task::JoinError>) -> anyhow::Error {
    ended.unwrap_or_else(anyhow::Error::new)
}

/// The server, and its port.
async fn start() -> Result<(Process, u16)> {
    let example = ["--package", "sse-hyper", "--example", "contract_server"];
    let program = built(&example)?.join("examples/contract_server");
    let port = testkit::port::free()?;
    let mut command = Command::new(program);
    command.args(["--port", &port.to_string()]);
    let mut server = Process::start(command.stdin(Stdio::null()))?;
    let begin = Instant::now();
    while active(port).await.is_err() {
        server.is_well().context("the server")?;
        ensure!(
            begin.elapsed() < test_timeout(),
            "the server does not answer"
        );
        sleep(Duration::from_millis(10)).await;
    }
    Ok((server, port))
}

/// How many streams are open, as the server counts them.
async fn active(port: u16) -> Result<u64> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let request = b"GET /stats HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    connection.write_all(request).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    let number = answer
        .split_once("{\"active\": ")
        .and_then(|(_, rest)| rest.strip_suffix('}'));
    let number = number.and_then(crate::number::number);
    number.with_context(|| format!("/stats answers {answer:?}"))
}
