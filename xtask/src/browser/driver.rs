//! Browsers, what drives them, and what they talk with.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{run::target, setup};

/// What programs may listen on, up to where Linux has the ports of clients.
const FIRST_PORT: u16 = 10_000;
const FIRST_CLIENT_PORT: u16 = 32_768;

/// The programs that a browser needs.
pub(super) struct Browser {
    pub(super) name: &'static str,
    pub(super) driver: PathBuf,
    /// Where the runner of the wasm tests looks for the driver.
    pub(super) driver_variable: &'static str,
    /// What the driver is asked for.
    pub(super) capabilities: Value,
}

impl Browser {
    pub(super) fn chromium() -> Result<Self> {
        let options = json!({
            "binary": setup::program("chromium", "chromium")?,
            "args": [
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        });
        Ok(Self {
            name: "Chromium",
            driver: setup::program("chromedriver", "chromium-driver")?,
            driver_variable: "CHROMEDRIVER",
            capabilities: json!({ "goog:chromeOptions": options }),
        })
    }

    pub(super) fn firefox() -> Result<Self> {
        let options = json!({
            "binary": setup::program("firefox-esr", "firefox-esr")?,
            "args": ["-headless"],
            "prefs": {
                "app.update.enabled": false,
                "datareporting.policy.dataSubmissionEnabled": false,
                // Its service workers end after half a minute otherwise, busy or not.
                "dom.serviceWorkers.idle_timeout": 600_000,
            },
        });
        Ok(Self {
            name: "Firefox",
            driver: setup::tool("geckodriver", "0.37.1")?,
            driver_variable: "GECKODRIVER",
            capabilities: json!({ "moz:firefoxOptions": options }),
        })
    }

    /// A file that says what the driver is asked for.
    pub(super) fn capabilities_file(&self) -> Result<PathBuf> {
        let path = target().join(format!("{}.json", self.name));
        fs::write(&path, self.capabilities.to_string())?;
        Ok(path)
    }
}

/// A program that runs until this is dropped.
pub(super) struct Background(Child);

impl Background {
    /// Starts it, and waits until it listens.
    pub(super) fn start(command: &mut Command, port: u16) -> Result<Self> {
        let child = command
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        let started = Self(child);
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if start.elapsed() > Duration::from_secs(60) {
                bail!("{command:?} does not listen on port {port}");
            }
            sleep(Duration::from_millis(50));
        }
        Ok(started)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first of so many free ports that follow each other. Not of those that the system gives to
/// clients: a server that goes down and comes back has to find its own still free.
pub(super) fn free_ports(count: u16) -> Result<u16> {
    let ports = (FIRST_PORT..FIRST_CLIENT_PORT - count).step_by(count.into());
    let somewhere = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos() as usize;
    let somewhere = somewhere % ports.len();
    let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    ports
        .clone()
        .skip(somewhere)
        .chain(ports)
        .find(|port| (*port..port + count).all(is_free))
        .with_context(|| format!("no {count} free ports in a row"))
}
