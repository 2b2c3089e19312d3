//! `sse hub` over HTTP/2 without TLS: streams, limits, and clients that misbehave.
#![cfg(all(feature = "hub", target_os = "linux"))]

mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use h2::Reason;
use http::{HeaderMap, HeaderValue, StatusCode, header::HOST};
use rustix::process::{Pid, Signal, kill_process};
use support::{
    http2::{Http2, Numbers, next_bytes, rest},
    hub::{Hub, TOKEN},
    secure::curl,
};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

#[tokio::test]
async fn curl_reads_it_with_prior_knowledge() {
    let hub = Hub::start([]);
    let url = format!("http://{}", hub.address);
    let format = [
        "--http2-prior-knowledge",
        "-w",
        "%{http_version} %{http_code}",
    ];
    let [prior, w, shown] = format;
    let health = curl([prior, w, shown, &format!("{url}/healthz")]);
    assert_eq!(health, "ok\n2 200");
    let authorization = format!("Authorization: Bearer {TOKEN}");
    let publish = format!("{url}/publish");
    for number in 0..3 {
        let data = format!("data={number}");
        let answer = curl([
            prior,
            w,
            shown,
            "-H",
            &authorization,
            "-d",
            "topic=a",
            "-d",
            &data,
            &publish,
        ]);
        assert!(answer.ends_with("2 200"), "{answer}");
    }
    let connection = Http2::connect(&hub.address).await;
    let mut numbers = Numbers::default();
    let mut body = connection.subscribe("topic=a&earliest").await;
    numbers.read(&mut body, 3).await;
    assert_eq!(numbers.seen, [0, 1, 2]);
    // The client resets the stream, and the connection stays open.
    drop(body);
    hub.becomes("sse_hub_subscribers", 0).await;
    let _body = connection.subscribe("topic=a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_streams_on_ten_connections_get_each_event_once() {
    let hub = Hub::start([]);
    let mut connections = Vec::new();
    let mut bodies = Vec::new();
    for _ in 0..10 {
        let connection = Http2::connect(&hub.address).await;
        let streams = (0..100).map(|_| connection.subscribe("topic=a"));
        bodies.extend(join_all(streams).await);
        connections.push(connection);
    }
    hub.becomes("sse_hub_subscribers", 1000).await;
    let readers: Vec<_> = bodies
        .into_iter()
        .map(|mut body| {
            tokio::spawn(async move {
                let mut numbers = Numbers::default();
                numbers.read(&mut body, 100).await;
                (numbers.seen, body)
            })
        })
        .collect();
    let start = Instant::now();
    for number in 0..100 {
        hub.news("a", &number.to_string()).await;
    }
    let expected: Vec<u64> = (0..100).collect();
    let mut open = Vec::new();
    for reader in readers {
        let (seen, body) = reader.await.unwrap();
        assert_eq!(seen, expected);
        open.push(body);
    }
    let (time, memory) = (start.elapsed(), hub.memory());
    eprintln!("100,000 events in {time:?}, the hub has {memory} KiB");
    assert_eq!(hub.metric("sse_hub_delivered_total").await, 100_000);
    assert_eq!(hub.metric("sse_hub_dropped_total").await, 0);
}

#[tokio::test]
async fn the_limit_of_subscribers_is_for_streams() {
    let hub = Hub::start(["--max-subscribers=5"]);
    let connection = Http2::connect(&hub.address).await;
    let mut bodies = Vec::new();
    for _ in 0..5 {
        bodies.push(connection.subscribe("topic=a").await);
    }
    let uri = "http://localhost/events?topic=a";
    let (status, _) = connection.get(uri, HeaderMap::new()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    bodies.pop();
    hub.becomes("sse_hub_subscribers", 4).await;
    bodies.push(connection.subscribe("topic=a").await);
}

#[tokio::test]
async fn the_authority_is_checked_as_a_host() {
    let hub = Hub::start([]);
    let connection = Http2::connect(&hub.address).await;
    let with_host = |host| HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
    for (uri, headers, expected) in [
        ("http://localhost/healthz", HeaderMap::new(), 200),
        ("https://127.0.0.1:1/healthz", HeaderMap::new(), 200),
        ("http://a.example/healthz", HeaderMap::new(), 421),
        ("http://a.example/healthz", with_host("localhost"), 400),
        ("http://localhost/healthz", with_host("a.example"), 400),
    ] {
        let (status, mut body) = connection.get(uri, headers).await;
        assert_eq!(status, expected, "{uri}: {}", rest(&mut body).await);
    }
}

#[tokio::test]
async fn a_head_has_a_limit() {
    let hub = Hub::start([]);
    let connection = Http2::connect(&hub.address).await;
    let uri = "http://localhost/healthz";
    let with_fields = |count: usize, length: usize| {
        let mut headers = HeaderMap::new();
        for number in 0..count {
            let name: http::HeaderName = format!("x-{number}").try_into().unwrap();
            headers.insert(name, "x".repeat(length).try_into().unwrap());
        }
        headers
    };
    for (count, length, expected) in [
        (100, 10, 200),
        (101, 10, 431),
        (1, 30_000, 200),
        (1, 33_000, 431),
        (10, 3_300, 431),
    ] {
        let (status, _) = connection.get(uri, with_fields(count, length)).await;
        assert_eq!(status, expected, "{count} fields of {length} bytes");
    }
}

#[tokio::test]
async fn a_connection_without_streams_is_closed_when_it_is_idle() {
    let hub = Hub::start(["--idle-timeout=0.5"]);
    let quiet = Http2::connect(&hub.address).await;
    let uri = "http://localhost/healthz";
    assert_eq!(quiet.get(uri, HeaderMap::new()).await.0, 200);
    let busy = Http2::connect(&hub.address).await;
    let mut body = busy.subscribe("topic=a").await;
    let end = timeout(test_timeout(), quiet.task).await;
    end.expect("the hub closes the connection")
        .unwrap()
        .unwrap();
    // This client does not answer that it has seen the end.
    let mut silent = Frames::connect(&hub.address).await;
    silent.get(1, "/healthz").await;
    while silent.next().await.is_some() {}
    hub.news("a", "1").await;
    let mut numbers = Numbers::default();
    numbers.read(&mut body, 1).await;
}

/// Checks that a stream whose client gives it no window ends, and that others of its connection go on.
#[tokio::test]
async fn a_stream_without_a_window_is_reset() {
    let hub = Hub::start(["--write-timeout=2", "--max-lag=1000000"]);
    let connection = Http2::with_window(&hub.address, 20_000).await;
    let mut stalled = connection.subscribe("topic=a").await;
    let mut read = connection.subscribe("topic=a").await;
    let data = "x".repeat(10_000);
    for _ in 0..10 {
        hub.news("a", &data).await;
        // These bytes are more than the window of the other stream.
        let mut bytes = 0;
        while bytes < data.len() {
            bytes += next_bytes(&mut read).await.unwrap().unwrap().len();
        }
    }
    let end = timeout(test_timeout(), async {
        loop {
            match stalled.data().await {
                Some(Ok(_)) => {}
                end => break end,
            }
        }
    });
    let error = end.await.expect("in time").expect("no end").unwrap_err();
    assert_eq!(error.reason(), Some(Reason::CANCEL), "{error}");
    hub.becomes("sse_hub_subscribers", 1).await;
    hub.news("a", "7").await;
    let mut numbers = Numbers::default();
    numbers.read(&mut read, 1).await;
}

/// Checks that a client that has vanished is detected without events.
#[tokio::test]
async fn a_client_that_answers_no_ping_is_given_up() {
    let hub = Hub::start(["--write-timeout=1"]);
    let connection = Http2::connect(&hub.address).await;
    let _body = connection.subscribe("topic=a").await;
    hub.becomes("sse_hub_subscribers", 1).await;
    // Nothing answers on this connection, and its socket stays open.
    let mut frames = Frames::connect(&hub.address).await;
    frames.get(1, "/events?topic=a").await;
    hub.becomes("sse_hub_subscribers", 2).await;
    hub.becomes("sse_hub_subscribers", 1).await;
    // The client that answers is still there after more than the timeout.
    sleep(Duration::from_secs(2)).await;
    assert_eq!(hub.metric("sse_hub_subscribers").await, 1);
}

/// Checks that the timers of a connection accept the maximum value of the option.
#[tokio::test]
async fn with_the_longest_write_timeout_streams_work() {
    let hub = Hub::start(["--write-timeout=18446744073709551615"]);
    let connection = Http2::connect(&hub.address).await;
    let mut body = connection.subscribe("topic=a").await;
    hub.news("a", "1").await;
    let mut numbers = Numbers::default();
    numbers.read(&mut body, 1).await;
}

#[tokio::test]
async fn a_client_that_stops_reading_is_given_up() {
    let hub = Hub::start(["--write-timeout=1", "--max-lag=1000000"]);
    let mut frames = Frames::connect(&hub.address).await;
    frames.get(1, "/events?topic=a").await;
    hub.becomes("sse_hub_subscribers", 1).await;
    let data = "x".repeat(1_000_000);
    for _ in 0..12 {
        hub.news("a", &data).await;
    }
    hub.becomes("sse_hub_subscribers", 0).await;
}

#[tokio::test]
async fn streams_beyond_the_limit_are_refused_alone() {
    let hub = Hub::start([]);
    let mut frames = Frames::connect(&hub.address).await;
    for number in 0..300 {
        frames.get(2 * number + 1, "/events?topic=a").await;
    }
    let mut refused = 0;
    while refused < 50 {
        let (kind, payload) = frames.next().await.expect("no end");
        assert_ne!(kind, GOAWAY, "{payload:?}");
        if kind == RST_STREAM {
            assert_eq!(*payload, REFUSED_STREAM.to_be_bytes());
            refused += 1;
        }
    }
    hub.becomes("sse_hub_subscribers", 250).await;
    hub.news("a", "still there").await;
    let mut events = 0;
    while events < 250 {
        let (kind, payload) = frames.next().await.expect("no end");
        let is_event = payload.windows(11).any(|bytes| bytes == b"still there");
        events += usize::from(kind == DATA && is_event);
    }
}

/// Checks that requests that are reset at once leave nothing behind, and do not delay other clients.
#[tokio::test]
async fn a_flood_of_resets_leaves_nothing_behind() {
    let hub = Hub::start([]);
    let mut follower = hub.follow("topic=a").await;
    let before = hub.memory();
    let mut sent = 0;
    for _ in 0..5 {
        let mut frames = Frames::connect(&hub.address).await;
        for number in 0..20_000 {
            let id = 2 * number + 1;
            let mut bytes = Frames::headers(id, "/events?topic=a");
            bytes.extend(frame(RST_STREAM, 0, id, &CANCEL.to_be_bytes()));
            // The hub may close the connection.
            if frames.socket.write_all(&bytes).await.is_err() {
                break;
            }
            sent += 1;
        }
        hub.news("a", "1").await;
        assert_eq!(follower.data_after_all().await, "1");
    }
    hub.becomes("sse_hub_subscribers", 1).await;
    let after = hub.memory();
    eprintln!("{sent} requests were sent and reset: {before} KiB before, {after} KiB after");
    assert!(after < before + 32 * 1024, "{before} KiB, then {after} KiB");
}

#[tokio::test]
async fn a_shutdown_closes_each_stream_with_an_event() {
    let mut hub = Hub::start([]);
    let connection = Http2::connect(&hub.address).await;
    let mut bodies = Vec::new();
    for _ in 0..10 {
        bodies.push(connection.subscribe("topic=a").await);
    }
    // One client does not read, and one has no stream.
    let mut silent = Frames::connect(&hub.address).await;
    silent.get(1, "/events?topic=a").await;
    let _idle = Frames::connect(&hub.address).await;
    hub.becomes("sse_hub_subscribers", 11).await;
    kill_process(Pid::from_child(&hub.running.child), Signal::TERM).unwrap();
    for body in &mut bodies {
        let text = rest(body).await;
        assert!(text.contains("event: closing\n"), "{text}");
    }
    timeout(test_timeout(), connection.task)
        .await
        .expect("the hub closes the connection")
        .unwrap()
        .unwrap();
    assert!(hub.running.wait().success());
}

#[tokio::test]
async fn both_protocols_share_an_address() {
    let hub = Hub::start([]);
    let connection = Http2::connect(&hub.address).await;
    let mut over_http2 = connection.subscribe("topic=a").await;
    let mut over_http1 = hub.follow("topic=a").await;
    // A method that begins as the preface does.
    let status = hub
        .status(&[
            "P",
            "RI",
            "NT / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        ])
        .await;
    assert_eq!(status, 404);
    hub.news("a", "1").await;
    assert_eq!(over_http1.data().await, "1");
    let mut numbers = Numbers::default();
    numbers.read(&mut over_http2, 1).await;
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

/// Flags of HEADERS: the request ends with them.
const END_STREAM_AND_HEADERS: u8 = 0x5;

/// Error codes of the frame `RST_STREAM`.
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;

/// Returns the bytes of a frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Client that writes frames, and does nothing else.
struct Frames {
    socket: TcpStream,
}

impl Frames {
    async fn connect(address: &str) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        socket.write_all(preface).await.unwrap();
        // INITIAL_WINDOW_SIZE is 1 GiB.
        let window = [&4_u16.to_be_bytes()[..], &(1_u32 << 30).to_be_bytes()].concat();
        let settings = frame(SETTINGS, 0, 0, &window);
        socket.write_all(&settings).await.unwrap();
        // WINDOW_UPDATE of the connection.
        let update = frame(8, 0, 0, &(1_u32 << 30).to_be_bytes());
        socket.write_all(&update).await.unwrap();
        Self { socket }
    }

    fn headers(stream: u32, path: &str) -> Vec<u8> {
        // Entries of the static table for GET and http, and literals for the path and the authority.
        let mut block = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
        block.extend(path.as_bytes());
        block.extend([0x01, 9]);
        block.extend(b"localhost");
        frame(HEADERS, END_STREAM_AND_HEADERS, stream, &block)
    }

    async fn get(&mut self, stream: u32, path: &str) {
        let headers = Self::headers(stream, path);
        self.socket.write_all(&headers).await.unwrap();
    }

    /// Returns the type and the payload of the next frame; `None` at the end of the connection.
    async fn next(&mut self) -> Option<(u8, Bytes)> {
        let mut head = [0; 9];
        let read = timeout(test_timeout(), self.socket.read_exact(&mut head)).await;
        read.expect("a frame in time").ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        let read = timeout(test_timeout(), self.socket.read_exact(&mut payload)).await;
        read.expect("a frame in time").ok()?;
        Some((head[3], payload.into()))
    }
}

#[tokio::test]
async fn requests_and_frames_are_not_logged_by_default() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const PING_ANSWER: [u8; 17] = [0, 0, 8, 6, 1, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    for (option, is_logged) in [("--log=info", false), ("--log=debug", true)] {
        let mut hub = Hub::start([option]);
        assert_eq!(hub.get("/nowhere").await.status, 404);
        let mut stream = TcpStream::connect(&hub.address).await.unwrap();
        stream.write_all(PREFACE).await.unwrap();
        stream.write_all(&SETTINGS).await.unwrap();
        stream.write_all(&PING_ANSWER.repeat(100)).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let end = timeout(test_timeout(), stream.read_to_end(&mut answer)).await;
        end.unwrap().unwrap();
        hub.running.child.kill().unwrap();
        let log = hub.running.stderr.rest();
        for text in ["PING ack", "request refused"] {
            assert_eq!(log.contains(text), is_logged, "{log}");
        }
    }
}
