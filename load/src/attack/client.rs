//! The client under attack.

use std::{io::Write, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::StreamExt as _;
use sse_source::{EventSource, Transport};
use testkit::poll_time::{MAX_WAIT, longest_wait};
use tokio::time::timeout;

use super::{
    Options,
    answers::{Answer, Server},
    mebibytes, name,
};
use crate::program::Program;

/// Minimum time between two connections of the client.
const MIN_DELAY: Duration = Duration::from_millis(500);

/// Number of connections that the client makes without delay: the first one, with all its redirects.
const FIRST_CONNECTIONS: u32 = 22;

/// Maximum number of attacks on a client.
const MAX_ATTEMPTS: usize = 3;

/// Measurements that the client takes of itself.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Number of received items.
    pub items: u64,
    /// Longest time that another task of the thread waited for its turn.
    pub longest_turn: Duration,
}

/// Reads an event stream, for at most this time.
///
/// # Errors
///
/// Returns an error if the URL cannot be requested.
pub fn read(url: &str, exposure: Duration) -> Result<Report> {
    // Created outside of the measurement, because it reads the machine's roots of trust.
    let transport = Transport::new();
    let (items, longest_turn) = longest_wait(async {
        let mut source = EventSource::get(url).transport(transport).build()?;
        let mut items = 0;
        let reading = async {
            // An error ends the stream, and is a correct reaction to an attack.
            while source.next().await.is_some() {
                items += 1;
            }
        };
        // Either the time or the stream has ended.
        let _ = timeout(exposure, reading).await;
        Ok::<_, sse_source::Error>(items)
    });
    Ok(Report {
        items: items?,
        longest_turn,
    })
}

/// Runs a client for each answer.
pub(super) fn attack(
    client: &Path,
    answers: &[Answer],
    options: &Options,
    out: &mut impl Write,
) -> Result<()> {
    writeln!(
        out,
        "{:20} {:>9} {:>10} {:>12} {:>11}",
        "attack", "peak MiB", "items", "connections", "longest turn"
    )?;
    for answer in answers {
        let name = name(answer);
        let row = attack_until_it_yields(client, *answer, options).with_context(|| name.clone())?;
        writeln!(out, "{name:20} {row}")?;
    }
    Ok(())
}

/// Attacks until no turn is too long, at most [`MAX_ATTEMPTS`] times. One long turn proves nothing: on a virtual
/// machine, work of the host counts as processor time of the thread.
fn attack_until_it_yields(client: &Path, answer: Answer, options: &Options) -> Result<String> {
    let mut longest = Duration::ZERO;
    for _ in 0..MAX_ATTEMPTS {
        let (row, turn) = attack_once(client, answer, options)?;
        if turn <= MAX_WAIT {
            return Ok(row);
        }
        longest = turn;
    }
    bail!("another task waited {longest:?} for its turn, limit is {MAX_WAIT:?}");
}

/// Attacks once, and returns the row of the table and the longest turn.
fn attack_once(client: &Path, answer: Answer, options: &Options) -> Result<(String, Duration)> {
    let server = Server::start(answer, options.seed)?;
    let exposure = options.exposure();
    let mut command = Command::new(client);
    command.args([
        format!("--url=http://127.0.0.1:{}/", server.port),
        format!("--milliseconds={}", exposure.as_millis()),
    ]);
    let mut program = Program::start(&mut command)?;
    program.process.limit_memory(options.memory_bytes())?;
    program.send("read")?;
    let items = program.answer("items")?;
    let longest = Duration::from_micros(program.answer("turn")?);
    let peak = program.process.memory()?.peak;
    let connections = server.connections();
    let delays = u32::try_from(exposure.as_millis() / MIN_DELAY.as_millis())?;
    let limit = FIRST_CONNECTIONS * (delays + 1);
    ensure!(
        connections <= limit as usize,
        "{connections} connections in {exposure:?}, limit is {limit}"
    );
    let (peak, turn) = (mebibytes(peak), longest.as_secs_f64() * 1e3);
    let row = format!("{peak:9} {items:10} {connections:12} {turn:9.1} ms");
    Ok((row, longest))
}
