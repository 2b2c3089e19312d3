//! Runs clients that connect, stall, disconnect and resume for hours, against the contract server on hyper.
//!
//! - `script.rs`: the expected events of a stream; `stream.rs`: a strict reader of a stream, with `chunked.rs`.
//! - `visit.rs`: the behaviour of a client, from a seed; `counts.rs`: statistics of it.
//! - `memory.rs`: detects that the memory of the server grows.
//!
//! The run fails at the first event that is not complete or not the next one. It also fails if the server writes to
//! its standard error, if streams stay open after all clients have left, or if memory grows.

pub(crate) mod chunked;
pub(crate) mod counts;
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
use counts::Stats;
use memory::Memory;

/// Seconds between two lines of output.
const REPORT_INTERVAL_SECONDS: u64 = 10;

/// Checks a server with many clients that misbehave.
#[derive(Clone, Copy, Debug, Parser)]
pub struct Options {
    /// Duration of the run, in seconds.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Number of concurrent clients.
    #[arg(long, default_value_t = 200)]
    pub clients: u64,
    /// Seed of everything that is random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Starts the server and the clients, and writes the result to `out`.
///
/// # Errors
///
/// Returns an error if the run fails.
pub async fn run(options: Options, out: &mut impl Write) -> Result<()> {
    let Options {
        seconds,
        clients,
        seed,
    } = options;
    writeln!(out, "{clients} clients for {seconds} s, seed {seed}")?;
    let (mut server, port) = start().await?;
    let counts = Arc::<Stats>::default();
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
        server.check_health().context("the server")?;
        memory.sample(server.memory()?.now);
        if second % REPORT_INTERVAL_SECONDS == 0 || second == seconds {
            let open = active(port).await?;
            writeln!(out, "{second:>5} s: {open} open; {counts}; {memory}")?;
        }
    }

    // All clients disconnect at once, anywhere in their streams.
    visitors.shutdown().await;
    let left = Instant::now();
    while active(port).await? > 0 {
        ensure!(
            left.elapsed() < test_timeout(),
            "streams stay open after their clients have left"
        );
        sleep(Duration::from_millis(20)).await;
    }
    server.check_health().context("the server")?;
    writeln!(
        out,
        "all streams closed after {} ms",
        left.elapsed().as_millis()
    )?;
    writeln!(out, "{}", memory.verdict()?)?;
    writeln!(out, "passed: every event complete and in order; {counts}")?;
    Ok(())
}

/// Returns the error of a client, which ends only with an error.
fn failure(ended: Result<anyhow::Error, tokio::task::JoinError>) -> anyhow::Error {
    ended.unwrap_or_else(anyhow::Error::new)
}

/// Starts the server, and returns it and its port.
async fn start() -> Result<(Process, u16)> {
    let example = ["--package", "sse-hyper", "--example", "contract_server"];
    let program = built(&example)?.join("examples/contract_server");
    let port = testkit::port::free()?;
    let mut command = Command::new(program);
    command.args(["--port", &port.to_string()]);
    let mut server = Process::start(command.stdin(Stdio::null()))?;
    let begin = Instant::now();
    while active(port).await.is_err() {
        server.check_health().context("the server")?;
        ensure!(
            begin.elapsed() < test_timeout(),
            "the server does not answer"
        );
        sleep(Duration::from_millis(10)).await;
    }
    Ok((server, port))
}

/// Returns the number of open streams that the server reports.
async fn active(port: u16) -> Result<u64> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let request = b"GET /stats HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    connection.write_all(request).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    let number = answer
        .split_once("{\"active\": ")
        .and_then(|(_, rest)| rest.strip_suffix('}'));
    let number = number.and_then(crate::program::number);
    number.with_context(|| format!("/stats answers {answer:?}"))
}
