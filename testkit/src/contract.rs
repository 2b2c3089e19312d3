//! Tests a contract server over real connections, like its clients. The checks are the same for each server library.

mod expected;
mod golden;
mod server;

use std::{
    io::Read,
    net::{Shutdown, TcpStream},
    process::Command,
};

use server::{Server, body, read_until};

pub use expected::{HOSTILE, echo_path, echoed, events, golden};
pub use golden::GOLDEN;

use crate::{Item, Outcome, example::wait_until, reference};

/// Starts the example with this name, of the package whose tests are running, and runs all checks on it.
///
/// # Panics
///
/// If a check fails.
pub fn check(example: &str) {
    let server = Server::start(example);
    server.sends_the_golden_events();
    server.resumes_after_the_last_event_id();
    server.flushes_each_event();
    server.sends_as_fast_as_the_client_reads();
    server.cannot_be_made_to_forge();
    server.ends_http_1_0_with_the_connection();
    server.looks_at_the_request();
    server.notices_clients_that_leave();
    server.shuts_down_at_once();
}

/// Number of open streams when the server has to shut down.
///
/// The usual limit on open files allows this number for both the server and the test.
const OPEN_STREAMS: usize = 400;

impl Server {
    fn sends_the_golden_events(&self) {
        let mut response = self.get("/golden", None);
        let header = |name: &str| response.headers().get(name).map(|value| value.as_bytes());
        assert_eq!(response.status(), 200);
        assert_eq!(header("content-type"), Some(&b"text/event-stream"[..]));
        assert_eq!(
            header("cache-control"),
            Some(&b"no-cache, no-transform"[..])
        );
        assert_eq!(header("incremental"), Some(&b"?1"[..]));
        assert_eq!(header("x-accel-buffering"), Some(&b"no"[..]));
        assert_eq!(header("access-control-allow-origin"), Some(&b"*"[..]));

        let stream = body(&mut response);
        assert!(stream.starts_with(b":"), "the first line is not a comment");
        let first = stream
            .windows(2)
            .position(|pair| pair == b"\n\n")
            .expect("a blank line");
        let hello = stream[first + 2..]
            .split(|byte| *byte == b'\n')
            .take_while(|l| !l.is_empty());
        assert!(
            hello.clone().any(|line| line == b"retry: 500"),
            "no `retry` in the block of the first event"
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

    /// Checks that the first event comes at once. The second comes an hour later, so the first must not wait for it.
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
            assert!(!body(&mut response).is_empty(), "{path}: no reason given");
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

    fn looks_at_the_request(&self) {
        let answer = |head: &str| {
            let mut connection =
                self.send(format!("{head}\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
            let mut answer = Vec::new();
            let end = connection.read_to_end(&mut answer);
            end.expect("the server closes the connection");
            String::from_utf8(answer).expect("UTF-8")
        };
        let head = answer("HEAD /live?n=9&ms=3600000 HTTP/1.1");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let headers = head.to_lowercase();
        assert!(
            headers.contains("content-type: text/event-stream"),
            "{head}"
        );
        assert!(!headers.contains("content-length"), "{head}");
        assert!(head.ends_with("\r\n\r\n"), "{head}");

        let refused = answer("GET /golden HTTP/1.1\r\nAccept: application/json");
        assert!(refused.starts_with("HTTP/1.1 406"), "{refused}");
        let accepted = answer("POST /echo?data=a HTTP/1.1\r\nAccept: application/json");
        assert!(accepted.starts_with("HTTP/1.1 200"), "{accepted}");
        assert!(accepted.contains("data: a\n\n"), "{accepted}");
    }

    /// Shuts the server down while many streams are open. Half of them are idle and half are busy.
    fn shuts_down_at_once(mut self) {
        let mut connections: Vec<_> = (0..OPEN_STREAMS)
            .map(|n| {
                let pause = [3_600_000, 20][n % 2];
                let path = format!("/live?n=1000000&ms={pause}");
                self.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
            })
            .collect();
        for connection in &mut connections {
            read_until(connection, b"data: tick 1 ");
        }
        // One more client has stopped reading.
        let stalled = self.send(b"GET /live?n=1000000&ms=0&pad=999 HTTP/1.1\r\nHost: x\r\n\r\n");
        wait_until("its stream is open", || {
            self.active() == OPEN_STREAMS as u64 + 1
        });
        let signal = Command::new("kill")
            .arg(self.example.process.id().to_string())
            .status();
        assert!(signal.expect("kill").success());
        // The server must end before any of the streams would end by itself.
        wait_until("the server has ended", || {
            let ended = self.example.process.try_wait();
            ended.expect("the server's end").is_some()
        });
        let status = self.example.process.wait().expect("the server's end");
        assert!(status.success(), "{status}");
        drop(stalled);

        for mut connection in connections {
            let mut rest = Vec::new();
            let end = connection.read_to_end(&mut rest);
            end.expect("the end of the connection");
            let rest = String::from_utf8(rest).expect("UTF-8");
            let (_, close_event) = rest
                .split_once("event: shutdown\nretry: ")
                .unwrap_or_else(|| panic!("no close event in {rest:?}"));
            assert!(
                close_event.ends_with("\ndata: back soon\n\n\r\n0\r\n\r\n"),
                "{close_event:?}"
            );
        }
    }

    fn notices_clients_that_leave(&self) {
        wait_until("streams that ended are gone", || self.active() == 0);
        let paths = [
            "/live?n=9&ms=3600000",
            "/live?n=1000000&ms=5",
            "/live?n=1000000&ms=0&pad=999",
        ];
        // Each round disconnects in its own way: the first closes the sockets, the second first shuts down their write
        // half. A connection with unread data is reset.
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
}
