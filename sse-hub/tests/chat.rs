//! Tests of the example `chat`: replay, authorization, and the responses for errors.

#[path = "../examples/chat.rs"]
#[allow(dead_code, reason = "the test starts no server")]
mod chat;

use axum::{
    Router,
    body::Body,
    http::{Method, Request, Response, header::AUTHORIZATION},
};
use http_body_util::BodyExt;
use tower::ServiceExt;

const ALICE: &str = "Bearer alice-secret";
const BOB: &str = "Bearer bob-secret";

async fn send(router: &Router, request: Request<Body>) -> Response<Body> {
    router.clone().oneshot(request).await.unwrap()
}

/// Reads a room. Returns the status, and the first `messages` messages.
async fn read(
    router: &Router,
    path: &str,
    token: &str,
    last_event_id: Option<&str>,
    messages: usize,
) -> (u16, String) {
    let mut request = Request::get(path).header(AUTHORIZATION, token);
    if let Some(id) = last_event_id {
        request = request.header("Last-Event-ID", id);
    }
    let response = send(router, request.body(Body::empty()).unwrap()).await;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut text = String::new();
    while status != 200 || text.matches("\ndata: ").count() < messages {
        let Some(frame) = body.frame().await else {
            break;
        };
        let data = frame.unwrap().into_data().unwrap();
        let data = String::from_utf8(data.to_vec()).unwrap();
        // Position events have the data `{}`.
        text.push_str(&data.replace("data: {}\n", ""));
    }
    (status, text)
}

/// Writes into a room. Returns the status and the response.
async fn write(router: &Router, path: &str, token: &str, text: &str) -> (u16, String) {
    let request = Request::builder().method(Method::POST).uri(path);
    let request = request.header(AUTHORIZATION, token);
    let response = send(router, request.body(Body::from(text.to_owned())).unwrap()).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn members_read_and_write_and_resume() {
    let router = chat::router();
    let (status, first) = write(&router, "/rooms/tea", ALICE, "hello").await;
    assert_eq!(status, 200);
    write(&router, "/rooms/coffee", ALICE, "is anybody here?").await;
    write(&router, "/rooms/tea", BOB, "hi").await;
    let (status, text) = read(&router, "/rooms/tea", BOB, None, 2).await;
    assert_eq!(status, 200);
    assert!(text.contains("data: alice: hello\n"), "{text}");
    assert!(text.ends_with("data: bob: hi\n\n"), "{text}");
    let (_, text) = read(&router, "/rooms/tea", BOB, Some(first.trim()), 1).await;
    assert!(!text.contains("hello"), "{text}");
    assert!(text.ends_with("data: bob: hi\n\n"), "{text}");
}

#[tokio::test]
async fn others_are_denied() {
    let router = chat::router();
    let denied = (403, "not a member of this room\n".to_owned());
    for (path, token) in [("/rooms/tea", "Bearer guess"), ("/rooms/coffee", BOB)] {
        assert_eq!(read(&router, path, token, None, 1).await, denied);
        assert_eq!(write(&router, path, token, "x").await, denied);
    }
    // A room whose name is not one segment of a topic.
    let (status, text) = read(&router, "/rooms/%2A", ALICE, None, 1).await;
    assert_eq!(status, 400, "{text}");
    assert!(text.starts_with("topic \"room/*\" has a `*`"), "{text}");
}
