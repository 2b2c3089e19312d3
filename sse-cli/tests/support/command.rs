//! The command `sse` as a process, and its output.

use std::{
    io::{Read, Write},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use testkit::timeout::test_timeout;

/// Environment variables that set a proxy.
const PROXY_VARIABLES: [&str; 8] = [
    "ALL_PROXY",
    "all_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// Returns the command with these arguments and without proxies.
pub(crate) fn sse<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sse"));
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for variable in PROXY_VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// Result of a command that has ended.
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command with this stdin to its end.
pub(crate) fn run(command: &mut Command, input: impl AsRef<[u8]> + Send + 'static) -> Done {
    let mut running = Running::start(command);
    let mut stdin = running.child.stdin.take().unwrap();
    // The command may end before it has read all input.
    thread::spawn(move || _ = stdin.write_all(input.as_ref()));
    let code = running.wait().code();
    Done {
        code,
        stdout: running.stdout.rest(),
        stderr: running.stderr.rest(),
    }
}

/// Command that is running. It is killed when this is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        Self {
            stdout: Output::new(child.stdout.take().unwrap()),
            stderr: Output::new(child.stderr.take().unwrap()),
            child,
        }
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }
}

pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let (start, limit) = (Instant::now(), test_timeout());
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > limit {
            let _ = child.kill();
            panic!("the command does not end");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Output of a command that is running.
pub(crate) struct Output {
    chunks: mpsc::Receiver<Vec<u8>>,
    seen: Vec<u8>,
}

impl Output {
    pub(crate) fn new(mut pipe: impl Read + Send + 'static) -> Self {
        let (sender, chunks) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 64 * 1024];
            // A pseudo terminal ends with an error.
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            chunks,
            seen: Vec::new(),
        }
    }

    /// Waits until the output contains this text.
    pub(crate) fn expect(&mut self, text: &str) {
        self.expect_times(text, 1);
    }

    /// Waits until the output contains this text `count` times.
    pub(crate) fn expect_times(&mut self, text: &str, count: usize) {
        let deadline = Instant::now() + test_timeout();
        while String::from_utf8_lossy(&self.seen).matches(text).count() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.chunks.recv_timeout(left) {
                Ok(chunk) => self.seen.extend(chunk),
                Err(error) => {
                    let seen = String::from_utf8_lossy(&self.seen);
                    panic!("{error}: no {text:?} in {seen:?}");
                }
            }
        }
    }

    /// Returns the output so far.
    pub(crate) fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Waits for the end of the output, and returns all of it.
    pub(crate) fn rest(&mut self) -> String {
        while let Ok(chunk) = self.chunks.recv_timeout(test_timeout()) {
            self.seen.extend(chunk);
        }
        String::from_utf8_lossy(&self.seen).into_owned()
    }
}
