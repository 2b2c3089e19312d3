//! The body and the response by themselves, in simulated time.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use http::{Request, Version};
use http_body::Body;
use http_body_util::BodyExt;
use hyper_util::rt::TokioTimer;
use sse_hyper::{Event, EventBody, KeepAlive, respond, response};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

/// The next frame as text.
async fn frame<S: Stream<Item = Event>>(body: &mut Pin<Box<EventBody<S>>>) -> Option<String> {
    let frame = poll_fn(|cx| body.as_mut().poll_frame(cx)).await?;
    let bytes = frame
        .unwrap_or_else(|never: Infallible| match never {})
        .into_data();
    Some(String::from_utf8(bytes.expect("only data").into()).expect("UTF-8"))
}

fn from_channel() -> (mpsc::UnboundedSender<Event>, impl Stream<Item = Event>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let events = stream::unfold(
        receiver,
        |mut receiver: mpsc::UnboundedReceiver<Event>| async {
            receiver.recv().await.map(|event| (event, receiver))
        },
    );
    (sender, events)
}

#[tokio::test]
async fn the_first_byte_comes_before_any_event() {
    let mut body = Box::pin(EventBody::new(stream::pending()));
    assert_eq!(frame(&mut body).await.as_deref(), Some(":\n\n"));
    let waker = futures_util::task::noop_waker();
    let next = body.as_mut().poll_frame(&mut Context::from_waker(&waker));
    assert!(matches!(next, Poll::Pending));
    assert!(!body.is_end_stream());
}

#[tokio::test]
async fn what_is_ready_goes_out_together_and_the_rest_as_it_comes() {
    let (sender, events) = from_channel();
    let mut body = Box::pin(EventBody::new(events));
    for text in ["a", "b"] {
        sender.send(Event::new(text)).unwrap();
    }
    assert_eq!(
        frame(&mut body).await.as_deref(),
        Some(":\n\ndata: a\n\ndata: b\n\n")
    );
    sender.send(Event::new("c")).unwrap();
    assert_eq!(frame(&mut body).await.as_deref(), Some("data: c\n\n"));
    drop(sender);
    assert_eq!(frame(&mut body).await, None);
    assert_eq!(frame(&mut body).await, None, "the end stays the end");
    assert!(body.is_end_stream());
}

#[tokio::test]
async fn a_stream_that_is_always_ready_makes_frames_of_bounded_size() {
    let events = stream::repeat_with(|| Event::new("x".repeat(1000))).take(1000);
    let mut body = Box::pin(EventBody::new(events));
    let mut total = 0;
    while let Some(frame) = frame(&mut body).await {
        assert!(frame.len() <= 16 * 1024 + 1008, "{}", frame.len());
        total += frame.len();
    }
    assert_eq!(total, 3 + 1000 * 1008);
}

#[tokio::test]
async fn the_stream_is_dropped_at_its_end_and_with_the_body() {
    let alive = Arc::new(());
    let count = || Arc::strong_count(&alive) - 1;
    let held = |events: stream::BoxStream<'static, Event>| {
        let guard = Arc::clone(&alive);
        EventBody::new(events.inspect(move |_| _ = &guard))
    };
    let mut ended = Box::pin(held(stream::empty().boxed()));
    assert_eq!(frame(&mut ended).await.as_deref(), Some(":\n\n"));
    assert_eq!(count(), 0, "at its end");

    let open = held(stream::pending().boxed());
    assert_eq!(count(), 1);
    drop(open);
    assert_eq!(count(), 0, "with the body");
}

#[tokio::test(start_paused = true)]
async fn a_comment_comes_only_after_a_quiet_interval() {
    let start = Instant::now();
    let (sender, events) = from_channel();
    let keep_alive = KeepAlive::new(TokioTimer::new())
        .with_interval(Duration::from_secs(10))
        .with_text("still\nhere");
    let mut body = Box::pin(EventBody::new(events).with_keep_alive(keep_alive));
    assert_eq!(frame(&mut body).await.as_deref(), Some(":\n\n"));

    tokio::spawn(async move {
        for _ in 0..5 {
            sleep(Duration::from_secs(8)).await;
            sender.send(Event::new("a")).unwrap();
        }
        sleep(Duration::from_secs(25)).await;
    });
    for _ in 0..5 {
        assert_eq!(frame(&mut body).await.as_deref(), Some("data: a\n\n"));
    }
    assert_eq!(start.elapsed().as_secs(), 40);
    for quiet in [50, 60] {
        assert_eq!(frame(&mut body).await.as_deref(), Some(":still\n:here\n\n"));
        assert_eq!(start.elapsed().as_secs(), quiet);
    }
    assert_eq!(frame(&mut body).await, None);
    assert_eq!(start.elapsed().as_secs(), 65);
}

#[tokio::test(start_paused = true)]
async fn by_default_it_comes_after_fifteen_seconds() {
    let start = Instant::now();
    let response = response(&Request::new(()), stream::pending());
    let mut body = Box::pin(response.into_body());
    assert_eq!(frame(&mut body).await.as_deref(), Some(":\n\n"));
    assert_eq!(frame(&mut body).await.as_deref(), Some(":\n\n"));
    assert_eq!(start.elapsed().as_secs(), 15);
}

#[tokio::test]
async fn a_request_that_cannot_stream_is_refused_in_words() {
    let ask = |version| {
        let mut request = Request::new(());
        *request.version_mut() = version;
        respond(&request, EventBody::new(stream::empty()))
    };
    for version in [
        Version::HTTP_10,
        Version::HTTP_11,
        Version::HTTP_2,
        Version::HTTP_3,
    ] {
        let response = ask(version);
        assert_eq!(response.status(), 200, "{version:?}");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
    }
    let response = ask(Version::HTTP_09);
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
    let text = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(text, "Streaming unsupported!");
}
