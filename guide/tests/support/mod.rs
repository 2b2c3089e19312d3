//! Commands as in a terminal: what they print is waited for, and Ctrl-C ends them.

use std::{
    env,
    io::Read,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{JoinHandle, sleep, spawn},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use testkit::timeout::test_timeout;

/// Returns the time after which a command will never print what is waited for. It is long because what is run
/// may have to be built first, all of it.
pub(crate) fn build_timeout() -> Duration {
    4 * test_timeout()
}

/// In a pipe, curl shows its progress, and stderr is not where stdout is.
const PRELUDE: &str = r#"exec 2>&1; curl() { command curl --no-progress-meter "$@"; }"#;

/// A shell with one command and all that it starts.
pub(crate) struct Terminal {
    line: String,
    shell: Child,
    printed: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Runs it in this folder. Examples listen on the port, if they listen.
    pub(crate) fn start(line: &str, folder: &Path, port: u16) -> Self {
        let mut shell = Command::new("bash");
        testkit::cargo::forget_package(&mut shell);
        // As in the workspace's profile, so that what a project beside the clone shares with it is built once.
        let debug = env::var_os("CARGO_PROFILE_DEV_DEBUG").unwrap_or("line-tables-only".into());
        let mut shell = shell
            .args(["-e", "-c", &format!("{PRELUDE}\n{line}")])
            .current_dir(folder)
            .env("PORT", port.to_string())
            .env("CARGO_TARGET_DIR", target())
            .env("CARGO_PROFILE_DEV_DEBUG", debug)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{line}: {error}"));
        let mut pipe = shell.stdout.take().expect("its output");
        let printed = Arc::new(Mutex::new(String::new()));
        let screen = Arc::clone(&printed);
        let reader = spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]);
                screen.lock().expect("no panic").push_str(&text);
            }
        });
        Self {
            line: line.to_owned(),
            shell,
            printed,
            reader,
        }
    }

    /// What it has printed so far.
    pub(crate) fn printed(&self) -> String {
        let printed = self.printed.lock();
        printed.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has printed this, in which `…` is anything.
    pub(crate) fn expect(&mut self, text: &str) {
        let what = format!("{text:?} comes from {}", self.line);
        wait_until(build_timeout(), &what, || {
            // In this order, for it prints until it ends.
            let ended = self.reader.is_finished();
            let printed = self.printed();
            let is_there = shows(&printed, text);
            assert!(is_there || !ended, "{}: {printed}", self.line);
            is_there
        });
    }

    /// Waits for its end.
    pub(crate) fn end_within(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("{} ends", self.line);
        wait_until(limit, &what, || self.reader.is_finished());
        self.shell.wait().expect("its status")
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        // It may have ended by itself.
        let _ = kill_process_group(Pid::from_child(&self.shell), Signal::INT);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if matches!(self.shell.try_wait(), Ok(None)) {
            let _ = kill_process_group(Pid::from_child(&self.shell), Signal::KILL);
            let _ = self.shell.wait();
        }
    }
}

/// Whether this was printed, in which `…` is anything.
pub(crate) fn shows(printed: &str, text: &str) -> bool {
    let mut rest = printed;
    text.split('…').all(|part| match rest.split_once(part) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

pub(crate) fn wait_until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "in vain waited until {what}");
        sleep(Duration::from_millis(20));
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    testkit::port::free().expect("a free port")
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR"));
    guide.parent().expect("the workspace").to_owned()
}

/// Where the workspace is built.
fn target() -> &'static Path {
    let inside = Path::new(env!("CARGO_TARGET_TMPDIR"));
    inside.parent().expect("the folder above")
}
