//! Servers that send everything but the head of a response.

mod support;

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use futures_util::StreamExt;
use sse_source::{Error, EventSource, Item, Transport};
use support::soon;
use testkit::poll_time::{assert_neighbours_run, undisturbed};

/// Number of bytes that a server sends if the client does not stop it.
const FLOOD_BYTES: usize = 8 << 20;

/// Starts a server, in its own thread, that sends `first`, and then `flood` again and again. Returns its URL.
fn serve(first: &'static [u8], flood: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let _ = connection.read(&mut [0; 4096]);
        let chunk = flood.repeat(64 * 1024 / flood.len() + 1);
        let mut result = connection.write_all(first);
        let mut sent = 0;
        while sent < FLOOD_BYTES && result.is_ok() {
            result = connection.write_all(&chunk);
            sent += chunk.len();
        }
        linger(&connection);
    });
    url
}

/// Keeps the connection open for a while, so that the client can read the rest.
fn linger(connection: &TcpStream) {
    let _ = connection.shutdown(Shutdown::Write);
    thread::sleep(Duration::from_secs(1));
}

/// Sends one request to that server, which must fail with a network error, and returns its text.
fn error(name: &str, transport: Transport, url: String) -> String {
    let error = assert_neighbours_run(name, async {
        let config = soon().head_timeout(None);
        let request = EventSource::get(url).config(config).transport(transport);
        request.send().await.unwrap_err()
    });
    assert!(matches!(error, Error::Network(_)), "{name}: {error:?}");
    error.report().to_string()
}

#[test]
fn informational_responses_without_end_are_an_error() {
    undisturbed(|| {
        for head in [
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 102 \r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n",
        ] {
            let url = serve(b"", head.into());
            let error = error(head, Transport::new(), url);
            assert!(error.contains("no response head after"), "{error}");
            assert!(error.contains("limit is 524288"), "{error}");
        }
    });
}

/// Returns an HTTP/2 frame on stream 1, or on stream 0 if its type needs that.
fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let stream = u8::from(kind < 4);
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

#[test]
fn frames_without_end_are_an_error() {
    undisturbed(|| {
        const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
        for (name, frame) in [
            ("HEADERS with status 103", frame(1, 4, b"\x08\x03103")),
            ("PRIORITY", frame(2, 0, b"\0\0\0\0\x10")),
            ("PING, acknowledged", frame(6, 1, b"12345678")),
            ("an unknown type", frame(0xfa, 0, b"")),
        ] {
            let url = serve(SETTINGS, frame);
            let error = error(name, Transport::http2_prior_knowledge(), url);
            assert!(error.contains("limit is 524288"), "{name}: {error}");
        }
    });
}

/// Checks that frames after the head are read in turns. Their number has no limit.
#[test]
fn frames_after_the_head_let_neighbours_run() {
    undisturbed(|| {
        const START: &[u8] = b"\0\0\0\x04\0\0\0\0\0\
        \0\0\x15\x01\x04\0\0\0\x01\x88\x0f\x10\x11text/event-stream";
        for (name, frame) in [
            ("PRIORITY", frame(2, 0, b"\0\0\0\0\x10")),
            ("PING, acknowledged", frame(6, 1, b"12345678")),
            ("an unknown type", frame(0xfa, 0, b"")),
        ] {
            let url = serve(START, frame);
            let transport = Transport::http2_prior_knowledge();
            assert_neighbours_run(name, async {
                let request = EventSource::get(url).transport(transport);
                let mut events = request.send().await.unwrap();
                let item = events.next().await;
                assert!(matches!(item, Some(Err(Error::Network(_)))), "{item:?}");
            });
        }
    });
}

#[test]
fn a_response_may_come_after_some_of_them() {
    undisturbed(|| {
        let hints = "HTTP/1.1 103 Early Hints\r\nlink: </style.css>\r\n\r\n".repeat(1000);
        let response = support::stream("data: 1\n\n");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 4096]);
            connection.write_all(hints.as_bytes()).unwrap();
            connection.write_all(&response).unwrap();
            linger(&connection);
        });
        let transport = Transport::new();
        assert_neighbours_run("early hints", async {
            let request = EventSource::get(url).transport(transport);
            let mut events = request.send().await.unwrap();
            let item = events.next().await;
            assert!(matches!(item, Some(Ok(Item::Event(_)))), "{item:?}");
        });
    });
}

/// Checks that only bytes before a head count, and that each request of a connection starts at 0.
#[test]
fn a_stream_of_any_length_may_follow_on_the_same_connection() {
    undisturbed(|| {
        const EVENTS: usize = 40;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            for _ in 0..3 {
                let _ = connection.read(&mut [0; 4096]);
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
                connection.write_all(head.as_bytes()).unwrap();
                for _ in 0..EVENTS {
                    let event = format!("data: {}\n\n", "x".repeat(32 * 1024));
                    let chunk = format!("{:x}\r\n{event}\r\n", event.len());
                    connection.write_all(chunk.as_bytes()).unwrap();
                }
                connection.write_all(b"0\r\n\r\n").unwrap();
            }
        });
        let transport = Transport::new();
        assert_neighbours_run("three streams", async {
            for _ in 0..3 {
                let request = EventSource::get(&url).transport(transport.clone());
                let mut events = request.send().await.unwrap();
                let mut count = 0;
                while let Some(item) = events.next().await {
                    count += usize::from(matches!(item, Ok(Item::Event(_))));
                }
                assert_eq!(count, EVENTS);
            }
        });
        server.join().unwrap();
    });
}
