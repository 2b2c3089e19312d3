//! A contract server that runs, and ways to talk with it.

use std::{
    env,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use ureq::http::Response;

/// How long anything may take before it counts as not happening.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Server {
    pub(super) process: Child,
    port: u16,
}

impl Server {
    pub(super) fn start(example: &str) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("its number").port();
        drop(free);
        let process = Command::new(program(example))
            .args(["--port", &port.to_string()])
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {example}: {error}"));
        let server = Self { process, port };
        wait_until("it listens", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        server
    }

    pub(super) fn active(&self) -> u64 {
        let stats = body(&mut self.get("/stats", None));
        let stats = String::from_utf8(stats).expect("UTF-8");
        let number = stats
            .strip_prefix("{\"active\": ")
            .and_then(|rest| rest.strip_suffix('}'));
        #[expect(clippy::disallowed_methods, reason = "no sign comes from there")]
        number
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("{stats}"))
    }

    pub(super) fn get(&self, path: &str, last_event_id: Option<&[u8]>) -> Response<ureq::Body> {
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder()
                .http_status_as_error(false)
                .timeout_global(Some(PATIENCE))
                .build(),
        );
        let mut request = agent.get(format!("http://127.0.0.1:{}{path}", self.port));
        if let Some(id) = last_event_id {
            request = request.header("Last-Event-ID", id);
        }
        request
            .call()
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(super) fn send(&self, request: &[u8]) -> TcpStream {
        let mut connection =
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("a connection");
        connection
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout");
        connection.write_all(request).expect("a request sent");
        connection
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `target/debug/examples/NAME`, from `target/debug/deps/TEST`.
fn program(example: &str) -> PathBuf {
    let test = env::current_exe().expect("the path of this test");
    let profile = test
        .parent()
        .and_then(|deps| deps.parent())
        .expect("the folder of the profile");
    profile.join("examples").join(example)
}

pub(super) fn body(response: &mut Response<ureq::Body>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let end = response.body_mut().as_reader().read_to_end(&mut bytes);
    end.expect("a body that ends properly");
    bytes
}

pub(super) fn read_until(connection: &mut TcpStream, wanted: &[u8]) {
    let mut seen = Vec::new();
    while !seen.windows(wanted.len()).any(|window| window == wanted) {
        let mut buffer = [0; 1024];
        let count = connection.read(&mut buffer).expect("bytes in time");
        assert!(
            count > 0,
            "the stream ended early: {}",
            String::from_utf8_lossy(&seen)
        );
        seen.extend_from_slice(&buffer[..count]);
    }
}

pub(super) fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "in vain waited until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
