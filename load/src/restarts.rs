//! A server that is killed and started again at random moments, while a client reads numbered events
//! and must miss none.
//!
//! - `numbered.rs`: the events, which are as hard to read as the standard allows.
//! - `mortal.rs`: the server; `crumbs.rs`: how it writes, so that a kill cuts anything. The binary
//!   `mortal`.
//! - `cuts.rs`: where the kills cut; `tally.rs`: what the client has seen.
//!
//! It fails by the first event that is not as it was sent, and by each that comes twice, too early or
//! not at all.

mod crumbs;
mod cuts;
pub mod mortal;
mod numbered;
mod tally;

use std::{io::Write, path::Path, process::Command, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Parser;
use fastrand::Rng;
use futures_util::StreamExt as _;
use http::StatusCode;
use sse_source::{Error, EventSource, Settings};
use testkit::timeout::test_timeout;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::process::Process;
use cuts::Cuts;
use tally::Tally;

/// After how long without a byte the client connects again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Checks that the client loses nothing when its server is killed.
#[derive(Clone, Copy, Debug, Parser)]
pub struct Options {
    /// How often the server is killed.
    #[arg(long, default_value_t = 10)]
    pub restarts: usize,
    /// How many events there are.
    #[arg(long, default_value_t = 5_000)]
    pub events: u64,
    /// Whether the client asks by HTTP/2.
    #[arg(long)]
    pub http2: bool,
    /// What decides all that is by chance.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Starts the server of this path, kills it again and again, and says what the client has seen.
///
/// # Errors
///
/// If anything is not as it has to be.
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
        "{events} events by {version}, a server that is killed {restarts} times, seed {seed}"
    )?;
    let begin = Instant::now();
    let port = testkit::port::free()?;
    let cuts = Arc::<Cuts>::default();
    let mut source = EventSource::get(format!("http://127.0.0.1:{port}/"))
        .with_transport(cuts::transport(http2, &cuts))
        .with_settings(impatient())
        .open()?;
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

/// Reads until the server asks to stop.
async fn read(source: &mut EventSource, seen: watch::Sender<u64>) -> Result<Tally> {
    let mut tally = Tally::default();
    loop {
        let item = timeout(test_timeout(), source.next()).await;
        let item = item.with_context(|| format!("nothing comes; {tally}"))?;
        match item.with_context(|| format!("it ends; {tally}"))? {
            Ok(item) => tally.on_item(&item)?,
            Err(Error::Refused(refused)) if refused.status == StatusCode::NO_CONTENT => {
                return Ok(tally);
            }
            Err(error) => bail!(anyhow!(error).context(format!("{tally}"))),
        }
        seen.send_replace(tally.seen);
    }
}

/// Lets the server live until the client has seen so many events, and a little longer. Gives the
/// last one.
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
        server.is_well().context("the server")?;
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

/// Spares nobody: what it is about is what comes, not when.
fn impatient() -> Settings {
    Settings::default()
        .with_reconnection_time(Duration::from_millis(5))
        .with_bounds(Duration::from_millis(5), Duration::from_millis(50))
        .with_head_timeout(Some(IDLE_TIMEOUT))
        .with_idle_timeout(Some(IDLE_TIMEOUT))
}
