//! Runs each example server as a process: reads its events, resumes them, and ends it.

mod support;

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::Once,
    time::Duration,
};

use futures_util::StreamExt;
use sse_source::{ClientConfig, EventId, EventSource, Item, MessageEvent};
use support::{Terminal, build_timeout, free_port, root};
use testkit::{cargo::ALL_PACKAGES, timeout::test_timeout};
use tokio::time::timeout;

/// Examples that are built together, with the packages and features of the other tests.
const EXAMPLES: [&str; 7] = [
    "actix",
    "axum",
    "broadcast",
    "hyper",
    "reqwest",
    "topics",
    "watch",
];

/// Builds the examples, and returns the command that runs this one.
fn example(name: &str) -> String {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        let examples = EXAMPLES.map(|name| format!("--example {name}")).join(" ");
        let line = format!("cargo build --quiet {ALL_PACKAGES} {examples}");
        let mut build = Terminal::start(&line, &root(), 0);
        let status = build.end_within(build_timeout());
        assert!(status.success(), "{}", build.printed());
    });
    testkit::example::program(name).display().to_string()
}

struct Server {
    terminal: Terminal,
    port: u16,
}

impl Server {
    /// Starts an example that [`example`] builds, and waits until it listens.
    fn start(name: &str, port: u16) -> Self {
        Self::start_command(&example(name), port)
    }

    fn start_command(line: &str, port: u16) -> Self {
        let mut terminal = Terminal::start(line, &root(), port);
        terminal.expect(&format!("http://127.0.0.1:{port}/"));
        Self { terminal, port }
    }

    fn read(&self, path: &str, seen: Option<u64>) -> EventSource {
        let mut builder = EventSource::get(format!("http://127.0.0.1:{}{path}", self.port))
            .config(ClientConfig::default().reconnection_time(Duration::ZERO));
        if let Some(id) = seen {
            builder = builder.last_event_id(EventId::from(id));
        }
        builder.build().expect("a valid request")
    }

    /// Sends a POST, and returns the body of the response.
    fn post(&self, path: &str, body: &str) -> String {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        let length = body.len();
        write!(
            connection,
            "POST {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .expect("the request is sent");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("a response");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
        body.trim_end().to_owned()
    }

    /// Sends Ctrl-C, and checks that the server ends soon and with success, even if streams are open.
    fn end(mut self) {
        self.terminal.interrupt();
        let status = self.terminal.end_within(test_timeout());
        assert!(status.success(), "{status}: {}", self.terminal.printed());
    }
}

/// Returns the next event that is not a `position`.
async fn next(source: &mut EventSource) -> MessageEvent<String> {
    let event = async {
        loop {
            match source.next().await.expect("an item").expect("no error") {
                // A hub sends its subscribers their position.
                Item::Event(event) if event.event_type != "position" => return event,
                _ => continue,
            }
        }
    };
    timeout(test_timeout(), event).await.expect("an event soon")
}

/// Checks a server that sends numbered events, one each second, and a last event at its end.
async fn counts(server: Server) {
    let mut source = server.read("/events", None);
    assert_eq!(next(&mut source).await.last_event_id, "1");
    let mut later = server.read("/events", Some(7));
    let event = next(&mut later).await;
    assert_eq!((&*event.last_event_id, &*event.data), ("8", "second 8"));
    assert_eq!(next(&mut source).await.last_event_id, "2");
    drop(later);

    let (ended, last) = tokio::join!(tokio::task::spawn_blocking(|| server.end()), async {
        loop {
            let event = next(&mut source).await;
            if event.data == "back soon" {
                return event;
            }
        }
    });
    ended.expect("the server ends");
    // The last event has no ID, so the last event ID stays.
    assert_ne!(last.last_event_id, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn hyper() {
    counts(Server::start("hyper", free_port())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn axum() {
    counts(Server::start("axum", free_port())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn warp() {
    // It is not one of the packages that are built together.
    let line = "cargo run --quiet -p sse-warp --all-features --example warp";
    counts(Server::start_command(line, free_port())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn actix() {
    counts(Server::start("actix", free_port())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics() {
    let server = Server::start("topics", free_port());
    let mut live = server.read("/events?topic=orders/**", None);
    assert!(matches!(live.next().await, Some(Ok(Item::Open(_)))));
    let first = server.post("/publish/orders/17", "sent");
    server.post("/publish/news", "not for those");
    let second = server.post("/publish/orders/17", "there");
    for (id, data) in [(&first, "sent"), (&second, "there")] {
        let event = next(&mut live).await;
        assert_eq!((&*event.last_event_id, &*event.data), (&**id, data));
    }
    let mut new = server.read("/events?topic=orders/*", None);
    assert_eq!(next(&mut new).await.data, "sent");
    let first: EventId = first.try_into().expect("an ID");
    let mut back = EventSource::get(format!("http://127.0.0.1:{}/events?topic=**", server.port))
        .last_event_id(first)
        .build()
        .expect("a valid request");
    assert_eq!(next(&mut back).await.data, "not for those");
    server.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn broadcast() {
    let server = Server::start("broadcast", free_port());
    let mut source = server.read("/events", None);
    assert!(matches!(source.next().await, Some(Ok(Item::Open(_)))));
    assert_eq!(server.post("/publish", "it works"), "1");
    assert_eq!(next(&mut source).await.data, "it works");

    // The client does not read meanwhile, and the sockets hold a limited number of bytes.
    let large = "x".repeat(100_000);
    for _ in 0..200 {
        server.post("/publish", &large);
    }
    let lagged = async {
        loop {
            let event = next(&mut source).await;
            if event.event_type == "lagged" {
                return event.data;
            }
        }
    };
    let missed = timeout(test_timeout(), lagged)
        .await
        .expect("a `lagged` event");
    assert!(missed.starts_with(r#"{"missed":"#), "{missed}");
    server.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn watch() {
    let port = free_port();
    let serve = || Server::start("axum", port);
    let server = serve();
    let line = format!("{} http://127.0.0.1:{port}/events", example("watch"));
    let mut watch = Terminal::start(&line, &root(), 0);
    watch.expect("connected\nsecond 1 #1\n");
    server.end();
    watch.expect("back soon #…; again in ");
    let server = serve();
    // It resumes after the last event, whose number is unknown here.
    watch.expect("again in …connected\nsecond ");
    assert_eq!(watch.printed().matches("second 1 #1\n").count(), 1);
    server.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn reqwest() {
    let server = Server::start("hyper", free_port());
    let url = format!("http://127.0.0.1:{}/events", server.port);
    let line = format!("{} {url}", example("reqwest"));
    let mut reqwest = Terminal::start(&line, &root(), 0);
    assert!(reqwest.end_within(test_timeout()).success());
    assert_eq!(
        reqwest.printed(),
        "second 1\nsecond 2\nsecond 3\nsecond 4\nsecond 5\n"
    );
    server.end();
}
