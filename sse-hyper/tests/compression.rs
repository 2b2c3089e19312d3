//! Tests that tower-http's compression passes on each event when it is sent.

use std::{io::Write, sync::Arc};

use axum::{Router, body::Body, extract::Request, response::IntoResponse, routing::get};
use futures_util::stream;
use http_body_util::BodyExt;
use sse_hyper::{Event, StreamTracker};
use testkit::timeout::test_timeout;
use tokio::{
    sync::{Mutex, mpsc},
    time::timeout,
};
use tower::ServiceExt;
use tower_http::compression::{CompressionLayer, Predicate};

/// Predicate that compresses every response. The default predicate excludes event streams.
#[derive(Clone, Copy)]
struct Everything;

impl Predicate for Everything {
    fn should_compress<B: http_body::Body>(&self, _: &http::Response<B>) -> bool {
        true
    }
}

/// Checks that each event of a stream in this coding comes at once. Returns the compressed size of the last event.
async fn each_event_comes_at_once<D: Write>(
    coding: &str,
    mut decoder: D,
    decoded: impl Fn(&D) -> &Vec<u8>,
) -> usize {
    let (sender, receiver) = mpsc::unbounded_channel::<Event>();
    let receiver = Arc::new(Mutex::new(Some(receiver)));
    let handler = async move |request: Request| {
        let receiver = receiver.lock().await.take().expect("one request");
        let events = stream::unfold(receiver, async |mut receiver| {
            receiver.recv().await.map(|event: Event| (event, receiver))
        });
        let response = StreamTracker::default().respond(&request, Box::pin(events));
        response.into_response()
    };
    let router = Router::new()
        .route("/", get(handler))
        .layer(CompressionLayer::new().compress_when(Everything));
    let request = Request::get("/")
        .header("accept-encoding", coding)
        .body(Body::empty());
    let response = router.oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], coding);
    let mut body = response.into_body();

    let mut last = 0;
    for n in 0..20 {
        let text = format!("{{\"number\":{n},\"text\":\"much the same as the one before\"}}");
        let event = Event::new(text);
        let sent = event.to_string();
        sender.send(event).unwrap();
        last = 0;
        while !decoded(&decoder).ends_with(sent.as_bytes()) {
            let frame = timeout(test_timeout(), body.frame()).await;
            let frame = frame.unwrap_or_else(|_| panic!("{coding}: event {n} is held back"));
            let bytes = frame.unwrap().unwrap().into_data().unwrap();
            last += bytes.len();
            decoder.write_all(&bytes).unwrap();
            decoder.flush().unwrap();
        }
    }
    last
}

#[tokio::test]
async fn gzip() {
    let decoder = flate2::write::GzDecoder::new(Vec::new());
    let bytes = each_event_comes_at_once("gzip", decoder, |decoder| decoder.get_ref()).await;
    assert!(bytes < 40, "{bytes}");
}

#[tokio::test]
async fn brotli() {
    let decoder = brotli::DecompressorWriter::new(Vec::new(), 4096);
    let bytes = each_event_comes_at_once("br", decoder, |decoder| decoder.get_ref()).await;
    assert!(bytes < 40, "{bytes}");
}

#[tokio::test]
async fn zstd() {
    let decoder = zstd::stream::write::Decoder::new(Vec::new()).unwrap();
    let bytes = each_event_comes_at_once("zstd", decoder, |decoder| decoder.get_ref()).await;
    assert!(bytes < 40, "{bytes}");
}
