//! Runs two nodes of the example `answers`: the page of an answer is reloaded, and the node that writes it is killed.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Command,
};

use sse_proto::{Chunk, Decoder, Item};
use testkit::{example::Example, nats::Nats, timeout::test_timeout};

/// Node that is killed when it is dropped.
struct Node(Example);

impl Node {
    fn start(nats: &Nats) -> Self {
        Self(Example::start_command("answers", |command, port| {
            command
                .args(["--listen", &format!("127.0.0.1:{port}")])
                .args(["--nats", &nats.url()])
                .args(["--pace", "20", "--patience", "500"]);
        }))
    }

    fn request(&self, target: &str, headers: &str, body: &str) -> BufReader<TcpStream> {
        let mut connection = TcpStream::connect(("127.0.0.1", self.0.port)).unwrap();
        connection.set_read_timeout(Some(test_timeout())).unwrap();
        let length = body.len();
        // HTTP/1.0 has no chunks.
        write!(
            connection,
            "{target} HTTP/1.0\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut connection = BufReader::new(connection);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            assert!(connection.read_line(&mut line).unwrap() > 0);
        }
        connection
    }

    /// Starts an answer, and returns its path.
    fn create(&self, prompt: &str) -> String {
        let mut path = String::new();
        self.request("POST /answers", "", prompt)
            .read_to_string(&mut path)
            .unwrap();
        path.trim().to_owned()
    }

    /// Reads the tokens after the seen ones, until there are this many, or until the end of the answer. Returns false at
    /// the end, or if the connection is cut.
    fn read(&self, path: &str, seen: &mut Vec<String>, count: usize) -> bool {
        let last_event_id = format!("Last-Event-ID: {}\r\n", seen.len());
        let mut connection = self.request(&format!("GET {path}"), &last_event_id, "");
        let mut decoder = Decoder::new();
        let mut buffer = [0; 100];
        while let Ok(length @ 1..) = connection.read(&mut buffer) {
            let mut chunk = Chunk::new(&buffer[..length]);
            while let Some(item) = decoder.decode(&mut chunk).unwrap() {
                let Item::Event(event) = item else { continue };
                if event.event_type == "end" {
                    return false;
                }
                seen.push(event.data.to_owned());
                assert_eq!(event.last_event_id, seen.len().to_string(), "{seen:?}");
                if seen.len() == count {
                    return true;
                }
            }
        }
        panic!("the connection is cut after {seen:?}");
    }
}

fn whole(prompt: &str) -> String {
    let numbers: String = (1..=30).map(|number| format!(" {number}")).collect();
    format!("An answer to the prompt: {prompt}{numbers}")
}

#[test]
fn a_reloaded_page_gets_the_answer_from_any_node() {
    let nats = Nats::start().unwrap();
    let (a, b) = (Node::start(&nats), Node::start(&nats));
    let path = a.create("Why is the sky blue?");
    let mut seen = Vec::new();
    assert!(a.read(&path, &mut seen, 5));
    // The connection was lost, and the next one is at the other node.
    assert!(b.read(&path, &mut seen, 12));
    // The page was reloaded, so it has no tokens.
    let mut reloaded = Vec::new();
    assert!(b.read(&path, &mut reloaded, 20));
    assert_eq!(reloaded[..12], seen);
    assert!(!a.read(&path, &mut seen, usize::MAX));
    assert_eq!(seen.concat(), whole("Why is the sky blue?"));
    // It can also be read after its end.
    let mut late = Vec::new();
    assert!(!b.read(&path, &mut late, usize::MAX));
    assert_eq!(late, seen);
}

#[test]
fn another_node_goes_on_with_the_answer_of_a_node_that_is_killed() {
    let nats = Nats::start().unwrap();
    for tokens in [1, 8, 25] {
        let (a, b) = (Node::start(&nats), Node::start(&nats));
        let path = a.create("Who goes on?");
        let mut seen = Vec::new();
        assert!(a.read(&path, &mut seen, tokens));
        drop(a);
        assert!(!b.read(&path, &mut seen, usize::MAX));
        assert_eq!(
            seen.concat(),
            whole("Who goes on?"),
            "killed after {tokens}"
        );
    }
}

/// A node that has only stopped for a while writes tokens that are in no answer.
#[test]
fn a_writer_that_was_slow_does_not_double_a_token() {
    let nats = Nats::start().unwrap();
    let (a, b) = (Node::start(&nats), Node::start(&nats));
    let path = a.create("Who is slow?");
    let mut seen = Vec::new();
    assert!(a.read(&path, &mut seen, 5));
    let signal = |name: &str| {
        let process = a.0.process.id().to_string();
        assert!(
            Command::new("kill")
                .args([name, &process])
                .status()
                .unwrap()
                .success()
        );
    };
    signal("-STOP");
    assert!(b.read(&path, &mut seen, 10));
    signal("-CONT");
    assert!(!b.read(&path, &mut seen, usize::MAX));
    assert_eq!(seen.concat(), whole("Who is slow?"));
    let mut from_the_other = Vec::new();
    assert!(!a.read(&path, &mut from_the_other, usize::MAX));
    assert_eq!(from_the_other, seen);
}
