//! Metrics of `sse hub` that count refused requests, by reason.
#![cfg(feature = "hub")]

mod support;

use std::collections::BTreeSet;

use http::Method;
use support::hub::{Follower, Hub, TOKEN};

/// Returns the reasons of the metrics, with their counts.
async fn refusals(hub: &Hub) -> Vec<(String, u64)> {
    let request = hub.request(Method::GET, "/metrics");
    let request = request.header("authorization", "Bearer for-metrics");
    let text = hub.send(request, "").await.text;
    let line = |line: &str| {
        let rest = line.strip_prefix("sse_hub_refusals_total{reason=\"")?;
        let (reason, count) = rest.split_once("\"} ")?;
        Some((reason.to_owned(), serde_json::from_str(count).unwrap()))
    };
    text.split('\n').filter_map(line).collect()
}

/// Returns the reason by which the last request was counted.
async fn reason(hub: &Hub, before: &[(String, u64)]) -> String {
    let after = refusals(hub).await;
    let counted: Vec<_> = after
        .iter()
        .filter(|(reason, count)| !before.contains(&(reason.clone(), *count)))
        .collect();
    assert_eq!(counted.len(), 1, "{counted:?}");
    counted[0].0.clone()
}

#[tokio::test]
async fn each_refusal_is_counted_by_its_reason() {
    let hub = Hub::start([
        "--subscribe-token=for-readers",
        "--metrics-token=for-metrics",
        "--max-subscribers=1",
        "--max-event=10",
    ]);
    let publish = |head: &str| {
        format!(
            "POST /publish?topic=a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\n"
        )
    };
    let get = |path: &str, head: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{head}\r\n")
    };
    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    let reader = "Authorization: Bearer for-readers\r\n";
    let cases = [
        (
            "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".to_owned(),
            421,
            "host",
        ),
        (
            "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(),
            400,
            "host",
        ),
        (get("/events?topic=a", ""), 401, "token_missing"),
        (
            get("/events?topic=a", "Authorization: Basic YTpi\r\n"),
            401,
            "token_missing",
        ),
        (
            get("/events?topic=a", "Authorization: Bearer x\r\n"),
            401,
            "token_wrong",
        ),
        (publish(""), 401, "token_missing"),
        (publish(reader), 401, "token_wrong"),
        (get("/metrics", ""), 401, "token_missing"),
        (get("/events?topics=a", reader), 400, "bad_request"),
        (
            publish(&format!(
                "{token}Content-Length: 0\r\nContent-Type: application/json\r\n"
            )),
            400,
            "bad_request",
        ),
        (
            publish(&format!(
                "{token}Content-Length: 0\r\nContent-Type: image/png\r\n"
            )),
            415,
            "media_type",
        ),
        (
            publish(&format!("{token}Content-Length: 999999999\r\n")),
            413,
            "too_large",
        ),
        (
            publish(&format!("{token}Content-Length: 11\r\n\r\nhello world")),
            413,
            "too_large",
        ),
        (get("/nowhere", ""), 404, "not_found"),
        (
            publish("").replace("/publish?topic=a", "/healthz"),
            405,
            "method",
        ),
    ];
    for (request, status, expected) in cases {
        let before = refusals(&hub).await;
        assert_eq!(hub.status(&[&request]).await, status, "{request}");
        assert_eq!(reason(&hub, &before).await, expected, "{request}");
    }
    let only = hub
        .source("topic=a")
        .header("authorization", "Bearer for-readers");
    let _stream = Follower::new(only).await;
    let before = refusals(&hub).await;
    assert_eq!(hub.status(&[&get("/events?topic=a", reader)]).await, 503);
    assert_eq!(reason(&hub, &before).await, "full");
}

/// Checks that no request of a stranger creates a time series.
#[tokio::test]
async fn no_request_creates_a_reason() {
    let hub = Hub::start(["--metrics-token=for-metrics"]);
    let before: BTreeSet<_> = refusals(&hub)
        .await
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
    assert!(before.len() > 10, "{before:?}");
    for number in 0..20 {
        for request in [
            format!("GET /{number} HTTP/1.1\r\nHost: localhost\r\n"),
            format!("M{number} /events HTTP/1.1\r\nHost: localhost\r\n"),
            format!("M{number} /{number} HTTP/1.1\r\nHost: {number}.example\r\n"),
            format!("GET /events?{number}=a HTTP/1.1\r\nHost: localhost\r\n"),
            format!(
                "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {number}\r\n"
            ),
        ] {
            let status = hub
                .status(&[&format!("{request}Connection: close\r\n\r\n")])
                .await;
            assert!(status >= 400, "{request}: {status}");
        }
    }
    let after: BTreeSet<_> = refusals(&hub)
        .await
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
    assert_eq!(before, after);
    let request = hub.request(Method::GET, "/metrics");
    let text = hub
        .send(request.header("authorization", "Bearer for-metrics"), "")
        .await
        .text;
    let series = text.matches("\nsse_hub_requests_total{").count();
    assert!(series < 10, "{text}");
}
