//! Tests of the extractor for the last event ID in handlers of axum.
#![cfg(feature = "axum")]

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
    routing::get,
};
use futures_util::stream;
use http_body_util::BodyExt;
use sse_hyper::{Event, EventId, LastEventId, StreamTracker};
use tower::ServiceExt;

async fn number(
    State(streams): State<StreamTracker>,
    LastEventId(seen): LastEventId<u64>,
    request: Request,
) -> Response {
    let events = stream::iter([Event::new(format!("{seen:?}"))]);
    streams.respond(&request, events).map(Body::new)
}

async fn text(LastEventId(seen): LastEventId<EventId>) -> String {
    format!("{seen:?}")
}

/// Returns the status and the body of the response to a client that reconnects with this ID.
async fn ask(path: &str, id: &[u8]) -> (u16, String) {
    let router = Router::new()
        .route("/number", get(number))
        .route("/text", get(text))
        .with_state(StreamTracker::default());
    let request = Request::get(path).header("last-event-id", id);
    let request = request.body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

/// Any status but 200 ends an `EventSource` for good, by the standard.
#[tokio::test]
async fn no_id_ends_the_client() {
    let (status, body) = ask("/number", b"7").await;
    assert_eq!((status, &*body), (200, ":\n\ndata: Some(7)\n\n"));
    let too_long = [b'7'; 1025];
    let of_other_schemes = [
        &b"seven"[..],
        b"-1",
        b"7.0",
        b"1-7",
        b"184467440737095516160",
        b"\xFF",
        b"",
        "€".as_bytes(),
        &too_long,
    ];
    for id in of_other_schemes {
        let (status, body) = ask("/number", id).await;
        assert_eq!((status, &*body), (200, ":\n\ndata: None\n\n"), "{id:?}");
    }
    for id in [&b"\xFF"[..], &too_long] {
        assert_eq!(ask("/text", id).await, (200, "None".to_owned()), "{id:?}");
    }
}
