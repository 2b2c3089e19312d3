//! The tests that need browsers: headless Chromium and Firefox, driven through WebDriver.

mod driver;

use std::{fs::File, panic::resume_unwind, process::Command, thread};

use anyhow::{Context, Result, bail};

use crate::{
    background::{Background, free_ports},
    page,
    run::{cargo, run, target},
    setup,
    whole::{self, cargo_all},
};
use driver::Browser;

/// Where code of a page can run.
#[derive(Clone, Copy)]
struct Place {
    name: &'static str,
    /// How the runner is told.
    variable: &'static str,
}

/// Both browsers take modules in all of them, and have `EventSource` there, so all tests run in all of
/// them.
const PLACES: [Place; 4] = [
    Place {
        name: "windows",
        variable: "WASM_BINDGEN_USE_BROWSER",
    },
    Place {
        name: "dedicated workers",
        variable: "WASM_BINDGEN_USE_DEDICATED_WORKER",
    },
    Place {
        name: "shared workers",
        variable: "WASM_BINDGEN_USE_SHARED_WORKER",
    },
    Place {
        name: "service workers",
        variable: "WASM_BINDGEN_USE_SERVICE_WORKER",
    },
];

/// Those that take long or measure, and so want the browser for themselves.
const ENDURANCE: &str = "endurance::";

/// The tests of sse-wasm against real servers, then the demo page end to end, all in both browsers.
pub(crate) fn test(long: bool) -> Result<()> {
    let browsers = [Browser::chromium()?, Browser::firefox()?];
    clients(&browsers, long)?;
    page::build()?;
    browsers.iter().try_for_each(end_to_end)
}

/// The tests in every place, the browsers side by side, for most of the time is waiting. Then those
/// of endurance in windows.
fn clients(browsers: &[Browser], long: bool) -> Result<()> {
    setup::target(page::TARGET)?;
    whole::build("--example contract_server --bin faulty --bin wasm-test-runner")?;
    run(tests(&["--no-run"]))?;
    let beds = browsers.iter().map(Bed::new).collect::<Result<Vec<_>>>()?;
    thread::scope(|scope| {
        let threads: Vec<_> = beds
            .iter()
            .map(|bed| scope.spawn(|| bed.run_everywhere()))
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })?;
    let mut arguments = vec![ENDURANCE, "--nocapture"];
    arguments.extend(long.then_some("--include-ignored"));
    for bed in &beds {
        let said = bed.run(PLACES[0], &arguments)?;
        bed.show(PLACES[0], &said);
    }
    Ok(())
}

/// The wasm tests. What debuggers need is most of what the runner has to read, so it stays out.
fn tests(arguments: &[&str]) -> Command {
    let mut tests = cargo("test --package sse-wasm --features fetch,share --test browser --target");
    tests
        .arg(page::TARGET)
        .args(arguments)
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
            target().join("debug/wasm-test-runner"),
        );
    tests
}

/// A browser, and the servers that the tests want: the contract server on the port after the page's,
/// the one with faults on the next.
struct Bed<'a> {
    browser: &'a Browser,
    port: u16,
    _servers: [Background; 2],
}

impl<'a> Bed<'a> {
    fn new(browser: &'a Browser) -> Result<Self> {
        let port = free_ports(3)?;
        let server = |path, port: u16| {
            let mut program = whole::program(path);
            Background::start(program.args(["--port", &port.to_string()]), port)
        };
        Ok(Self {
            browser,
            port,
            _servers: [
                server("examples/contract_server", port + 1)?,
                server("faulty", port + 2)?,
            ],
        })
    }

    /// Runs the tests in every place.
    fn run_everywhere(&self) -> Result<()> {
        for place in PLACES {
            let said = self.run(place, &["--skip", ENDURANCE])?;
            let result = said.rfind("test result").unwrap_or(0);
            self.show(place, said[result..].trim());
        }
        Ok(())
    }

    /// Runs the tests in one place, and gives what they say.
    fn run(&self, place: Place, arguments: &[&str]) -> Result<String> {
        let browser = self.browser;
        let output = tests(&["--"])
            .args(arguments)
            .env("RUST_BACKTRACE", "0")
            .env(browser.driver_variable, &browser.driver)
            .env(place.variable, "1")
            .env(
                "WASM_BINDGEN_TEST_ADDRESS",
                format!("127.0.0.1:{}", self.port),
            )
            .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60")
            .env("WASM_BINDGEN_TEST_TIMEOUT", "300")
            .env(
                "WASM_BINDGEN_TEST_WEBDRIVER_JSON",
                browser.capabilities_file()?,
            )
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            self.show(place, &said);
            let complaints = String::from_utf8_lossy(&output.stderr);
            bail!(
                "{}, {}: {}: {complaints}",
                browser.name,
                place.name,
                output.status
            );
        }
        Ok(said)
    }

    fn show(&self, place: Place, said: &str) {
        eprintln!("\n-- {}, {}\n{said}", self.browser.name, place.name);
    }
}

/// Opens the demo page, cuts its server, starts it again.
fn end_to_end(browser: &Browser) -> Result<()> {
    let port = free_ports(1)?;
    let mut driver = Command::new(&browser.driver);
    // Firefox has much to say of no matter.
    let log = File::create(target().join(format!("{}.log", browser.name)))?;
    driver.stdout(log.try_clone()?).stderr(log);
    let _driver = Background::start(driver.arg(format!("--port={port}")), port)?;
    let mut tests = cargo_all("test", "--test end_to_end");
    tests
        .env("WEBDRIVER", format!("http://127.0.0.1:{port}"))
        .env("WEBDRIVER_CAPABILITIES", browser.capabilities.to_string());
    run(tests).with_context(|| browser.name)
}
