//! The contract servers, their open streams and their memory.

use std::{
    fs,
    io::Write,
    net::{Ipv4Addr, TcpStream},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use testkit::{port, timeout::test_timeout};

use crate::{
    folder,
    process::{Process, wait_until},
};

/// Names of the servers, which are those of their libraries.
pub const ALL: [&str; 3] = ["hyper", "axum", "warp"];

/// Maximum time until a stream is freed after its client has left. It is shorter than the interval of keep-alive
/// comments, which would detect the client in any case.
const MAX_FREE_TIME: Duration = Duration::from_millis(1500);

/// Running contract server.
#[derive(Debug)]
pub struct Server {
    /// Library of the server.
    pub name: &'static str,
    /// Port of the server.
    pub port: u16,
    process: Process,
}

impl Server {
    /// Starts the server of this library.
    pub fn start(name: &'static str) -> Result<Self> {
        Self::start_with(name, &[])
    }

    /// Starts the server of this library with more arguments.
    pub fn start_with(name: &'static str, arguments: &[&str]) -> Result<Self> {
        let port = port::free()?;
        let mut command = Command::new(folder::prepared(name)?);
        command.args(["--port", &port.to_string()]).args(arguments);
        let process = Process::listening(&mut command, port)?;
        Ok(Self {
            name,
            port,
            process,
        })
    }

    /// Returns the URL of a path on the server.
    pub fn url(&self, path: &str) -> String {
        url(self.port, path)
    }

    /// Opens a connection, sends a request for this path, and returns the connection.
    pub fn send(&self, path: &str) -> Result<TcpStream> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        connection.set_read_timeout(Some(test_timeout()))?;
        write!(connection, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
        Ok(connection)
    }

    /// Returns the number of open streams that the server reports.
    pub fn active(&self) -> Result<u64> {
        let stats = get(&self.url("/stats"))?;
        let stats: Value = serde_json::from_slice(&stats)?;
        stats["active"]
            .as_u64()
            .with_context(|| format!("/stats: {stats}"))
    }

    /// Waits until this number of streams is open.
    pub fn wait_for_active(&self, count: u64) -> Result<()> {
        let what = format!("{} has {count} streams", self.name);
        wait_until(test_timeout(), &what, || Ok(self.active()? == count))?;
        Ok(())
    }

    /// Waits until all streams but `count` are freed after clients have left, and returns the elapsed time.
    pub fn frees_all_but(&self, count: u64) -> Result<Duration> {
        let what = format!("{} frees all streams but {count}", self.name);
        wait_until(test_timeout(), &what, || Ok(self.active()? == count))
    }

    /// Checks that the streams of clients that leave are freed soon. `leave` has to return the elapsed time.
    ///
    /// A busy machine can only increase that time, so `leave` is repeated until the time is short enough once.
    pub fn frees_soon(&self, leave: impl Fn() -> Result<Duration>) -> Result<Duration> {
        let start = Instant::now();
        loop {
            let time = leave()?;
            if time < MAX_FREE_TIME {
                return Ok(time);
            }
            ensure!(
                start.elapsed() < test_timeout(),
                "{}: a stream was freed after {time:?}, limit is {MAX_FREE_TIME:?}",
                self.name
            );
        }
    }

    /// Returns the resident memory of the server in KiB.
    pub fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let size = status.split("VmRSS:").nth(1);
        let size = size.and_then(|rest| rest.split_whitespace().next());
        Ok(serde_json::from_str(
            size.context("no VmRSS of the server")?,
        )?)
    }
}

/// Starts each of these servers, and checks them concurrently.
pub fn each(names: &[&'static str], check: impl Fn(&Server) -> Result<()> + Sync) -> Result<()> {
    let one = |name| {
        let server = Server::start(name)?;
        check(&server).context(name)
    };
    thread::scope(|scope| {
        let checks: Vec<_> = names.iter().map(|name| scope.spawn(|| one(name))).collect();
        checks.into_iter().try_for_each(|check| match check.join() {
            Ok(result) => result,
            Err(_) => bail!("a check panicked"),
        })
    })
}

/// Returns the URL of a path on this port of 127.0.0.1.
pub fn url(port: u16, path: &str) -> String {
    format!("http://127.0.0.1:{port}{path}")
}

/// Requests a URL, and returns the body.
pub fn get(url: &str) -> Result<Vec<u8>> {
    let mut response = ureq::get(url).call().with_context(|| url.to_owned())?;
    Ok(response.body_mut().read_to_vec()?)
}
