//! Tests that need browsers: headless Chromium and Firefox, driven through WebDriver.

mod driver;

use std::{
    fs::{self, File},
    panic::resume_unwind,
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use testkit::{
    browser::{Slot, slot},
    port,
    timeout::test_timeout,
};

use crate::{
    page,
    run::{Background, cargo, root, run, target},
    setup,
    whole::{self, cargo_all},
};
use driver::Browser;

/// Scope in which code of a page can run: a window or a kind of worker.
#[derive(Clone, Copy)]
struct Scope {
    name: &'static str,
    /// Environment variable that makes the test runner use this scope.
    variable: &'static str,
}

/// All scopes. In each of them, both browsers can run modules and have `EventSource`, so all tests run in each.
const SCOPES: [Scope; 4] = [
    Scope {
        name: "windows",
        variable: "WASM_BINDGEN_USE_BROWSER",
    },
    Scope {
        name: "dedicated workers",
        variable: "WASM_BINDGEN_USE_DEDICATED_WORKER",
    },
    Scope {
        name: "shared workers",
        variable: "WASM_BINDGEN_USE_SHARED_WORKER",
    },
    Scope {
        name: "service workers",
        variable: "WASM_BINDGEN_USE_SERVICE_WORKER",
    },
];

const CHROMIUM: &str = "chromium";
const FIREFOX: &str = "firefox";

/// Names of the browsers on the command line.
pub(crate) const NAMES: [&str; 2] = [CHROMIUM, FIREFOX];

/// Prefix of the tests that must run alone on the machine.
const ENDURANCE_PREFIX: &str = "endurance::";

/// Runs the tests of sse-wasm against real servers, and tests the demo page end to end, all in both browsers.
///
/// With a filter, runs only the tests of sse-wasm in windows whose names contain it.
pub(crate) fn test(long: bool, browser: Option<&str>, filter: Option<&str>) -> Result<()> {
    let is_wanted = |name| browser.is_none_or(|wanted| wanted == name);
    let mut browsers = Vec::new();
    if is_wanted(CHROMIUM) {
        browsers.push(Browser::chromium()?);
    }
    if is_wanted(FIREFOX) {
        browsers.push(Browser::firefox()?);
    }
    setup::target(page::TARGET)?;
    whole::build("--example contract_server --bin faulty --bin wasm-test-runner")?;
    run(tests(&["--no-run"]))?;
    if let Some(filter) = filter {
        return browsers.iter().try_for_each(|browser| {
            let run_in_browser = BrowserRun::new(browser, SCOPES[0])?;
            run_in_browser.show(&run_in_browser.run(&[filter])?);
            Ok(())
        });
    }
    page::build()?;
    run(end_to_end().arg("--no-run"))?;

    // The browser slots limit how many jobs run at the same time. The longest jobs come first.
    let pages = browsers.iter().map(Job::Page);
    let tests = SCOPES.iter().flat_map(|scope| {
        let browsers = browsers.iter();
        browsers.map(|browser| Job::Tests(browser, *scope))
    });
    run_in_parallel(&pages.chain(tests).collect::<Vec<_>>(), Job::run)?;
    browsers
        .iter()
        .try_for_each(|browser| endurance(browser, long))
}

/// Tests that one run of a browser executes.
enum Job<'a> {
    /// Tests of the demo page, end to end.
    Page(&'a Browser),
    /// Tests of sse-wasm, without those that must run alone on the machine.
    Tests(&'a Browser, Scope),
}

impl Job<'_> {
    fn run(&self) -> Result<()> {
        match *self {
            Self::Page(browser) => test_page(browser),
            Self::Tests(browser, scope) => BrowserRun::new(browser, scope)?.run_without_endurance(),
        }
    }
}

/// Runs the tests that take a long time or measure, in windows.
fn endurance(browser: &Browser, long: bool) -> Result<()> {
    let mut arguments = vec![ENDURANCE_PREFIX, "--nocapture"];
    arguments.extend(long.then_some("--include-ignored"));
    let run_in_browser = BrowserRun::new(browser, SCOPES[0])?;
    run_in_browser.show(&run_in_browser.run(&arguments)?);
    Ok(())
}

/// Runs the function on all items at the same time, each in a thread of its own.
fn run_in_parallel<T: Sync>(items: &[T], function: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    thread::scope(|threads| {
        let handles: Vec<_> = items
            .iter()
            .map(|item| threads.spawn(|| function(item)))
            .collect();
        handles
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Returns the command for the wasm tests.
///
/// Debug information is left out, because it is most of what the runner has to read.
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

/// Run of wasm tests in one scope of a browser, with a browser slot and the servers that the tests need.
///
/// The page is on `port`, the contract server on the next port, and the faulty server on the port after that.
struct BrowserRun<'a> {
    browser: &'a Browser,
    scope: Scope,
    port: u16,
    _servers: [Background; 2],
    _slot: Slot,
}

impl<'a> BrowserRun<'a> {
    fn new(browser: &'a Browser, scope: Scope) -> Result<Self> {
        let slot = slot()?;
        let port = port::free_row(3)?;
        let server = |path, port: u16| {
            let mut program = whole::program(path);
            Background::start(program.args(["--port", &port.to_string()]), port)
        };
        Ok(Self {
            browser,
            scope,
            port,
            _servers: [
                server("examples/contract_server", port + 1)?,
                server("faulty", port + 2)?,
            ],
            _slot: slot,
        })
    }

    fn run_without_endurance(&self) -> Result<()> {
        let output_text = self.run(&["--skip", ENDURANCE_PREFIX])?;
        let result = output_text.rfind("test result").unwrap_or(0);
        self.show(output_text[result..].trim());
        Ok(())
    }

    /// Runs the tests and returns their output.
    fn run(&self, arguments: &[&str]) -> Result<String> {
        let Self { browser, scope, .. } = self;
        let output = tests(&["--"])
            .args(arguments)
            .env("RUST_BACKTRACE", "0")
            .env(browser.driver_variable, &browser.driver)
            .env(scope.variable, "1")
            .env(
                "WASM_BINDGEN_TEST_ADDRESS",
                format!("127.0.0.1:{}", self.port),
            )
            .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", seconds(test_timeout()))
            // Timeout for all tests of this scope together.
            .env("WASM_BINDGEN_TEST_TIMEOUT", seconds(10 * test_timeout()))
            .env(
                "WASM_BINDGEN_TEST_WEBDRIVER_JSON",
                &browser.capabilities_file,
            )
            .output()?;
        let output_text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            self.show(&output_text);
            let stderr = String::from_utf8_lossy(&output.stderr);
            bail!(
                "{}, {}: {}: {stderr}",
                browser.name,
                scope.name,
                output.status
            );
        }
        Ok(output_text)
    }

    fn show(&self, output_text: &str) {
        eprintln!(
            "\n-- {}, {}\n{output_text}",
            self.browser.name, self.scope.name
        );
    }
}

/// Opens the demo page, uses each of its faults, stops its server and starts it again.
fn test_page(browser: &Browser) -> Result<()> {
    drive(browser, end_to_end())
}

/// Takes the screenshot of the demo page that the README shows: `guide/demo.png`.
pub(crate) fn screenshot() -> Result<()> {
    page::build()?;
    let mut picture = end_to_end();
    picture.args(["--", "--ignored", "the_picture_of_the_readme"]);
    drive(&Browser::chromium()?, picture)?;
    let picture = target().join("screenshots/chrome/readme.png");
    fs::copy(picture, root().join("guide/demo.png"))?;
    Ok(())
}

/// Runs these tests in one browser after the other.
pub(crate) fn drive_both(tests: impl Fn() -> Command) -> Result<()> {
    [Browser::chromium()?, Browser::firefox()?]
        .iter()
        .try_for_each(|browser| drive(browser, tests()))
}

/// Runs tests that read from their environment the URL of the browser's driver and the capabilities.
fn drive(browser: &Browser, mut tests: Command) -> Result<()> {
    let _slot = slot()?;
    let port = port::free()?;
    let mut driver = Command::new(&browser.driver);
    // Firefox prints much that does not matter.
    let log = File::create(target().join(format!("{}.log", browser.name)))?;
    driver.stdout(log.try_clone()?).stderr(log);
    let _driver = Background::start(driver.arg(format!("--port={port}")), port)?;
    tests
        .env("WEBDRIVER", format!("http://127.0.0.1:{port}"))
        .env("WEBDRIVER_CAPABILITIES", browser.capabilities.to_string());
    run(tests).with_context(|| browser.name)
}

/// Returns the time in seconds, at least 1, in the format of the wasm test runner.
fn seconds(time: Duration) -> String {
    time.as_secs().max(1).to_string()
}

/// Returns the command for the tests of the demo page.
fn end_to_end() -> Command {
    cargo_all("test", "--test end_to_end")
}
