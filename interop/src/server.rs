//! The servers of the contract, and what they say and take.

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

/// The library that each is written for, by which they are known here.
pub const ALL: [&str; 3] = ["hyper", "axum", "warp"];

/// How long a stream may live on when its client has left: less than the interval of keep-alive comments, by which
/// it would be noticed in any case.
const FREED: Duration = Duration::from_millis(1500);

/// One that runs.
#[derive(Debug)]
pub struct Server {
    /// The library.
    pub name: &'static str,
    /// Where it listens.
    pub port: u16,
    process: Process,
}

impl Server {
    /// Starts the one for this library.
    pub fn start(name: &'static str) -> Result<Self> {
        let port = port::free()?;
        let mut command = Command::new(folder::prepared(name)?);
        let process = Process::listening(command.args(["--port", &port.to_string()]), port)?;
        Ok(Self {
            name,
            port,
            process,
        })
    }

    /// A path on it.
    pub fn url(&self, path: &str) -> String {
        url(self.port, path)
    }

    /// A connection of our own, with a request sent.
    pub fn send(&self, path: &str) -> Result<TcpStream> {
        let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        connection.set_read_timeout(Some(test_timeout()))?;
        write!(connection, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")?;
        Ok(connection)
    }

    /// How many streams are open, by its own account.
    pub fn active(&self) -> Result<u64> {
        let stats = get(&self.url("/stats"))?;
        let stats: Value = serde_json::from_slice(&stats)?;
        stats["active"]
            .as_u64()
            .with_context(|| format!("/stats: {stats}"))
    }

    /// Waits until so many streams are open.
    pub fn wait_for_active(&self, count: u64) -> Result<()> {
        let what = format!("{} has {count} streams", self.name);
        wait_until(test_timeout(), &what, || Ok(self.active()? == count))?;
        Ok(())
    }

    /// Waits until the streams of clients that have just left are gone, all but so many. Gives the time that it
    /// took.
    pub fn frees_all_but(&self, count: u64) -> Result<Duration> {
        let what = format!("{} frees all streams but {count}", self.name);
        wait_until(test_timeout(), &what, || Ok(self.active()? == count))
    }

    /// Fails unless the streams of clients that leave are gone soon. A busy machine can only make it later, so this
    /// is done until it is soon enough once: `leave` has to give the time that it took.
    pub fn frees_soon(&self, leave: impl Fn() -> Result<Duration>) -> Result<Duration> {
        let start = Instant::now();
        loop {
            let time = leave()?;
            if time < FREED {
                return Ok(time);
            }
            ensure!(
                start.elapsed() < test_timeout(),
                "{}: a stream was freed after {time:?}, limit is {FREED:?}",
                self.name
            );
        }
    }

    /// The memory that it takes, in KiB.
    pub fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let size = status.split("VmRSS:").nth(1);
        let size = size.and_then(|rest| rest.split_whitespace().next());
        Ok(serde_json::from_str(size.context("VmRSS of the server")?)?)
    }
}

/// Starts each of these servers, and checks them side by side.
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

/// A path on what listens on this port.
pub fn url(port: u16, path: &str) -> String {
    format!("http://127.0.0.1:{port}{path}")
}

/// The whole of a body.
pub fn get(url: &str) -> Result<Vec<u8>> {
    let mut response = ureq::get(url).call().with_context(|| url.to_owned())?;
    Ok(response.body_mut().read_to_vec()?)
}
