//! Runs commands as in a terminal, waits for their output, and ends them with Ctrl-C.

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

/// Returns the maximum time that a command may take to print its expected output. It is long because cargo may have
/// to build everything first.
pub(crate) fn build_timeout() -> Duration {
    4 * test_timeout()
}

/// Shell commands that make a pipe look like a terminal: stderr goes to stdout, and curl shows no progress.
const PRELUDE: &str = r#"exec 2>&1; curl() { command curl --no-progress-meter "$@"; }"#;

/// Shell that runs one command, and all processes that the command starts.
pub(crate) struct Terminal {
    line: String,
    shell: Child,
    printed: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Runs a command line in a folder. Servers of the examples listen on the port.
    pub(crate) fn start(line: &str, folder: &Path, port: u16) -> Self {
        let mut shell = Command::new("bash");
        testkit::cargo::forget_package(&mut shell);
        // The profile of the workspace, so that dependencies shared with a project beside the clone are built once.
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

    /// Returns the output up to now.
    pub(crate) fn printed(&self) -> String {
        let printed = self.printed.lock();
        printed.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the output contains this text, where `…` matches any text.
    pub(crate) fn expect(&mut self, text: &str) {
        let what = format!("{} prints {text:?}", self.line);
        wait_until(build_timeout(), &what, || {
            // In this order, because the command may still print before it ends.
            let ended = self.reader.is_finished();
            let printed = self.printed();
            let is_there = shows(&printed, text);
            assert!(is_there || !ended, "{}: {printed}", self.line);
            is_there
        });
    }

    /// Waits until the command ends.
    pub(crate) fn end_within(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("{} ends", self.line);
        wait_until(limit, &what, || self.reader.is_finished());
        self.shell.wait().expect("its status")
    }

    /// Sends the signal of Ctrl-C to the command and its processes.
    pub(crate) fn interrupt(&self) {
        // It may have ended already.
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

/// Returns true if the output contains the text, where `…` matches any text.
pub(crate) fn shows(printed: &str, text: &str) -> bool {
    let mut rest = printed;
    text.split('…').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// Waits until the condition holds, and panics after the limit.
pub(crate) fn wait_until(limit: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "timeout before {what}");
        sleep(Duration::from_millis(20));
    }
}

/// Returns a free port.
pub(crate) fn free_port() -> u16 {
    testkit::port::free().expect("a free port")
}

/// Returns the root of the workspace.
pub(crate) fn root() -> PathBuf {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR"));
    guide.parent().expect("the workspace").to_owned()
}

/// Returns the target folder of the workspace.
fn target() -> &'static Path {
    let inside = Path::new(env!("CARGO_TARGET_TMPDIR"));
    inside.parent().expect("the folder above")
}
