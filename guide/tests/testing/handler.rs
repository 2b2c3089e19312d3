use axum::{Router, body::Body, http::Request, response::IntoResponse, routing::get};
use futures_util::stream;
use sse_hyper::{Event, EventStreamRequest, testing::EventReader};
use tower::ServiceExt;

async fn count(sse: EventStreamRequest) -> impl IntoResponse {
    let next = sse
        .last_event_id()
        .map_or(1, |seen: u64| seen.saturating_add(1));
    sse.respond(stream::iter(
        (next..=3).map(|n| Event::new("tick").with_id(n)),
    ))
}

#[tokio::test]
async fn resumes_after_the_last_event() {
    let router = Router::new().route("/count", get(count));
    let request = Request::get("/count")
        .header("last-event-id", "1")
        .body(Body::empty())
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    let events = EventReader::new(response).collect().await;
    assert_eq!(events, [2_u64, 3].map(|n| Event::new("tick").with_id(n)));
}
