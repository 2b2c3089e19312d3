//! Kills and restarts a server at random times while a client reads numbered events. The client must not lose any
//! event.
//!
//! - `sequenced.rs`: the events, which use all forms that the standard allows.
//! - `kill_target.rs`: the server, with a binary `kill_target`; `chunked_writer.rs`: its writer, which writes small pieces, so that a
//!   kill can cut the stream anywhere.
//! - `cuts.rs`: statistics of the places where the stream was cut; `tally.rs`: the events that the client received.
//!
//! The run fails at the first event that differs from the sent one, and at any lost or duplicate event.

mod chunked_writer;
mod cuts;
pub mod kill_target;
mod sequenced;
mod tally;

use std::{io::Write, path::Path, process::Command, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Parser;
use fastrand::Rng;
use futures_util::StreamExt as _;
use http::StatusCode;
use sse_source::{ClientConfig, Error, EventSource};
use testkit::timeout::test_timeout;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::process::Process;
use cuts::Cuts;
use tally::Tally;

/// Time without a byte after which the client reconnects.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Checks that the client loses nothing when its server is killed.
#[derive(Clone, Copy, Debug, Parser)]
pub struct Options {
    /// Number of times that the server is killed.
    #[arg(long, default_value_t = 10)]
    pub restarts: usize,
    /// Number of events.
    #[arg(long, default_value_t = 5_000)]
    pub events: u64,
    /// Send requests over HTTP/2.
    #[arg(long)]
    pub http2: bool,
    /// Seed of everything that is random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Starts the server at this path, kills it repeatedly, and writes the result to `out`.
///
/// # Errors
///
/// Returns an error if the run fails.
pub async fn run(server: &Path, options: Options, out: &mut impl Write) -> Result<()> {
    let Options {
        restarts,
        events,
        http2,
        seed,
    } = options;
    let version = if http2 { "HTTP/2" } else { "HTTP/1" };
    writeln!(
        out,
        "{events} events over {version}, a server that is killed {restarts} times, seed {seed}"
    )?;
    let begin = Instant::now();
    let port = testkit::port::free()?;
    let cuts = Arc::<Cuts>::default();
    let mut source = EventSource::get(format!("http://127.0.0.1:{port}/"))
        .transport(cuts::transport(http2, &cuts))
        .config(short_delays())
        .build()?;
    let (seen, sees) = watch::channel(0);
    let (tally, _server) =
        tokio::try_join!(read(&mut source, seen), kill(server, port, options, sees))?;
    tally.is_whole(events)?;
    writeln!(out, "streams ended {cuts}")?;
    let seconds = begin.elapsed().as_secs_f64();
    writeln!(
        out,
        "passed in {seconds:.1} s: {restarts} restarts, {tally}"
    )?;
    Ok(())
}

/// Reads until the server answers 204.
async fn read(source: &mut EventSource, seen: watch::Sender<u64>) -> Result<Tally> {
    let mut tally = Tally::default();
    loop {
        let item = timeout(test_timeout(), source.next()).await;
        let item = item.with_context(|| format!("no item in time; {tally}"))?;
        match item.with_context(|| format!("the stream ends; {tally}"))? {
            Ok(item) => tally.on_item(&item)?,
            Err(Error::UnexpectedResponse(refused)) if refused.status == StatusCode::NO_CONTENT => {
                return Ok(tally);
            }
            Err(error) => bail!(anyhow!(error).context(format!("{tally}"))),
        }
        seen.send_replace(tally.seen);
    }
}

/// Kills and restarts the server whenever the client has received a random number of events, and a short time has
/// passed. Returns the last server.
async fn kill(
    path: &Path,
    port: u16,
    options: Options,
    mut seen: watch::Receiver<u64>,
) -> Result<Process> {
    let mut rng = Rng::with_seed(options.seed);
    let mut ends: Vec<_> = (0..options.restarts)
        .map(|_| rng.u64(..options.events))
        .collect();
    ends.sort_unstable();
    let mut server = start(path, port, options.events, &mut rng)?;
    for end in ends {
        seen.wait_for(|seen| *seen >= end).await?;
        sleep(Duration::from_millis(rng.u64(..20))).await;
        server.check_health().context("the server")?;
        server.kill()?;
        server = start(path, port, options.events, &mut rng)?;
    }
    Ok(server)
}

fn start(path: &Path, port: u16, events: u64, rng: &mut Rng) -> Result<Process> {
    let mut command = Command::new(path);
    for (name, value) in [
        ("--port", port.into()),
        ("--events", events),
        ("--seed", rng.u64(..)),
    ] {
        command.args([name, &value.to_string()]);
    }
    Process::start(&mut command)
}

/// Returns a configuration with short delays, because the test checks events and not delays.
fn short_delays() -> ClientConfig {
    ClientConfig::default()
        .reconnection_time(Duration::from_millis(5))
        .min_delay(Duration::from_millis(5))
        .max_delay(Duration::from_millis(50))
        .head_timeout(Some(IDLE_TIMEOUT))
        .idle_timeout(Some(IDLE_TIMEOUT))
}
