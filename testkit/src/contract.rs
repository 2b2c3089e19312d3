//! Drives a contract server as its clients would, over real connections. Whatever library the
//! server is written for, it has to pass the same.

mod expected;

use std::{
    env,
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use ureq::http::Response;

pub use expected::{HOSTILE, echo_path, echoed, events, golden};

use crate::{Item, Outcome, reference};

/// How long anything may take before it counts as not happening.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts the example of this name, of the package whose tests are running, and checks all of it.
pub fn check(example: &str) {
    let server = Server::start(example);
    server.sends_the_golden_events();
    server.resumes_after_the_last_event_id();
    server.flushes_each_event();
    server.sends_as_fast_as_the_client_reads();
    server.cannot_be_made_to_forge();
    server.ends_http_1_0_with_the_connection();
    server.notices_clients_that_leave();
}

struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(example: &str) -> Self {
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

    fn sends_the_golden_events(&self) {
        let mut response = self.get("/golden", None);
        let header = |name: &str| response.headers().get(name).map(|value| value.as_bytes());
        assert_eq!(response.status(), 200);
        assert_eq!(header("content-type"), Some(&b"text/event-stream"[..]));
        assert_eq!(header("cache-control"), Some(&b"no-cache"[..]));
        assert_eq!(header("x-accel-buffering"), Some(&b"no"[..]));
        assert_eq!(header("access-control-allow-origin"), Some(&b"*"[..]));

        let stream = body(&mut response);
        assert!(stream.starts_with(b":"), "a comment comes first");
        let first = stream
            .windows(2)
            .position(|pair| pair == b"\n\n")
            .expect("a blank line");
        let hello = stream[first + 2..]
            .split(|byte| *byte == b'\n')
            .take_while(|l| !l.is_empty());
        assert!(
            hello.clone().any(|line| line == b"retry: 500"),
            "in the block of the first event"
        );
        assert!(hello.clone().any(|line| line == b"data: hello"));
        let mut expected = vec![Item::Comment(String::new()), Item::Retry(500)];
        expected.extend(golden());
        assert_eq!(reference::interpret(&stream).items, expected);
    }

    fn resumes_after_the_last_event_id(&self) {
        for seen in 0..9 {
            let mut response = self.get("/golden", Some(seen.to_string().as_bytes()));
            let rest: Vec<Item> = golden().into_iter().skip(seen).collect();
            assert_eq!(events(&body(&mut response)), rest, "after {seen}");
        }
        for invalid in [&b"\xFF"[..], b"x", b"-1"] {
            assert_eq!(
                self.get("/golden", Some(invalid)).status(),
                400,
                "{invalid:?}"
            );
        }
    }

    /// The second event is an hour away, so if the first is seen, it was not held back for more.
    fn flushes_each_event(&self) {
        let mut connection = self.send(b"GET /live?n=2&ms=3600000 HTTP/1.1\r\nHost: x\r\n\r\n");
        read_until(&mut connection, b"data: tick 1 ");
    }

    fn sends_as_fast_as_the_client_reads(&self) {
        let stream = body(&mut self.get("/live?n=5000&ms=0&pad=300", None));
        let items = events(&stream);
        assert_eq!(items.len(), 5000);
        for (item, number) in items.iter().zip(1..) {
            let Item::Event {
                data,
                last_event_id,
                ..
            } = item
            else {
                panic!("{item:?}")
            };
            assert!(
                data.starts_with(&format!("tick {number} ")) && data.ends_with(&"x".repeat(300))
            );
            assert_eq!(*last_event_id, format!("{number}"));
        }
    }

    fn cannot_be_made_to_forge(&self) {
        for data in HOSTILE {
            self.echoes(data, "", "");
            self.echoes("data", data, "");
            self.echoes("data", "", data);
            self.echoes(data, data, data);
        }
    }

    fn echoes(&self, data: &str, event_type: &str, id: &str) {
        let path = echo_path(data, event_type, id);
        let mut response = self.get(&path, None);
        let Some(sent) = echoed(data, event_type, id) else {
            assert_eq!(response.status(), 400, "{path}");
            assert!(!body(&mut response).is_empty(), "{path}: it says why");
            return;
        };
        let Outcome {
            items,
            last_event_id,
        } = reference::interpret(&body(&mut response));
        assert_eq!(items, [Item::Comment(String::new()), sent], "{path}");
        assert_eq!(last_event_id, id, "{path}");
    }

    fn ends_http_1_0_with_the_connection(&self) {
        for more in ["", "Connection: keep-alive\r\n"] {
            let request = format!("GET /golden HTTP/1.0\r\n{more}\r\n");
            let mut answer = Vec::new();
            let end = self.send(request.as_bytes()).read_to_end(&mut answer);
            end.expect("the server closes the connection");
            let answer = String::from_utf8(answer).expect("UTF-8");
            let (head, stream) = answer.split_once("\r\n\r\n").expect("an empty line");
            assert!(head.starts_with("HTTP/1.0 200"), "{head}");
            assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
            assert_eq!(events(stream.as_bytes()), golden());
        }
    }

    fn notices_clients_that_leave(&self) {
        wait_until("streams that ended are gone", || self.active() == 0);
        let paths = [
            "/live?n=9&ms=3600000",
            "/live?n=1000000&ms=5",
            "/live?n=1000000&ms=0&pad=999",
        ];
        // One leaves properly, one only stops to talk, one has unread data and so is reset.
        let leave = [
            |_: &TcpStream| {},
            |stream: &TcpStream| {
                stream
                    .shutdown(Shutdown::Write)
                    .expect("a connection to shut down");
            },
        ];
        for leave in leave {
            let connections = paths.map(|path| {
                let mut connection =
                    self.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
                read_until(&mut connection, b"data: tick 1 ");
                connection
            });
            assert_eq!(self.active(), 3);
            connections.iter().for_each(leave);
            drop(connections);
            wait_until("the streams of clients that left are gone", || {
                self.active() == 0
            });
        }
    }

    fn active(&self) -> u64 {
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

    fn get(&self, path: &str, last_event_id: Option<&[u8]>) -> Response<ureq::Body> {
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

    fn send(&self, request: &[u8]) -> TcpStream {
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

fn body(response: &mut Response<ureq::Body>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let end = response.body_mut().as_reader().read_to_end(&mut bytes);
    end.expect("a body that ends properly");
    bytes
}

fn read_until(connection: &mut TcpStream, wanted: &[u8]) {
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

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "in vain waited until {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
