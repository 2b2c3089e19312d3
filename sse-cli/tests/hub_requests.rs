//! Requests as bytes: heads that are too long, and hosts that are not valid.
#![cfg(feature = "hub")]

mod support;

use std::time::{Duration, Instant};

use support::hub::{Hub, TOKEN};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Returns a request for `/healthz` of this size, with a header as padding.
fn head(size: usize) -> String {
    let start = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Padding: ";
    let padding = "x".repeat(size - start.len() - 4);
    format!("{start}{padding}\r\n\r\n")
}

#[tokio::test]
async fn a_head_may_have_32_kib() {
    let hub = Hub::start([]);
    for (size, status) in [(32_768, 200), (32_769, 431), (40_000, 431), (65_536, 431)] {
        let request = head(size);
        assert_eq!(request.len(), size);
        assert_eq!(hub.status(&[&request]).await, status, "{size} bytes");
        // A head that arrives in pieces has the same limit.
        let (first, rest) = request.split_at(size / 2);
        let (second, third) = rest.split_at(size / 3);
        let pieces = [first, second, third];
        assert_eq!(hub.status(&pieces).await, status, "{size} bytes in pieces");
        // The body is not part of the head.
        let start = format!(
            "POST /publish?topic=a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: Bearer {TOKEN}\r\nContent-Length: 9000\r\nX-Padding: "
        );
        let padding = "x".repeat(size - start.len() - 4);
        let request = format!("{start}{padding}\r\n\r\n{}", "x".repeat(9000));
        assert_eq!(hub.status(&[&request]).await, status, "{size} bytes, body");
        let start = "GET /healthz?x=";
        let end = " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let query = "x".repeat(size - start.len() - end.len());
        let request = format!("{start}{query}{end}");
        let expected = if size > 65_000 { 414 } else { status };
        let seen = hub.status(&[&request]).await;
        assert!(seen == status || seen == expected, "{size} bytes: {seen}");
    }
    for (fields, status) in [(100, 200), (101, 431)] {
        let padding = "X-A: b\r\n".repeat(fields - 2);
        let request = format!(
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{padding}\r\n"
        );
        assert_eq!(hub.status(&[&request]).await, status, "{fields} fields");
    }
}

#[tokio::test]
async fn a_request_names_one_host() {
    let hub = Hub::start(["--allow-host=events.example"]);
    let cases: [(&str, &str, u16); 50] = [
        // The Host header.
        ("GET /healthz HTTP/1.1", "Host: localhost", 200),
        ("GET /healthz HTTP/1.1", "Host: LOCALHOST:80", 200),
        ("GET /healthz HTTP/1.1", "Host: localhost.", 200),
        ("GET /healthz HTTP/1.1", "Host: localhost.:80", 200),
        ("GET /healthz HTTP/1.1", "Host: localhost:", 200),
        ("GET /healthz HTTP/1.1", "Host: Events.Example.", 200),
        ("GET /healthz HTTP/1.1", "Host: [::1]:80", 200),
        ("GET /healthz HTTP/1.1", "Host: [0:0::1]", 200),
        ("GET /healthz HTTP/1.1", "Host: evil.example", 421),
        ("GET /healthz HTTP/1.1", "Host: evil.example.", 421),
        ("GET /healthz HTTP/1.1", "Host: [fe80::1]", 421),
        ("GET /healthz HTTP/1.1", "X-None: 1", 400),
        ("GET /healthz HTTP/1.1", "Host:", 400),
        ("GET /healthz HTTP/1.1", "Host: .", 400),
        ("GET /healthz HTTP/1.1", "Host: localhost..", 400),
        ("GET /healthz HTTP/1.1", "Host: a..localhost", 400),
        ("GET /healthz HTTP/1.1", "Host: :80", 400),
        ("GET /healthz HTTP/1.1", "Host: localhost:x", 400),
        ("GET /healthz HTTP/1.1", "Host: localhost:+80", 400),
        ("GET /healthz HTTP/1.1", "Host: localhost:65536", 400),
        ("GET /healthz HTTP/1.1", "Host: localhost:80:80", 400),
        ("GET /healthz HTTP/1.1", "Host: user@localhost", 400),
        ("GET /healthz HTTP/1.1", "Host: evil.example@localhost", 400),
        ("GET /healthz HTTP/1.1", "Host: localhost@evil.example", 400),
        ("GET /healthz HTTP/1.1", "Host: localhost/", 400),
        ("GET /healthz HTTP/1.1", "Host: http://localhost", 400),
        (
            "GET /healthz HTTP/1.1",
            "Host: localhost, evil.example",
            400,
        ),
        ("GET /healthz HTTP/1.1", "Host: localhost,evil.example", 400),
        ("GET /healthz HTTP/1.1", "Host: local%68ost", 400),
        ("GET /healthz HTTP/1.1", "Host: ::1", 400),
        ("GET /healthz HTTP/1.1", "Host: [::1", 400),
        ("GET /healthz HTTP/1.1", "Host: [::1]80", 400),
        ("GET /healthz HTTP/1.1", "Host: [::1%25lo]", 400),
        ("GET /healthz HTTP/1.1", "Host: [localhost]", 400),
        (
            "GET /healthz HTTP/1.1",
            "Host: localhost\r\nHost: localhost",
            400,
        ),
        (
            "GET /healthz HTTP/1.1",
            "Host: localhost\r\nHost: evil.example",
            400,
        ),
        // HTTP/1.0 clients may send no Host.
        ("GET /healthz HTTP/1.0", "X-None: 1", 200),
        ("GET /healthz HTTP/1.0", "Host: evil.example", 421),
        (
            "GET /healthz HTTP/1.0",
            "Host: localhost\r\nHost: localhost",
            400,
        ),
        // The request target.
        (
            "GET http://localhost/healthz HTTP/1.1",
            "Host: localhost",
            200,
        ),
        (
            "GET http://localhost:80/healthz HTTP/1.1",
            "Host: LOCALHOST",
            200,
        ),
        (
            "GET http://evil.example/healthz HTTP/1.1",
            "Host: evil.example",
            421,
        ),
        (
            "GET http://evil.example/healthz HTTP/1.1",
            "Host: localhost",
            400,
        ),
        (
            "GET http://localhost/healthz HTTP/1.1",
            "Host: evil.example",
            400,
        ),
        (
            "GET http://localhost:81/healthz HTTP/1.1",
            "Host: localhost",
            400,
        ),
        (
            "GET http://user@localhost/healthz HTTP/1.1",
            "Host: localhost",
            400,
        ),
        ("GET http://evil.example/healthz HTTP/1.0", "X-None: 1", 421),
        (
            "GET ftp://localhost/healthz HTTP/1.1",
            "Host: localhost",
            400,
        ),
        ("GET localhost:80 HTTP/1.1", "Host: localhost:80", 400),
        ("CONNECT localhost:80 HTTP/1.1", "Host: localhost:80", 400),
    ];
    for (line, headers, status) in cases {
        let request = format!("{line}\r\n{headers}\r\nConnection: close\r\n\r\n");
        assert_eq!(hub.status(&[&request]).await, status, "{line}, {headers}");
    }
}

/// Checks that the hub keeps idle connections for longer than 15 s. A proxy keeps the connections to its backends for
/// a minute or more, and would use one that the backend has just closed.
#[tokio::test]
async fn an_idle_connection_waits_for_longer_than_proxies_keep_it() {
    let hub = Hub::start([]);
    let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut connection = TcpStream::connect(&hub.address).await.unwrap();
    let mut answer = vec![0; 1024];
    for pause in [0, 17] {
        sleep(Duration::from_secs(pause)).await;
        connection.write_all(request).await.unwrap();
        let read = timeout(test_timeout(), connection.read(&mut answer)).await;
        let count = read.unwrap().unwrap();
        assert!(
            answer[..count].starts_with(b"HTTP/1.1 200 OK\r\n"),
            "after {pause} s"
        );
    }
    // An incomplete head keeps a connection for less time.
    connection
        .write_all(b"GET /healthz HTTP/1.1\r\n")
        .await
        .unwrap();
    let start = Instant::now();
    let end = timeout(test_timeout(), connection.read(&mut answer)).await;
    assert!(matches!(end.expect("end of connection"), Ok(0) | Err(_)));
    assert!(
        start.elapsed() >= Duration::from_secs(14),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn the_idle_time_is_an_option() {
    let hub = Hub::start(["--idle-timeout=0.5"]);
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answer = hub.exchange(&[request]).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

/// Checks clients such as `nc -N`, which sends the request, closes its writing half, and reads.
#[tokio::test]
async fn a_client_that_closes_its_writing_half_is_answered() {
    let hub = Hub::start([]);
    let half_closed = async |request: &str| {
        let mut connection = TcpStream::connect(&hub.address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        connection.shutdown().await.unwrap();
        connection
    };
    let publish = |token| {
        format!(
            "POST /publish?topic=a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
        )
    };
    for (request, status) in [
        (
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            200,
        ),
        ("GET /metrics HTTP/1.0\r\n\r\n".to_owned(), 200),
        (
            "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            400,
        ),
        (publish(TOKEN), 200),
        (publish("wrong"), 401),
    ] {
        let mut answer = String::new();
        let mut connection = half_closed(&request).await;
        let reading = timeout(test_timeout(), connection.read_to_string(&mut answer)).await;
        reading.expect("end of connection").unwrap();
        assert!(answer.starts_with("HTTP/1."), "{request}: {answer:?}");
        assert_eq!(answer[9..12], status.to_string(), "{request}: {answer}");
    }
    // A stream also continues, while the client reads.
    let request = "GET /events?topic=a HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut connection = half_closed(request).await;
    let mut seen = String::new();
    for data in ["1", "2"] {
        hub.becomes("sse_hub_subscribers", 1).await;
        hub.news("a", data).await;
        let data = format!("data: {data}\n");
        while !seen.contains(&data) {
            let mut bytes = [0; 1024];
            let read = timeout(test_timeout(), connection.read(&mut bytes)).await;
            let count = read.expect("data in time").unwrap();
            assert_ne!(count, 0, "end of stream after {seen}");
            seen.push_str(core::str::from_utf8(&bytes[..count]).unwrap());
        }
        // Longer than the time in which the server detects a client that is gone.
        sleep(Duration::from_secs(2)).await;
    }
    // The server detects a client that is gone without an event.
    drop(connection);
    hub.becomes("sse_hub_subscribers", 0).await;
    let gone = hub.open_stream("topic=a").await;
    hub.becomes("sse_hub_subscribers", 1).await;
    drop(gone);
    hub.becomes("sse_hub_subscribers", 0).await;
}
