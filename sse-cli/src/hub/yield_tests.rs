//! Checks that each path yields to the other tasks of its thread, for any request.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt as _, Full};
use metrics_exporter_prometheus::PrometheusBuilder;
use sse_hub::{Hub, HubConfig, LagPolicy, TopicFilters};
use sse_hyper::{CloseEvent, StreamTracker};
use testkit::poll_time::{assert_yields, undisturbed};

use crate::hub::{
    Storage,
    access::{Access, Token},
    publish::BodyMemory,
    response::Body,
    routes::respond,
    server::Server,
};

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
const FORM: &str = "application/x-www-form-urlencoded";
const TEXT: &str = "text/plain";

/// Default of `--max-event`.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// Maximum length of a body with this limit.
const MAX_BODY_BYTES: usize = 8 * MAX_EVENT_BYTES + 64 * 1024;

fn server() -> Arc<Server> {
    Arc::new(Server {
        hub: Hub::new(HubConfig::new()),
        storage: Storage::default(),
        streams: StreamTracker::default(),
        reactor: None,
        access: Access {
            publish: Token::parse("t").unwrap(),
            subscribe: None,
            metrics: None,
            accepts_token_in_url: false,
            is_local: true,
            hosts: Vec::new(),
        },
        mercure: None,
        cors: None,
        metrics: PrometheusBuilder::new().build_recorder().handle(),
        access_log: None,
        openapi: None,
        sends_pings: false,
        debugger: false,
        body_memory: BodyMemory::default(),
        max_event: MAX_EVENT_BYTES,
        slow: LagPolicy::Disconnect,
        max_lag: None,
        close_event: CloseEvent::default(),
    })
}

fn request(method: Method, target: &str) -> http::request::Builder {
    let request = Request::builder().method(method).uri(target);
    request.header("host", "localhost")
}

fn publish(content_type: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let body = body.into();
    assert!(body.len() <= MAX_BODY_BYTES, "{} bytes", body.len());
    let request = request(Method::POST, "/publish").header(CONTENT_TYPE, content_type);
    let request = request.header("authorization", "Bearer t");
    request.body(Full::new(body)).unwrap()
}

/// Responds to the request, and checks that this yields.
fn check(what: &str, server: &Arc<Server>, request: Request<Full<Bytes>>) -> Response<Body> {
    let response = assert_yields(what, respond(Arc::clone(server), request));
    response.unwrap_or_else(|never| match never {})
}

/// Responds to the request, checks that this yields, and returns the status and the text.
fn check_text(
    what: &str,
    server: &Arc<Server>,
    request: Request<Full<Bytes>>,
) -> (StatusCode, String) {
    let (head, body) = check(what, server, request).into_parts();
    let body = assert_yields(what, body.collect()).unwrap_or_else(|never| match never {});
    let text = String::from_utf8(body.to_bytes().to_vec()).unwrap();
    (head.status, text)
}

/// Returns a body of the maximum length, which repeats `piece` between `start` and `end`.
fn filled(start: &str, piece: &str, end: &str) -> String {
    let count = (MAX_BODY_BYTES - start.len() - end.len()) / piece.len();
    format!("{start}{}{end}", piece.repeat(count))
}

#[test]
fn lines_that_are_published() {
    let server = server();
    let line = "{\"topic\":\"a\",\"data\":1}\n";
    let body = line.repeat(50_000);
    let (status, text) = check_text("lines", &server, publish(LINES, body));
    assert_eq!(status, StatusCode::OK);
    assert_eq!(server.hub.stats().published, 50_000);
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["ids"].as_array().unwrap().len(), 50_000);
}

#[test]
fn lines_for_many_subscribers() {
    let server = server();
    let subscribe = |number: u32| {
        let topics = ["a".to_owned(), format!("own/{number}")];
        let filters = TopicFilters::new(topics).unwrap();
        server.hub.subscribe(filters, None).unwrap()
    };
    let subscriptions: Vec<_> = (0..1_000).map(subscribe).collect();
    let body = "{\"topic\":\"a\",\"data\":1}\n".repeat(2_000);
    let (status, _) = check_text("many subscribers", &server, publish(LINES, body));
    assert_eq!(status, StatusCode::OK);
    drop(subscriptions);
}

#[test]
fn lines_that_are_refused() {
    let server = server();
    let long = format!("{{\"topic\":\"a\",\"data\":\"{}\"}}\n", "x".repeat(70_000));
    let wrong = "{\"topic\":\"a\"}";
    for (what, body, reason) in [
        ("empty lines", filled("", "\n", wrong), "missing field"),
        ("one blank line", filled("", " ", wrong), "missing field"),
        ("long lines", filled("", &long, wrong), "missing field"),
        (
            "one line",
            filled("[", "[]", ""),
            "line 1: not a JSON object",
        ),
        ("no text", filled("", "€", "\u{7f}"), "line 1: "),
    ] {
        let (status, text) = check_text(what, &server, publish(LINES, body));
        assert_eq!(status, StatusCode::BAD_REQUEST, "{what}");
        assert!(text.contains(reason), "{what}: {text}");
    }
    assert_eq!(server.hub.stats().published, 0);
}

#[test]
fn one_event_as_json() {
    let server = server();
    let topics = "more than 64 topics";
    let data = "data is 1048577 bytes, limit is 1048576";
    let escapes = "\\u0041".repeat(MAX_EVENT_BYTES + 1);
    let nested = format!("{}{}", "[".repeat(4_000_000), "]".repeat(4_000_000));
    let start = r#"{"topic":"a","data":"#;
    for (what, body, reason) in [
        (
            "topics",
            filled(r#"{"data":1,"topics":["#, r#""a","#, r#""a"]}"#),
            topics,
        ),
        ("escapes", format!("{start}\"{escapes}\"}}"), data),
        (
            "nested data",
            format!("{start}{nested}}}"),
            "limit is 1048576",
        ),
        (
            "data",
            filled(&format!("{start}["), "1,", "1]}"),
            "limit is 1048576",
        ),
        ("spaces", filled("{", " ", "}"), "missing field"),
        ("field", filled("{\"", "é", "\":1}"), "unknown field"),
        (
            "escaped field",
            filled("{\"", "\\u0000", "\":1}"),
            "unknown field",
        ),
        (
            "text for topics",
            filled("{\"topics\":\"", "é", "\"}"),
            "invalid type",
        ),
        (
            "topic",
            filled("{\"data\":1,\"topic\":\"", "é", "\"}"),
            "topic is ",
        ),
        (
            "type",
            filled(&format!("{start}1,\"type\":\""), "é", "\"}"),
            "type is ",
        ),
    ] {
        let (status, text) = check_text(what, &server, publish(JSON, body));
        assert!(status.is_client_error(), "{what}: {status}");
        assert!(text.contains(reason), "{what}: {text}");
        assert!(text.len() < 1100, "{what}: {} bytes", text.len());
    }
    // A line end of the data takes seven bytes on the wire.
    for (what, most) in [
        ("most lines", "\\n".repeat(MAX_EVENT_BYTES / 7)),
        ("most escapes", "\\u0061".repeat(MAX_EVENT_BYTES)),
    ] {
        let body = format!("{start}\"{most}\"}}");
        let (status, text) = check_text(what, &server, publish(JSON, body));
        assert_eq!(status, StatusCode::OK, "{what}: {text}");
    }
}

#[test]
fn one_event_as_a_form_or_as_text() {
    let server = server();
    for (what, body, reason) in [
        (
            "topics",
            filled("", "topic=a&", "data=a"),
            "more than 64 topics",
        ),
        ("nothing", filled("", "&", "topic=a"), "no data"),
        (
            "fields against caches",
            filled("", "x=y&", "data=a"),
            "unknown field",
        ),
        ("one field", filled("", "%C3%A9", "=1"), "unknown field"),
        (
            "data",
            filled("topic=a&data=", "%41", ""),
            "limit is 1048576",
        ),
        ("no text", filled("topic=a&data=", "a", "%ff"), "not UTF-8"),
    ] {
        let (status, text) = check_text(what, &server, publish(FORM, body));
        assert!(status.is_client_error(), "{what}: {status}");
        assert!(text.contains(reason), "{what}: {text}");
        assert!(text.len() < 1100, "{what}: {} bytes", text.len());
    }
    let (status, _) = check_text("text", &server, publish(TEXT, filled("", "é", "")));
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[test]
fn what_is_asked_for_without_a_body() {
    undisturbed(|| {
        let server = server();
        // Head of the maximum size.
        let query = |piece: &str| piece.repeat(32 * 1024 / piece.len());
        for (what, target, status) in [
            ("topics", format!("/events?{}", query("topic=a&")), 400),
            (
                "fields against caches",
                format!("/events?topic=a{}", query("&_")),
                200,
            ),
            (
                "encoded fields",
                format!("/events?topic=a&_={}", query("%41")),
                200,
            ),
            (
                "no text",
                format!("/events?topic=a&_={}", query("%41") + "%ff"),
                400,
            ),
            (
                "an unknown field",
                format!("/events?topic=a&{}=1", query("%41")),
                400,
            ),
            (
                "the newest",
                "/events?topic=a&newest=18446744073709551615".to_owned(),
                200,
            ),
            ("metrics", "/metrics".to_owned(), 200),
            ("health", "/healthz".to_owned(), 200),
            ("nothing", format!("/{}", query("a/")), 404),
        ] {
            let request = request(Method::GET, &target).body(Full::default()).unwrap();
            let response = check(what, &server, request);
            assert_eq!(response.status(), status, "{what}");
        }
    });
}
