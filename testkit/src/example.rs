//! Example of the package whose tests are running, as a process.

use std::{
    env,
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use crate::{port, timeout::test_timeout};

/// Example that runs and listens until it is dropped.
#[derive(Debug)]
pub struct Example {
    /// Process of the example.
    pub process: Child,
    /// Port of 127.0.0.1 on which it listens.
    pub port: u16,
}

impl Example {
    /// Starts the example with this name and `--port`, and waits until it listens.
    ///
    /// # Panics
    ///
    /// If the example cannot be started, or does not listen in time.
    pub fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    /// Starts the example like [`start`](Self::start), with these environment variables.
    ///
    /// # Panics
    ///
    /// If the example cannot be started, or does not listen in time.
    pub fn start_with(name: &str, variables: &[(&str, &Path)]) -> Self {
        Self::start_command(name, |command, port| {
            command
                .args(["--port", &port.to_string()])
                .envs(variables.iter().copied());
        })
    }

    /// Starts the example with this name, and waits until it listens. The function adds the arguments for the port.
    ///
    /// # Panics
    ///
    /// If the example cannot be started, or does not listen in time.
    pub fn start_command(name: &str, configure: impl FnOnce(&mut Command, u16)) -> Self {
        let port = port::free().expect("a free port");
        let mut command = Command::new(program(name));
        configure(&mut command, port);
        let process = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let example = Self { process, port };
        wait_until("it listens", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        example
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the path of an example's program.
///
/// For the test `target/debug/deps/TEST`, that is `target/debug/examples/NAME`.
///
/// # Panics
///
/// If the path of the test has another form.
pub fn program(name: &str) -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let profile = test
        .parent()
        .and_then(|deps| deps.parent())
        .expect("the folder of the profile");
    profile.join("examples").join(name)
}

pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let (start, limit) = (Instant::now(), test_timeout());
    while !condition() {
        assert!(
            start.elapsed() < limit,
            "timed out after {limit:?} waiting until {what}"
        );
        thread::sleep(Duration::from_millis(10));
    }
}
