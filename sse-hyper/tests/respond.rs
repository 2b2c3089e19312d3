//! Tests of status and headers, and of requests that are refused.

use futures_util::stream;
use http::{Method, Request, Response, Version, request};
use http_body::Body;
use http_body_util::BodyExt;
use sse_hyper::{Event, EventBody, StreamTracker, no_content, respond};

type Events = stream::Iter<std::array::IntoIter<Event, 1>>;

fn send(request: request::Builder) -> Response<EventBody<Events>> {
    respond(&request.body(()).unwrap(), stream::iter([Event::new("a")]))
}

fn assert_headers<B>(response: &Response<B>) {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(
        response.headers()["cache-control"],
        "no-cache, no-transform"
    );
    assert_eq!(response.headers()["incremental"], "?1");
    assert_eq!(response.headers()["x-accel-buffering"], "no");
}

async fn text(response: Response<EventBody<Events>>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.into()).unwrap()
}

#[tokio::test]
async fn every_version_that_can_stream_gets_a_stream() {
    for version in [
        Version::HTTP_10,
        Version::HTTP_11,
        Version::HTTP_2,
        Version::HTTP_3,
    ] {
        let response = send(Request::builder().version(version));
        assert_eq!(response.status(), 200, "{version:?}");
        assert_headers(&response);
        assert_eq!(text(response).await, ":\n\ndata: a\n\n");
    }
    let response = send(Request::builder().version(Version::HTTP_09));
    assert_eq!(response.status(), 505);
    assert_eq!(
        response.status().canonical_reason(),
        Some("HTTP Version Not Supported")
    );
    assert_eq!(
        response.headers()["content-type"],
        "text/plain; charset=utf-8"
    );
    assert_eq!(response.body().size_hint().exact(), Some(22));
    assert_eq!(text(response).await, "Streaming unsupported!");
}

#[tokio::test]
async fn head_gets_the_headers_and_no_stream() {
    let tracker = StreamTracker::default();
    let request = Request::head("/").body(()).unwrap();
    let response = tracker.respond(&request, stream::iter([Event::new("a")]));
    assert_eq!(response.status(), 200);
    assert_headers(&response);
    assert_eq!(tracker.open_streams(), 0, "the stream is already dropped");
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn a_client_that_does_not_accept_events_is_refused() {
    let accepted = [
        "text/event-stream",
        "Text/Event-Stream",
        "text/event-stream; charset=utf-8",
        "text/event-stream;q=0.1, */*;q=0",
        "text/*",
        "*/*",
        "application/json, text/event-stream",
        "application/json;q=0.9, */*;q=0.1",
        "not a media range at all",
        "",
    ];
    let excluded = [
        "application/json",
        "text/html, application/xhtml+xml",
        "text/event-stream;q=0, */*",
        "text/event-stream;q=0",
        "text/event-streams",
    ];
    for method in [Method::GET, Method::HEAD] {
        for accept in accepted {
            let response = send(Request::builder().method(&method).header("accept", accept));
            assert_eq!(response.status(), 200, "{method} {accept}");
        }
        for accept in excluded {
            let response = send(Request::builder().method(&method).header("accept", accept));
            assert_eq!(response.status(), 406, "{method} {accept}");
            assert!(text(response).await.contains("text/event-stream"));
        }
    }
    let two = Request::builder()
        .header("accept", "application/json")
        .header("accept", "text/event-stream");
    assert_eq!(send(two).status(), 200, "a list in two header lines");
    let post = Request::post("/v1/chat").header("accept", "application/json");
    assert_eq!(send(post).status(), 200, "`Accept` is ignored for POST");
}

#[tokio::test]
async fn no_content_tells_clients_to_stop() {
    let response = no_content();
    assert_eq!(response.status(), 204);
    assert!(response.body().is_end_stream());
    assert_eq!(text(response).await, "");
}
