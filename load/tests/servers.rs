//! Checks that every library sends every subscriber the same events, so that the tables of the servers compare the same
//! work.

use std::{path::Path, process::Command, time::Instant};

use load::{
    commands::{LENGTH, text},
    server::Server,
    servers::Library,
    subscribers::Subscribers,
};
use sse_proto::{Chunk, Decoder, Item};
use testkit::timeout::test_timeout;

#[test]
fn every_library_sends_the_same_events() {
    // Without nchan, which is not installed on every machine.
    let others = [Library::Actix, Library::Epoll];
    for library in Library::ALL.into_iter().chain(others) {
        let path = Path::new(env!("CARGO_BIN_EXE_serve"));
        let mut server = Server::start(path, library, None).expect("it starts");
        let mut subscribers =
            Subscribers::connect(server.port(), 3, true).expect("three responses");
        for burst in [16, 1] {
            server.publish(burst).expect("it publishes");
            subscribers.receive(burst).expect("all events");
        }
        server.has_missed_nothing().expect("no missed events");
        server.process().check_health().expect("a running server");
        for body in subscribers.bodies() {
            let expected: Vec<String> = (0..17).map(|number| text(number, LENGTH)).collect();
            assert_eq!(data(body), expected, "{library}");
        }
    }
}

#[test]
fn the_end_of_the_input_ends_the_server() {
    let mut serve = Command::new(env!("CARGO_BIN_EXE_serve"));
    let mut child = serve
        .args(["--library", "ours", "--port", "0"])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    let begin = Instant::now();
    while child.try_wait().expect("a child process").is_none() {
        assert!(begin.elapsed() < test_timeout(), "the server does not end");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Returns the data of the events in a body. The end of its last chunk may be missing.
fn data(body: &[u8]) -> Vec<String> {
    let mut decoder = Decoder::new();
    let mut data = Vec::new();
    for stream in chunks(body) {
        let mut chunk = Chunk::new(stream);
        while let Some(item) = decoder.decode(&mut chunk).expect("within the limit") {
            if let Item::Event(event) = item {
                data.push(event.data.to_owned());
            }
        }
    }
    data
}

/// Returns the data of the HTTP/1.1 chunks.
fn chunks(mut body: &[u8]) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    while let Some(end) = memchr::memmem::find(body, b"\r\n") {
        let size = str::from_utf8(&body[..end]).expect("digits");
        let size = usize::from_str_radix(size, 16).expect("digits");
        let start = end + 2;
        chunks.push(&body[start..body.len().min(start + size)]);
        body = body.get(start + size + 2..).unwrap_or(&[]);
    }
    chunks
}
