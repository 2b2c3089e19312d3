//! Requests as bytes: heads that are too long, and hosts that are wrong.
#![cfg(feature = "hub")]

mod support;

use support::hub::{Hub, TOKEN};

/// A request for `/healthz` of this size, with a header that fills it up.
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
        // What comes in pieces is counted in the same way.
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
        // Programs of HTTP/1.0 may leave it out.
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
