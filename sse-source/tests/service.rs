//! Contract test service from the outside, between a server of streams and a listener for callbacks.

mod running;
mod support;

use std::time::Duration;

use http::{Method, StatusCode};
use running::{Listener, Service};
use serde_json::{Value, json};
use support::{Answer, Server, stream};

const QUIET_TIME: Duration = Duration::from_millis(300);

#[tokio::test]
async fn it_says_what_it_can_do_and_ends_when_asked() {
    let mut service = Service::start();
    let (status, _, body) = service.send(Method::GET, "/", "").await;
    assert_eq!(status, StatusCode::OK);
    let status: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status["name"], "sse-source");
    assert_eq!(status["capabilities"].as_array().unwrap().len(), 10);
    assert!(service.send(Method::DELETE, "/", "").await.0.is_success());
    assert!(service.example.process.wait().unwrap().success());
}

#[tokio::test]
async fn events_and_comments_come_as_they_are() {
    let body = "\u{FEFF}:Hello\n: World\nevent: greeting\nid: 1€\ndata: a\ndata: b\n\n\
        data\n\nid\ndata: c\n\nevent:  x\ndata:  豆腐\n\n";
    let server = Server::start([Answer::Hang(stream(body))]).await;
    let (service, mut listener) = (Service::start(), Listener::start().await);
    let location = service.open(&server.url(), &listener, json!({})).await;
    for name in ["listen", "Listen"] {
        let listen = json!({ "command": "listen", name: { "type": "greeting" } });
        assert!(service.command(&location, listen).await.is_success());
    }
    for comment in ["Hello", " World"] {
        let expected = json!({ "kind": "comment", "comment": comment });
        assert_eq!(listener.next().await, expected);
    }
    assert_eq!(listener.event().await, ["greeting", "a\nb", "1€"]);
    assert_eq!(listener.event().await, ["message", "", "1€"]);
    assert_eq!(listener.event().await, ["message", "c", ""]);
    assert_eq!(listener.event().await, [" x", " 豆腐", ""]);
    listener.hears_nothing_for(QUIET_TIME).await;
}

#[tokio::test]
async fn the_request_is_what_was_asked_for() {
    for method in ["POST", "REPORT"] {
        let server = Server::start([
            Answer::Reset(stream("data: a\n\n")),
            Answer::Hang(stream("data: b\n\n")),
        ])
        .await;
        let (service, mut listener) = (Service::start(), Listener::start().await);
        let body = r#"{"hello": "world"}"#;
        let headers = json!({ "content-type": "application/json", "x-name": "value" });
        let more = json!({
            "method": method, "body": body, "headers": headers, "lastEventId": "5€", "readTimeoutMs": null,
        });
        service.open(&server.url(), &listener, more).await;
        assert_eq!(listener.event().await, ["message", "a", "5€"]);
        server.reset();
        assert!(!listener.error().await.is_empty());
        assert_eq!(listener.event().await, ["message", "b", "5€"]);
        for request in server.requests() {
            let start = format!("{} /events ", method.to_lowercase());
            assert!(request.starts_with(&start), "{request}");
            assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
            for header in [
                "content-type: application/json",
                "x-name: value",
                "last-event-id: 5€",
                "accept: text/event-stream",
                "cache-control: no-cache",
            ] {
                assert!(request.contains(&format!("\r\n{header}\r\n")), "{request}");
            }
        }
    }
}

#[tokio::test]
async fn a_restart_is_at_once_and_no_error() {
    let server = Server::start([
        Answer::Hang(stream("id: 7\ndata: a\n\n")),
        Answer::Hang(stream("data: b\n\n")),
    ])
    .await;
    let (service, mut listener) = (Service::start(), Listener::start().await);
    let more = json!({ "initialDelayMs": 60_000 });
    let location = service.open(&server.url(), &listener, more).await;
    assert_eq!(listener.event().await, ["message", "a", "7"]);
    let restart = json!({ "command": "restart" });
    assert!(service.command(&location, restart).await.is_success());
    assert_eq!(listener.event().await, ["message", "b", "7"]);
    assert_eq!(server.last_event_ids(), [None, Some("7".to_owned())]);
}

#[tokio::test]
async fn two_streams_do_not_know_of_each_other() {
    let one = Server::start([Answer::Hang(stream("id: 1\ndata: one\n\n"))]).await;
    let two = Server::start([Answer::Hang(stream("data: two\n\n"))]).await;
    let service = Service::start();
    let (mut first, mut second) = (Listener::start().await, Listener::start().await);
    let location = service.open(&one.url(), &first, json!({})).await;
    let other = service.open(&two.url(), &second, json!({})).await;
    assert_ne!(location, other);
    assert_eq!(first.event().await, ["message", "one", "1"]);
    assert_eq!(second.event().await, ["message", "two", ""]);
    service.close(&location).await;
    let restart = json!({ "command": "restart" });
    let status = service.command(&location, restart.clone()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(service.command(&other, restart).await.is_success());
    assert_eq!(second.event().await, ["message", "two", ""]);
    first.hears_nothing_for(QUIET_TIME).await;
}

#[tokio::test]
async fn bad_input_is_refused_with_a_reason() {
    let server = Server::start([Answer::Hang(stream(""))]).await;
    let (service, listener) = (Service::start(), Listener::start().await);
    let (url, callbacks) = (server.url(), "http://127.0.0.1:1/");
    let with = |name: &str, value: Value| {
        let mut good = json!({ "streamUrl": url, "callbackUrl": callbacks });
        good[name] = value;
        good.to_string()
    };
    for bad in [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        json!({ "streamUrl": url }).to_string(),
        json!({ "callbackUrl": callbacks }).to_string(),
        with("streamUrl", json!("")),
        with("streamUrl", json!("no url")),
        with("streamUrl", json!("/events")),
        with("streamUrl", json!("ftp://127.0.0.1/")),
        with("callbackUrl", json!("ftp://127.0.0.1/")),
        with("callbackUrl", json!(5)),
        with("initialDelayMs", json!(-1)),
        with("initialDelayMs", json!("1")),
        with("readTimeoutMs", json!(1.5)),
        with("lastEventId", json!("a\nb")),
        with("lastEventId", json!(5)),
        with("headers", json!({ "a b": "c" })),
        with("headers", json!({ "a": "b\nc" })),
        with("headers", json!(["a"])),
        with("method", json!("G ET")),
        with("body", json!({})),
    ] {
        let (status, _, reason) = service.send(Method::POST, "/", &bad).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(!reason.is_empty(), "{bad}");
    }
    let location = service.open(&url, &listener, json!({})).await;
    for bad in [
        json!({}),
        json!({ "command": "dance" }),
        json!({ "command": "listen" }),
        json!({ "command": "listen", "listen": {} }),
    ] {
        let status = service.command(&location, bad.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
    }
    for (method, path, expected) in [
        (Method::POST, "/streams/99", StatusCode::NOT_FOUND),
        (Method::DELETE, "/streams/99", StatusCode::NOT_FOUND),
        (Method::DELETE, "/other", StatusCode::NOT_FOUND),
        (Method::PUT, "/", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let (status, ..) = service.send(method, path, "{}").await;
        assert_eq!(status, expected, "{path}");
    }
}
