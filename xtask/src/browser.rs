//! The tests that need browsers: headless Chromium and Firefox, driven through WebDriver.

mod driver;

use std::{fs::File, panic::resume_unwind, process::Command, thread, time::Duration};

use anyhow::{Context, Result, bail};
use testkit::{
    browser::{Slot, slot},
    port,
    timeout::test_timeout,
};

use crate::{
    background::Background,
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

const CHROMIUM: &str = "chromium";
const FIREFOX: &str = "firefox";

/// The browsers, as the command line has them.
pub(crate) const NAMES: [&str; 2] = [CHROMIUM, FIREFOX];

/// Those that want the machine for themselves.
const ENDURANCE: &str = "endurance::";

/// The tests of sse-wasm against real servers, and the demo page end to end, all in both browsers.
///
/// With a filter, only those tests of sse-wasm in windows whose names contain it.
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
            let bed = Bed::new(browser, PLACES[0])?;
            bed.show(&bed.run(&[filter])?);
            Ok(())
        });
    }
    page::build()?;
    run(end_to_end().arg("--no-run"))?;

    // The slots of browsers decide how many run at a time. The longest come first.
    let walks = browsers.iter().map(Job::Walk);
    let tests = PLACES.iter().flat_map(|place| {
        let browsers = browsers.iter();
        browsers.map(|browser| Job::Tests(browser, *place))
    });
    side_by_side(&walks.chain(tests).collect::<Vec<_>>(), Job::run)?;
    browsers.iter().try_for_each(|it| endurance(it, long))
}

/// Work of one browser for as long as it runs.
enum Job<'a> {
    /// The demo page, end to end.
    Walk(&'a Browser),
    /// The tests of sse-wasm, all but those that want the machine for themselves.
    Tests(&'a Browser, Place),
}

impl Job<'_> {
    fn run(&self) -> Result<()> {
        match *self {
            Self::Walk(browser) => walk_through_the_page(browser),
            Self::Tests(browser, place) => Bed::new(browser, place)?.run_all_but_endurance(),
        }
    }
}

/// The tests that take long or measure, in windows.
fn endurance(browser: &Browser, long: bool) -> Result<()> {
    let mut arguments = vec![ENDURANCE, "--nocapture"];
    arguments.extend(long.then_some("--include-ignored"));
    let bed = Bed::new(browser, PLACES[0])?;
    bed.show(&bed.run(&arguments)?);
    Ok(())
}

/// Does it with all of them at once.
fn side_by_side<T: Sync>(all: &[T], act: impl Fn(&T) -> Result<()> + Sync) -> Result<()> {
    thread::scope(|scope| {
        let threads: Vec<_> = all.iter().map(|one| scope.spawn(|| act(one))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
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

/// A place in a browser that may run, and the servers that the tests want: the contract server on the port after
/// the page's, the one with faults on the next.
struct Bed<'a> {
    browser: &'a Browser,
    place: Place,
    port: u16,
    _servers: [Background; 2],
    _slot: Slot,
}

impl<'a> Bed<'a> {
    fn new(browser: &'a Browser, place: Place) -> Result<Self> {
        let slot = slot()?;
        let port = port::free_row(3)?;
        let server = |path, port: u16| {
            let mut program = whole::program(path);
            Background::start(program.args(["--port", &port.to_string()]), port)
        };
        Ok(Self {
            browser,
            place,
            port,
            _servers: [
                server("examples/contract_server", port + 1)?,
                server("faulty", port + 2)?,
            ],
            _slot: slot,
        })
    }

    fn run_all_but_endurance(&self) -> Result<()> {
        let said = self.run(&["--skip", ENDURANCE])?;
        let result = said.rfind("test result").unwrap_or(0);
        self.show(said[result..].trim());
        Ok(())
    }

    /// Runs the tests, and gives what they say.
    fn run(&self, arguments: &[&str]) -> Result<String> {
        let Self { browser, place, .. } = self;
        let output = tests(&["--"])
            .args(arguments)
            .env("RUST_BACKTRACE", "0")
            .env(browser.driver_variable, &browser.driver)
            .env(place.variable, "1")
            .env(
                "WASM_BINDGEN_TEST_ADDRESS",
                format!("127.0.0.1:{}", self.port),
            )
            .env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", seconds(test_timeout()))
            // For all tests of a place together.
            .env("WASM_BINDGEN_TEST_TIMEOUT", seconds(10 * test_timeout()))
            .env(
                "WASM_BINDGEN_TEST_WEBDRIVER_JSON",
                &browser.capabilities_file,
            )
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            self.show(&said);
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

    fn show(&self, said: &str) {
        eprintln!("\n-- {}, {}\n{said}", self.browser.name, self.place.name);
    }
}

/// Opens the demo page, breaks all that it offers to break, stops its server and starts it again.
fn walk_through_the_page(browser: &Browser) -> Result<()> {
    drive(browser, end_to_end())
}

/// Runs these tests in both browsers, one after the other.
pub(crate) fn drive_both(tests: impl Fn() -> Command) -> Result<()> {
    [Browser::chromium()?, Browser::firefox()?]
        .iter()
        .try_for_each(|browser| drive(browser, tests()))
}

/// Runs tests that find in their environment where the browser's driver is, and what to ask it for.
fn drive(browser: &Browser, mut tests: Command) -> Result<()> {
    let _slot = slot()?;
    let port = port::free()?;
    let mut driver = Command::new(&browser.driver);
    // Firefox has much to say of no matter.
    let log = File::create(target().join(format!("{}.log", browser.name)))?;
    driver.stdout(log.try_clone()?).stderr(log);
    let _driver = Background::start(driver.arg(format!("--port={port}")), port)?;
    tests
        .env("WEBDRIVER", format!("http://127.0.0.1:{port}"))
        .env("WEBDRIVER_CAPABILITIES", browser.capabilities.to_string());
    run(tests).with_context(|| browser.name)
}

/// At least 1, as the runner of the wasm tests reads it.
fn seconds(time: Duration) -> String {
    time.as_secs().max(1).to_string()
}

/// The tests of the demo page.
fn end_to_end() -> Command {
    cargo_all("test", "--test end_to_end")
}
