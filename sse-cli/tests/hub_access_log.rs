//! Access log of `sse hub`: its lines, what is never in them, and slow or full disks.
#![cfg(all(feature = "hub", unix))]

mod support;

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{
    hub::{Follower, Hub, TOKEN},
    run, sse,
};
use tempfile::{TempDir, tempdir};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// Hub with an access log in a folder of its own.
struct Logged {
    hub: Hub,
    folder: TempDir,
}

impl Logged {
    fn start(options: &[&str]) -> Self {
        let folder = tempdir().unwrap();
        let mut command = sse(["hub", "--listen=127.0.0.1:0"]);
        command.env("SSE_HUB_PUBLISH_TOKEN", TOKEN).args(options);
        let path = folder.path().join("access.log");
        let hub = Hub::start_command(command.arg("--access-log").arg(path));
        Self { hub, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }

    /// Waits until the log has this number of lines, and returns them.
    async fn lines(&self, count: usize) -> Vec<Value> {
        lines(&self.path(), count).await
    }
}

/// Waits until a file has this number of lines, and returns them.
async fn lines(path: &Path, count: usize) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if text.matches('\n').count() >= count {
            assert!(
                text.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')),
                "{text}"
            );
            let lines: Vec<_> = text.split_terminator('\n').collect();
            assert_eq!(lines.len(), count, "{text}");
            return lines
                .iter()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
        }
        assert!(
            start.elapsed() < test_timeout(),
            "{count} lines in {text:?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn signal(hub: &Hub, signal: Signal) {
    kill_process(Pid::from_child(&hub.running.child), signal).unwrap();
}

#[tokio::test]
async fn each_request_has_a_line() {
    let logged = Logged::start(&[]);
    let hub = &logged.hub;
    let request = hub
        .request(Method::GET, "/healthz")
        .header("user-agent", "test/1");
    assert_eq!(hub.send(request, "").await.text, "ok\n");
    hub.news("a", "1").await;
    assert_eq!(hub.get("/nowhere?topic=a").await.status, 404);
    let head = "HEAD /events?topic=a HTTP/1.0\r\n\r\n";
    assert_eq!(hub.status(&[head]).await, 200);

    let lines = logged.lines(4).await;
    let first = &lines[0];
    for (key, expected) in [
        ("method", Value::from("GET")),
        ("path", "/healthz".into()),
        ("protocol", "HTTP/1.1".into()),
        ("status", 200.into()),
        ("bytes", 3.into()),
        ("user_agent", "test/1".into()),
    ] {
        assert_eq!(first[key], expected, "{first}");
    }
    let time = first["time"].as_str().unwrap();
    assert!(
        time.len() == 27 && time.ends_with('Z') && &time[10..11] == "T",
        "{time}"
    );
    assert!(
        first["remote"].as_str().unwrap().starts_with("127.0.0.1:"),
        "{first}"
    );
    let seconds = first["seconds"].as_f64().unwrap();
    assert!(
        (0.0..test_timeout().as_secs_f64()).contains(&seconds),
        "{first}"
    );
    assert_eq!(lines[1]["path"], "/publish");
    assert_eq!(lines[1]["method"], "POST");
    assert_eq!(
        (&lines[2]["status"], &lines[2]["refusal"]),
        (&404.into(), &"not_found".into())
    );
    assert_eq!(lines[2]["path"], "/nowhere");
    assert_eq!(
        (&lines[3]["protocol"], &lines[3]["bytes"]),
        (&"HTTP/1.0".into(), &0.into())
    );
    assert!(lines[3].get("stream").is_none(), "{}", lines[3]);
    let mode = fs::metadata(logged.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o007, 0, "{mode:o}");
}

#[tokio::test]
async fn a_request_whose_client_leaves_has_a_line() {
    let logged = Logged::start(&[]);
    let request = format!(
        "POST /publish?topic=a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Length: 9\r\n\r\nabc"
    );
    let mut connection = TcpStream::connect(&logged.hub.address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    drop(connection);
    let line = &logged.lines(1).await[0];
    assert_eq!(line["path"], "/publish");
    assert_ne!(line["status"], 200, "{line}");
}

#[tokio::test]
async fn a_stream_has_a_line_at_its_start_or_at_its_end() {
    let logged = Logged::start(&[]);
    let follower = logged.hub.follow("topic=a").await;
    let lines = logged.lines(1).await;
    assert_eq!(
        (&lines[0]["stream"], &lines[0]["status"]),
        (&"open".into(), &200.into())
    );
    assert!(lines[0].get("bytes").is_none(), "{}", lines[0]);
    drop(follower);
    logged.hub.becomes("sse_hub_subscribers", 0).await;

    let logged = Logged::start(&["--no-hand-off"]);
    let mut follower = logged.hub.follow("topic=a").await;
    logged.hub.news("a", "1").await;
    assert_eq!(follower.data().await, "1");
    assert_eq!(logged.lines(1).await[0]["path"], "/publish");
    drop(follower);
    let line = &logged.lines(2).await[1];
    assert_eq!(
        (&line["stream"], &line["path"]),
        (&"ended".into(), &"/events".into())
    );
    assert!(line["bytes"].as_u64().unwrap() > 20, "{line}");
}

#[tokio::test]
async fn no_line_can_be_forged() {
    let logged = Logged::start(&[]);
    let long = "x".repeat(2000);
    let requests: [(&[u8], &str, &str); 7] = [
        (
            b"GET /%0A%7B%22status%22:200%7D HTTP/1.1\r\nUser-Agent: a\r\n",
            "/%0A%7B%22status%22:200%7D",
            "a",
        ),
        (
            b"GET /a\"b HTTP/1.1\r\nUser-Agent: a\",\"status\":200}\\\r\n",
            "/a\"b",
            "a\",\"status\":200}\\",
        ),
        (b"GET / HTTP/1.1\r\nUser-Agent: a\tb\r\n", "/", "a\tb"),
        // C1 control characters, line separators and marks for right-to-left text, in UTF-8.
        (
            "GET / HTTP/1.1\r\nUser-Agent: \u{9b}31m\u{85}\u{2028}\u{202e}\u{1f600}\r\n".as_bytes(),
            "/",
            "\u{9b}31m\u{85}\u{2028}\u{202e}\u{1f600}",
        ),
        (
            b"GET / HTTP/1.1\r\nUser-Agent: \xff\x9b\r\n",
            "/",
            "\u{fffd}\u{fffd}",
        ),
        (
            b"GET http://localhost/a?b HTTP/1.1\r\nUser-Agent:\r\n",
            "/a",
            "",
        ),
        (b"OPTIONS * HTTP/1.1\r\nUser-Agent: a\r\n", "*", "a"),
    ];
    for (request, ..) in requests {
        let rest = b"Host: localhost\r\nConnection: close\r\n\r\n";
        exchange(&logged.hub, &[request, rest].concat()).await;
    }
    let name = &long[..500];
    let request = format!(
        "{name} /{long} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nUser-Agent: é{long}\r\n\r\n"
    );
    exchange(&logged.hub, request.as_bytes()).await;
    let lines = logged.lines(requests.len() + 1).await;
    for (line, (request, path, user_agent)) in lines.iter().zip(requests) {
        let request = String::from_utf8_lossy(request);
        assert_eq!(line["path"], path, "{request}");
        assert_eq!(line["user_agent"], user_agent, "{request}");
        assert_ne!(line["status"], 200, "{request}");
    }
    let last = &lines[requests.len()];
    for (key, bytes) in [("method", 16), ("path", 256), ("user_agent", 256)] {
        assert_eq!(last[key].as_str().unwrap().len(), bytes, "{last}");
    }
    // Control characters in a head are not valid HTTP, so such a request has no line.
    for request in [
        "GET /a\u{1b} HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nUser-Agent: \u{1b}[2J\r\n",
    ] {
        let request = format!("{request}Host: localhost\r\nConnection: close\r\n\r\n");
        let reply = exchange(&logged.hub, request.as_bytes()).await;
        assert!(
            reply.is_empty() || reply.starts_with("HTTP/1.1 400"),
            "{reply}"
        );
    }
    assert_eq!(
        logged.lines(requests.len() + 1).await.len(),
        requests.len() + 1
    );
}

/// Sends these bytes, and returns the response.
async fn exchange(hub: &Hub, request: &[u8]) -> String {
    let mut connection = TcpStream::connect(&hub.address).await.unwrap();
    connection.write_all(request).await.unwrap();
    let mut reply = Vec::new();
    let reading = timeout(test_timeout(), connection.read_to_end(&mut reply)).await;
    reading.expect("the end of the connection").unwrap();
    String::from_utf8_lossy(&reply).into_owned()
}

#[tokio::test]
async fn no_line_has_a_token() {
    let logged = Logged::start(&[
        "--subscribe-token=for-readers",
        "--metrics-token=for-metrics",
        "--token-in-url",
    ]);
    let hub = &logged.hub;
    let _in_url = Follower::new(hub.source("topic=secret-topic&access_token=for-readers")).await;
    let in_header = hub
        .source("topic=a")
        .header("authorization", "Bearer for-readers");
    let _in_header = Follower::new(in_header).await;
    hub.news("a", "1").await;
    assert_eq!(
        hub.get("/events?topic=a&access_token=not-to-be-told")
            .await
            .status,
        401
    );
    assert_eq!(
        hub.get("/nowhere?access_token=for-readers").await.status,
        404
    );
    let request = "GET http://user:for-readers@localhost/events HTTP/1.1\r\nHost: localhost\r\n\
                   Connection: close\r\n\r\n";
    assert_eq!(hub.status(&[request]).await, 400);
    logged.lines(6).await;
    let text = fs::read_to_string(logged.path()).unwrap();
    for secret in [
        "for-readers",
        "access_token",
        "not-to-be-told",
        "for-metrics",
        "secret-topic",
        TOKEN,
    ] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn the_file_is_opened_again_on_a_hangup() {
    let logged = Logged::start(&[]);
    logged.hub.get("/healthz").await;
    logged.lines(1).await;
    let renamed = logged.folder.path().join("access.log.1");
    fs::rename(logged.path(), &renamed).unwrap();
    logged.hub.get("/healthz").await;
    lines(&renamed, 2).await;
    signal(&logged.hub, Signal::HUP);
    let start = Instant::now();
    while !logged.path().exists() {
        assert!(start.elapsed() < test_timeout());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    logged.hub.get("/nowhere").await;
    assert_eq!(logged.lines(1).await[0]["path"], "/nowhere");
    lines(&renamed, 2).await;
}

#[tokio::test]
async fn all_lines_are_written_before_the_end_and_a_file_is_continued() {
    let mut logged = Logged::start(&[]);
    let _stream = logged.hub.follow("topic=a").await;
    for _ in 0..100 {
        logged.hub.get("/healthz").await;
    }
    signal(&logged.hub, Signal::TERM);
    assert_eq!(logged.hub.running.wait().code(), Some(0));
    assert_eq!(logged.lines(101).await.len(), 101);
    let mut command = sse(["hub", "--listen=127.0.0.1:0", "--access-log"]);
    let hub = Hub::start_command(command.arg(logged.path()));
    hub.get("/healthz").await;
    logged.lines(102).await;
}

#[tokio::test]
async fn the_log_may_be_stderr() {
    let mut hub = Hub::start(["--access-log=-", "--log=off"]);
    hub.get("/healthz").await;
    hub.running.stderr.expect("\"path\":\"/healthz\"");
    let line = hub.running.stderr.seen();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["status"], 200);
    assert!(!hub.running.stdout.seen().contains("path"));

    let done = run(
        &mut sse(["hub", "--listen=127.0.0.1:0", "--access-log=/nowhere/a"]),
        "",
    );
    assert_eq!(done.code, Some(1));
    let expected = "cannot open the access log /nowhere/a: ";
    assert!(done.stderr.contains(expected), "{}", done.stderr);
}

/// Sends this number of requests over one connection.
async fn flood(hub: &Hub, count: usize) {
    const BATCH: usize = 250;
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut connection = TcpStream::connect(&hub.address).await.unwrap();
    for _ in 0..count / BATCH {
        connection
            .write_all(request.repeat(BATCH).as_bytes())
            .await
            .unwrap();
        let (mut seen, mut buffer) = (0, Vec::new());
        while seen < BATCH {
            let reading = timeout(test_timeout(), connection.read_buf(&mut buffer)).await;
            assert_ne!(reading.expect("a response in time").unwrap(), 0);
            seen = buffer
                .windows(4)
                .filter(|window| *window == b"\nok\n")
                .count();
        }
    }
}

/// Checks a disk that takes nothing: a pipe whose reader does not read.
#[tokio::test]
async fn a_slow_disk_delays_no_request_and_its_lines_are_counted() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    // Opened without waiting for the writer.
    let _reader = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32)
        .open(&path)
        .unwrap();
    let mut command = sse(["hub", "--listen=127.0.0.1:0", "--access-log"]);
    let hub = Hub::start_command(command.arg(&path));
    assert_eq!(hub.metric("sse_hub_access_log_dropped_total").await, 0);
    flood(&hub, 6000).await;
    let dropped = hub.metric("sse_hub_access_log_dropped_total").await;
    assert!(
        (500..6000).contains(&dropped),
        "{dropped} lines were dropped"
    );
    // The hub still ends in time.
    let mut hub = hub;
    signal(&hub, Signal::TERM);
    assert_eq!(hub.running.wait().code(), Some(0));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_reported_and_its_lines_are_counted() {
    let mut hub = Hub::start(["--access-log=/dev/full"]);
    flood(&hub, 1000).await;
    let dropped = hub.metric("sse_hub_access_log_dropped_total").await;
    assert!((1..1000).contains(&dropped), "{dropped} lines were dropped");
    hub.running.child.kill().unwrap();
    let log = hub.running.stderr.rest();
    let warning = "cannot write to the access log /dev/full";
    assert_eq!(log.matches(warning).count(), 1, "{log}");
}
