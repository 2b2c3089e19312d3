//! Memory of idle subscribers of whole programs: `sse hub`, and the server of the crate durable-streams.
//!
//! Each program runs as its users run it, with all of its threads. The base is the memory with a few subscribers, because
//! the first ones load code and allocate what all share.

use std::{
    env,
    ffi::OsString,
    fmt,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use testkit::timeout::test_timeout;

use super::{connection, hub_program::HubProgram};
use crate::process::{Memory, Process};

/// Number of subscribers before the base is measured.
const FIRST: usize = 10;

/// Idle time of a program before its memory is read.
const SETTLE_TIME: Duration = Duration::from_secs(2);

/// Environment variable with the path of the program of durable-streams. The program is measured if it is set.
const DURABLE_STREAMS: &str = "DURABLE_STREAMS";

/// Program with subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleProgram {
    /// `sse hub`.
    Hub,
    /// `sse hub --no-hand-off`.
    HubWithoutHandOff,
    /// Server of the crate durable-streams, without persistence.
    DurableStreams,
}

impl fmt::Display for IdleProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hub => "sse hub",
            Self::HubWithoutHandOff => "sse hub --no-hand-off",
            Self::DurableStreams => "durable-streams",
        })
    }
}

/// Memory of a program while its idle subscribers come and leave.
#[derive(Clone, Debug)]
pub struct Idle {
    /// The program.
    pub program: IdleProgram,
    /// Memory with the first subscribers.
    pub base: Memory,
    /// Number of subscribers, and the memory with them.
    pub levels: Vec<(usize, Memory)>,
    /// Memory after all subscribers have left.
    pub left: Memory,
}

/// Measures each program with these numbers of subscribers, one program after the other. `programs` is the folder of
/// `sse`.
///
/// # Errors
///
/// Returns an error if a program does not start, or if a subscriber gets no response.
pub fn all(programs: &Path, numbers: &[usize]) -> Result<Vec<Idle>> {
    let mut all = Vec::new();
    for program in [IdleProgram::Hub, IdleProgram::HubWithoutHandOff] {
        let most = numbers.iter().max().copied().unwrap_or_default() + FIRST;
        let mut command = HubProgram::command(&programs.join("sse"), most);
        command.args(["--publish-token", "x"]);
        if program == IdleProgram::HubWithoutHandOff {
            command.arg("--no-hand-off");
        }
        let hub = HubProgram::start(&mut command);
        let HubProgram { process, address } = hub.with_context(|| program.to_string())?;
        all.push(one(program, &process, address, "/events?topic=a", numbers)?);
    }
    if let Some(path) = env::var_os(DURABLE_STREAMS) {
        let server = DurableStreams::start(path).context("durable-streams")?;
        let (program, target) = (IdleProgram::DurableStreams, "/a?offset=now&live=sse");
        all.push(one(
            program,
            &server.process,
            server.address,
            target,
            numbers,
        )?);
    }
    Ok(all)
}

fn one(
    program: IdleProgram,
    process: &Process,
    address: SocketAddr,
    target: &str,
    numbers: &[usize],
) -> Result<Idle> {
    let mut subscribers = Vec::new();
    let mut memory_with = |number: usize| -> Result<Memory> {
        while subscribers.len() < number {
            let subscriber = connection::open(address, target, "");
            subscribers.push(subscriber.with_context(|| program.to_string())?);
        }
        thread::sleep(SETTLE_TIME);
        process.memory()
    };
    let base = memory_with(FIRST)?;
    let levels = numbers
        .iter()
        .map(|number| Ok((*number, memory_with(*number)?)))
        .collect::<Result<_>>()?;
    drop(subscribers);
    thread::sleep(2 * SETTLE_TIME);
    Ok(Idle {
        program,
        base,
        levels,
        left: process.memory()?,
    })
}

/// Running server of durable-streams, with the stream `a`.
struct DurableStreams {
    process: Process,
    address: SocketAddr,
    _folder: TempDir,
}

impl DurableStreams {
    fn start(path: OsString) -> Result<Self> {
        let folder = TempDir::new()?;
        // The program prints no port, so it gets a free one.
        let address = SocketAddr::from(([127, 0, 0, 1], testkit::port::free()?));
        let mut command = Command::new(path);
        command
            .args(["--durability", "memory", "--data-dir"])
            .arg(folder.path())
            .args(["--port", &address.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let process = Process::start(&mut command)?;
        let start = Instant::now();
        while let Err(error) = create_stream(address) {
            ensure!(start.elapsed() < test_timeout(), "{error:#}");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Self {
            process,
            address,
            _folder: folder,
        })
    }
}

fn create_stream(address: SocketAddr) -> Result<()> {
    let mut connection = TcpStream::connect(address)?;
    write!(
        connection,
        "PUT /a HTTP/1.1\r\nHost: {address}\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    )?;
    let mut response = String::new();
    connection.read_to_string(&mut response)?;
    ensure!(response.starts_with("HTTP/1.1 201"), "{response:?}");
    Ok(())
}
