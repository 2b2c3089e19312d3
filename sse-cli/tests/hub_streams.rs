//! `sse hub`: options of all streams, addresses, log, metrics and environment variables.
#![cfg(feature = "hub")]

mod support;

use http::Method;
use sse_source::Item;
use support::{
    hub::{Follower, Hub, TOKEN},
    run, sse,
};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout},
};

/// Reads a stream as text until it contains `expected`.
async fn read_until(connection: &mut TcpStream, expected: &str) -> String {
    let mut text = String::new();
    while !text.contains(expected) {
        let mut bytes = [0; 1024];
        let read = timeout(test_timeout(), connection.read(&mut bytes)).await;
        let count = read
            .unwrap_or_else(|_| panic!("no {expected:?} in {text:?}"))
            .unwrap();
        assert_ne!(count, 0, "end of stream after {text:?}");
        text.push_str(str::from_utf8(&bytes[..count]).unwrap());
    }
    text
}

#[tokio::test]
async fn a_quiet_stream_has_comments_or_pings() {
    let hub = Hub::start(["--keep-alive=0.1", "--no-position"]);
    let mut quiet = hub.open_stream("topic=a").await;
    let text = read_until(&mut quiet, ":\n\n\r\n3\r\n:\n\n\r\n3\r\n:\n\n").await;
    assert!(!text.contains("event: "), "{text}");

    let hub = Hub::start(["--keep-alive=0.1", "--ping"]);
    let mut quiet = hub.open_stream("topic=a").await;
    for _ in 0..2 {
        read_until(&mut quiet, "event: ping\ndata: {}\n\n").await;
    }
    // Publishers cannot send one.
    let publish = async |hub: &Hub| hub.publish("?topic=a&type=ping", "text/plain", "x").await;
    let reply = publish(&hub).await;
    assert_eq!(reply.status, 400);
    assert!(
        reply.text.contains("\"ping\" is reserved"),
        "{}",
        reply.text
    );
    assert_eq!(publish(&Hub::start([])).await.status, 200);
}

#[tokio::test]
async fn a_stream_ends_at_its_age_and_its_client_goes_on() {
    let hub = Hub::start(["--max-age=0.5", "--retry=0.1"]);
    let mut follower = hub.follow("topic=a").await;
    hub.news("a", "1").await;
    assert_eq!(follower.data().await, "1");
    let start = Instant::now();
    loop {
        match follower.item().await {
            Item::Disconnected(_) => break,
            Item::Comment(_) => {}
            item => panic!("{item:?}"),
        }
    }
    assert!(start.elapsed() < test_timeout());
    hub.news("a", "2").await;
    assert_eq!(follower.data_after_all().await, "2");
}

/// Checks that the reconnection time of each stream is random. After a crash, which sends no `closing`, all clients
/// would reconnect at once otherwise.
#[tokio::test]
async fn each_stream_begins_with_a_reconnection_time_of_its_own() {
    for (options, range) in [
        (&[][..], 2_000..=4_000),
        (&["--retry=600"], 600_000..=1_200_000),
    ] {
        let mut command = sse(["hub", "--listen=127.0.0.1:0"]);
        let hub = Hub::start_command(command.args(options).env("SSE_HUB_PUBLISH_TOKEN", TOKEN));
        hub.news("a", "1").await;
        let mut times = std::collections::HashSet::new();
        for _ in 0..10 {
            let mut stream = hub.open_stream("topic=a&newest=1").await;
            let text = read_until(&mut stream, "data: 1\n").await;
            let (_, rest) = text.split_once(":\n\n").unwrap();
            let (first, _) = rest.split_once("\n\n").unwrap();
            assert!(first.contains("event: position\n"), "{text}");
            let (_, rest) = first.split_once("retry: ").expect("in the first block");
            let (time, _) = rest.split_once('\n').unwrap();
            let time: u64 = serde_json::from_str(time).unwrap();
            assert!(range.contains(&time), "{time}");
            times.insert(time);
        }
        assert!(times.len() > 5, "{times:?}");
    }
}

#[tokio::test]
async fn it_listens_on_all_addresses_of_a_name() {
    let hub = Hub::start(["--listen=localhost:0"]);
    let port = hub.address.rsplit(':').next().unwrap();
    let mut answers = 0;
    for address in tokio::net::lookup_host(format!("localhost:{port}"))
        .await
        .unwrap()
    {
        let Ok(mut connection) = TcpStream::connect(address).await else {
            assert!(address.is_ipv6(), "{address}");
            continue;
        };
        let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
        connection.write_all(request).await.unwrap();
        read_until(&mut connection, "\r\n\r\nok\n").await;
        answers += 1;
    }
    assert!(answers > 0);
    // On a loopback address, the hub refuses requests for other hosts.
    let request = hub
        .request(Method::GET, "/healthz")
        .header("host", "evil.example");
    assert_eq!(hub.send(request, "").await.status, 421);
    for (address, reason) in [
        ("8080", "expected an IP address or a host name, and a port"),
        (
            "http://localhost:80",
            "expected an IP address or a host name",
        ),
        ("nowhere.invalid:1", "cannot listen on nowhere.invalid:1: "),
    ] {
        let done = run(
            sse(["hub", "--publish-token=t", "--listen", address]).arg("--log=off"),
            "",
        );
        assert_ne!(done.code, Some(0));
        assert!(done.stderr.contains(reason), "{}", done.stderr);
    }
}

#[tokio::test]
async fn requests_and_refusals_are_logged_and_counted() {
    let mut hub = Hub::start([
        "--log=debug",
        "--subscribe-token=for-readers",
        "--metrics-token=for-metrics",
        "--token-in-url",
    ]);
    let secret = "/events?topic=a&access_token=not-to-be-told";
    assert_eq!(hub.get(secret).await.status, 401);
    assert_eq!(
        hub.get("/events?topic=a&access_token=for-readers&x=1")
            .await
            .status,
        400
    );
    assert_eq!(hub.get("/no%0Awhere").await.status, 404);
    hub.news("a", "1").await;
    let readers = hub.source("topic=a&access_token=for-readers");
    let _follower = Follower::new(readers).await;
    let request = hub.request(Method::GET, "/metrics");
    let request = request.header("authorization", "Bearer for-metrics");
    let metrics = hub.send(request, "").await.text;
    for (path, status) in [
        ("/events", 401),
        ("/events", 400),
        ("other", 404),
        ("/publish", 200),
        ("/events", 200),
    ] {
        let line = format!("sse_hub_requests_total{{path=\"{path}\",status=\"{status}\"}} 1\n");
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    for (reason, count) in [
        ("token_wrong", 1),
        ("bad_request", 1),
        ("not_found", 1),
        ("full", 0),
    ] {
        let line = format!("sse_hub_refusals_total{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    hub.running.stderr.expect("path=\"/publish\"");
    hub.running.child.kill().unwrap();
    let log = hub.running.stderr.rest();
    let lines = |texts: &[&str]| {
        let has_all = |line: &&str| texts.iter().all(|text| line.contains(text));
        assert!(
            log.split('\n').any(|line| has_all(&line)),
            "{texts:?} in {log}"
        );
    };
    lines(&[
        "method=GET",
        "path=\"/events\"",
        "status=401",
        "reason=\"this is not the subscribe token\"",
    ]);
    lines(&["path=\"/events\"", "status=400", "unknown parameter"]);
    lines(&["path=\"/events\"", "answered", "status=200"]);
    lines(&["status=404"]);
    for secret in ["not-to-be-told", "for-readers", "for-metrics", TOKEN] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn each_option_can_be_given_in_the_environment() {
    let help = run(sse(["hub"]).arg("--help"), "").stdout;
    let options = help.split('\n').filter_map(|line| {
        let option = line.trim_start().strip_prefix("--")?;
        Some(option.split([' ', '.']).next().unwrap_or(option).to_owned())
    });
    let options: Vec<_> = options.collect();
    assert!(options.len() > 25, "{options:?}");
    for option in options {
        let variable = format!("SSE_HUB_{}", option.to_uppercase().replace('-', "_"));
        assert!(help.contains(&format!("[env: {variable}")), "--{option}");
    }
}

#[tokio::test]
async fn lists_and_flags_of_the_environment_are_taken() {
    let mut command = sse(["hub"]);
    for (name, value) in [
        ("LISTEN", "localhost:0"),
        ("PUBLISH_TOKEN", TOKEN),
        ("ALLOW_HOST", "a.example,*.b.example"),
        ("ALLOW_ORIGIN", "https://a.example,https://*.b.example"),
        ("PING", "true"),
        ("KEEP_ALIVE", "0.1"),
        ("NO_POSITION", "true"),
        ("LOG", "off"),
    ] {
        command.env(format!("SSE_HUB_{name}"), value);
    }
    let hub = Hub::start_command(&mut command);
    for (host, origin) in [
        ("a.example", "https://a.example"),
        ("c.b.example", "https://c.b.example"),
    ] {
        let request = hub.request(Method::GET, "/events").header("host", host);
        let reply = hub.send(request.header("origin", origin), "").await;
        assert_eq!(reply.status, 400);
        assert_eq!(reply.header("access-control-allow-origin"), origin);
    }
    let mut quiet = hub.open_stream("topic=a").await;
    let text = read_until(&mut quiet, "event: ping\n").await;
    assert!(!text.contains("id: "), "{text}");
}
