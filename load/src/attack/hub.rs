//! Attacks `sse hub`, with a neighbour that publishes and subscribes meanwhile.

use std::{
    io::{BufRead as _, BufReader, Write},
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::{Options, mebibytes, name, neighbour::Neighbour, requests::Attack, target::Target};
use crate::process::Process;

/// Token of publishers.
const TOKEN: &str = "for-publishers";

/// Time within which the hub ends after SIGTERM, as its help says.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Time from the first request to SIGTERM.
const BEFORE_SHUTDOWN: Duration = Duration::from_millis(500);

/// Additional time for a busy machine.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// Runs the attacks one after the other on one hub, and ends it during the last.
pub(super) async fn attack(
    sse: &Path,
    attacks: &[Attack],
    options: &Options,
    out: &mut impl Write,
) -> Result<()> {
    let (mut hub, address) = start(sse, options)?;
    let target = Target::new(address, TOKEN, options);
    writeln!(
        out,
        "{:20} {:>9} {:>9}  neighbour: events, median, 99 %, longest",
        "attack", "MiB", "peak MiB"
    )?;
    for attack in attacks {
        let name = name(attack);
        let neighbour = Neighbour::start(address, TOKEN);
        let answers = attack.run(&target).await;
        let latency = neighbour.stop();
        let ended = hub.ended_within(Duration::ZERO)?;
        ensure!(ended.is_none(), "{name}: the hub ended: {ended:?}");
        let answers = answers.with_context(|| name.clone())?;
        let latency = latency.with_context(|| format!("{name}: the neighbour"))?;
        let memory = hub.memory()?;
        let (now, peak) = (mebibytes(memory.now), mebibytes(memory.peak));
        writeln!(out, "{name:20} {now:9} {peak:9}  {latency}  {answers}")?;
        let limit = Duration::from_secs(options.max_latency);
        let longest = latency.max();
        ensure!(
            longest <= limit,
            "{name}: an event took {longest:?}, limit is {limit:?}"
        );
    }
    shut_down(hub, target, out).await
}

/// Ends the hub while it is busy with requests.
async fn shut_down(mut hub: Process, target: Target, out: &mut impl Write) -> Result<()> {
    let requests = tokio::spawn(async move {
        tokio::join!(
            Attack::ManyLines.run(&target),
            Attack::ReplayOfNothing.run(&target),
            Attack::StalledReaders.run(&target),
        )
    });
    sleep(BEFORE_SHUTDOWN).await;
    hub.terminate()?;
    let start = Instant::now();
    let ended = spawn_blocking(move || hub.ended_within(SHUTDOWN_TIMEOUT + SHUTDOWN_GRACE));
    let status = ended
        .await??
        .context("the hub does not end after SIGTERM")?;
    ensure!(status.success(), "the hub ended with {status}");
    requests.abort();
    let seconds = start.elapsed().as_secs_f64();
    writeln!(out, "SIGTERM during requests: ended in {seconds:.1} s")?;
    Ok(())
}

/// Starts a hub with the default limits and less memory.
fn start(sse: &Path, options: &Options) -> Result<(Process, SocketAddr)> {
    let mut command = Command::new(sse);
    command
        .args(["hub", "--listen=127.0.0.1:0", "--log=off"])
        .env("SSE_HUB_PUBLISH_TOKEN", TOKEN)
        .stdout(Stdio::piped());
    let mut process = Process::start(&mut command)?;
    process.limit_memory(options.memory_bytes())?;
    let output = process.child().stdout.take().context("no output")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let address = line.trim().strip_prefix("http://");
    let address = address.and_then(|url| url.strip_suffix('/'));
    let address = address.with_context(|| format!("no URL, but {line:?}"))?;
    #[expect(clippy::disallowed_methods, reason = "an address has no sign")]
    let address = address.parse()?;
    Ok((process, address))
}
