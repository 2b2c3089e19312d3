//! Cost of compressed streams: of a hub, which compresses each event once, and of a layer that compresses each stream.
//!
//! The clients count bytes and decode nothing. An event has arrived when each client has received something and then
//! nothing for a while. The waiting takes no processor time of the server, and only that is measured.

use std::{
    io::{ErrorKind, Read as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use testkit::timeout::test_timeout;

use super::connection;
use crate::{server::Server, servers::Library};

/// Servers to compare, the compressing ones after the same without compression.
const SERVERS: [Library; 4] = [
    Library::Hub,
    Library::HubGzip,
    Library::Axum,
    Library::AxumGzip,
];

/// Length of an event in bytes: that of a page fragment.
const LENGTH: u64 = 4000;

/// Number of events before the measurement.
const WARM_UP_EVENTS: usize = 2;

/// Time without new bytes after which an event has arrived.
const QUIET_TIME: Duration = Duration::from_millis(30);

/// Idle time of a server before its memory is read.
const SETTLE_TIME: Duration = Duration::from_millis(500);

/// Cost of the streams of a server.
#[derive(Clone, Copy, Debug)]
pub struct Compressed {
    /// The server.
    pub library: Library,
    /// Number of subscribers.
    pub subscribers: usize,
    /// Bytes that each subscriber receives for an event, with those of HTTP.
    pub bytes: f64,
    /// Processor time of the server for each event of each subscriber.
    pub time: Duration,
    /// Memory of the server for each subscriber after all events, in bytes.
    pub memory: f64,
}

/// Measures each server with this number of subscribers, one server after the other.
///
/// # Errors
///
/// Returns an error if a server fails, or sends events late.
pub fn all(
    programs: &Path,
    core: Option<usize>,
    subscribers: usize,
    events: usize,
) -> Result<Vec<Compressed>> {
    let measure = |library: Library| {
        let result = one(programs, core, library, subscribers, events);
        result.with_context(|| format!("compressed streams of {library}"))
    };
    SERVERS.into_iter().map(measure).collect()
}

fn one(
    programs: &Path,
    core: Option<usize>,
    library: Library,
    subscribers: usize,
    events: usize,
) -> Result<Compressed> {
    let mut server = Server::start(&programs.join("serve"), library, core)?;
    // The first connection allocates the memory that all connections share.
    drop(connect(server.port())?);
    thread::sleep(SETTLE_TIME);
    let before = server.memory()?.now;
    let port = server.port();
    let mut clients = (0..subscribers)
        .map(|_| connect(port))
        .collect::<Result<Vec<_>>>()?;
    read_until_quiet(&mut clients)?;
    for _ in 0..WARM_UP_EVENTS {
        server.publish_long(LENGTH)?;
        read_until_quiet(&mut clients)?;
    }
    let (mut bytes, mut time) = (0, Duration::ZERO);
    for _ in 0..events {
        let start = server.cpu_time()?;
        server.publish_long(LENGTH)?;
        bytes += read_until_quiet(&mut clients)?;
        time += server.cpu_time()? - start;
    }
    thread::sleep(SETTLE_TIME);
    let memory = server.memory()?.now.saturating_sub(before);
    let deliveries = (events * subscribers) as f64;
    Ok(Compressed {
        library,
        subscribers,
        bytes: bytes as f64 / deliveries,
        time: time.div_f64(deliveries),
        memory: memory as f64 / subscribers as f64,
    })
}

/// Opens a stream, which may be compressed.
fn connect(port: u16) -> Result<TcpStream> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let client = connection::open(address, "/events", "Accept-Encoding: gzip\r\n")?;
    client.set_nonblocking(true)?;
    Ok(client)
}

/// Reads until each client has received something, and then nothing for a while. Returns the number of bytes.
fn read_until_quiet(clients: &mut [TcpStream]) -> Result<usize> {
    let mut buffer = vec![0; 64 * 1024];
    let mut received = vec![0; clients.len()];
    let start = Instant::now();
    let mut last = start;
    loop {
        let is_complete = !received.contains(&0);
        if is_complete && last.elapsed() > QUIET_TIME {
            return Ok(received.into_iter().sum());
        }
        ensure!(
            start.elapsed() < test_timeout(),
            "{} clients have received nothing",
            received.iter().filter(|bytes| **bytes == 0).count()
        );
        for (client, received) in clients.iter_mut().zip(&mut received) {
            match client.read(&mut buffer) {
                Ok(0) => bail!("the server has ended a stream"),
                Ok(length) => {
                    *received += length;
                    last = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
}
