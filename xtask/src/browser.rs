//! The tests that need a browser: headless Chromium, driven by ChromeDriver.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::{
    page,
    run::{cargo, root, run},
    setup,
};

/// The tests of sse-wasm against a real server, then the demo page end to end.
pub(crate) fn test() -> Result<()> {
    let browser = Browser::find()?;
    wrapper(&browser)?;
    end_to_end(&browser)
}

/// Runs the wasm tests on a page, with the contract server on the port after the page's.
fn wrapper(browser: &Browser) -> Result<()> {
    setup::target(page::TARGET)?;
    run(cargo("build --package sse-hyper --example contract_server"))?;
    run(cargo(
        "build --package xtask --features runner --bin wasm-test-runner",
    ))?;

    let port = two_free_ports()?;
    let mut server = Command::new(root().join("target/debug/examples/contract_server"));
    let _server = Background::start(server.args(["--port", &(port + 1).to_string()]), port + 1)?;

    let capabilities = root().join("target/webdriver.json");
    fs::write(&capabilities, browser.capabilities().to_string())?;
    let mut tests = cargo("test --package sse-wasm --test browser --target");
    tests
        .arg(page::TARGET)
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
            root().join("target/debug/wasm-test-runner"),
        )
        .env("RUST_BACKTRACE", "0")
        .env("CHROMEDRIVER", &browser.driver)
        .env("WASM_BINDGEN_TEST_ADDRESS", format!("127.0.0.1:{port}"))
        .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60")
        .env("WASM_BINDGEN_TEST_TIMEOUT", "240")
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities);
    run(tests)
}

/// Opens the demo page, cuts its server, starts it again.
fn end_to_end(browser: &Browser) -> Result<()> {
    page::build()?;
    let port = two_free_ports()?;
    let mut driver = Command::new(&browser.driver);
    let _driver = Background::start(driver.arg(format!("--port={port}")), port)?;
    let mut tests = cargo("test --package web --test end_to_end");
    tests
        .env("WEBDRIVER", format!("http://127.0.0.1:{port}"))
        .env("WEBDRIVER_CAPABILITIES", browser.capabilities().to_string());
    run(tests)
}

/// The programs that the tests need.
struct Browser {
    program: PathBuf,
    driver: PathBuf,
}

impl Browser {
    fn find() -> Result<Self> {
        Ok(Self {
            program: setup::program("chromium", "chromium")?,
            driver: setup::program("chromedriver", "chromium-driver")?,
        })
    }

    /// What ChromeDriver is asked for.
    fn capabilities(&self) -> Value {
        let options = json!({
            "binary": self.program,
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
        json!({ "goog:chromeOptions": options })
    }
}

/// A program that runs until this is dropped.
struct Background(Child);

impl Background {
    /// Starts it, and waits until it listens.
    fn start(command: &mut Command, port: u16) -> Result<Self> {
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

/// The first of two free ports that follow each other.
fn two_free_ports() -> Result<u16> {
    for _ in 0..100 {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = first.local_addr()?.port();
        if port < u16::MAX && TcpListener::bind((Ipv4Addr::LOCALHOST, port + 1)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no two free ports in a row");
}
