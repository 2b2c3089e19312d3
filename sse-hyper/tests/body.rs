//! Tests of the body and the response without a server, in simulated time.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use http::Request;
use http_body::Body;
use hyper_util::rt::TokioTimer;
use sse_hyper::{
    Encoded, Event, EventBody, EventStream, EventType, KeepAlive, StreamConfig, StreamTracker,
    respond,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

/// Returns the next frame as text, or `None` at the end.
async fn frame<S: EventStream>(body: &mut Pin<Box<EventBody<S>>>) -> Option<String> {
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
    let mut body = Box::pin(EventBody::new(stream::pending::<Event>()));
    assert_eq!(frame(&mut body).await.as_deref(), Some(":\n\n"));
    let waker = futures_util::task::noop_waker();
    let next = body.as_mut().poll_frame(&mut Context::from_waker(&waker));
    assert!(matches!(next, Poll::Pending));
    assert!(!body.is_end_stream());
}

#[tokio::test]
async fn ready_events_go_out_in_one_frame_and_later_ones_as_they_come() {
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
    assert_eq!(
        frame(&mut body).await,
        None,
        "a body that has ended stays so"
    );
    assert!(body.is_end_stream());
}

#[tokio::test]
async fn a_large_event_goes_out_in_parts_that_share_its_memory() {
    let event = Event::new("x".repeat(1_000_000));
    let encoded = Encoded::from(&event);
    let memory = encoded.as_bytes().as_ptr_range();
    let mut body = Box::pin(EventBody::new(stream::iter([
        encoded.clone(),
        encoded.clone(),
    ])));
    // The first comment is in the frame of the first event, so that event is copied.
    let mut all = Vec::new();
    let mut shared = 0;
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.unwrap().into_data().expect("only data");
        assert!(frame.len() <= 32 * 1024, "{}", frame.len());
        shared += if memory.contains(&frame.as_ptr()) {
            frame.len()
        } else {
            0
        };
        all.extend_from_slice(&frame);
    }
    let once = encoded.to_string();
    assert_eq!(
        String::from_utf8(all).unwrap(),
        format!(":\n\n{once}{once}")
    );
    assert_eq!(shared, once.len());
    assert!(body.is_end_stream());

    // The frames are the same if the event is encoded for this stream alone.
    let mut body = Box::pin(EventBody::new(stream::iter([event])));
    let mut all = String::new();
    while let Some(frame) = frame(&mut body).await {
        assert!(frame.len() <= 32 * 1024, "{}", frame.len());
        all.push_str(&frame);
    }
    assert_eq!(all, format!(":\n\n{once}"));
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
    let keep_alive = KeepAlive::new()
        .interval(Duration::from_secs(10))
        .comment("still\nhere");
    let tracker = StreamTracker::new(StreamConfig::new(TokioTimer::new()).keep_alive(keep_alive));
    let mut body = Box::pin(tracker.body(events));
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
async fn the_default_comment_comes_after_fifteen_seconds() {
    let start = Instant::now();
    let response = respond(&Request::new(()), stream::pending::<Event>());
    let mut body = Box::pin(response.into_body());
    assert_eq!(frame(&mut body).await.as_deref(), Some(":\n\n"));
    assert_eq!(frame(&mut body).await.as_deref(), Some(":\n\n"));
    assert_eq!(start.elapsed().as_secs(), 15);
}

#[tokio::test(start_paused = true)]
async fn a_ping_can_take_the_place_of_the_comment_or_nothing() {
    // Pages parse the data in `onmessage`, for example as JSON.
    let untyped = Event::new("");
    let alive = untyped.clone().with_type(EventType::new("alive").unwrap());
    for (event, expected) in [(untyped, "ping"), (alive, "alive")] {
        let config = StreamConfig::default().keep_alive(KeepAlive::new().event(&event));
        let body = StreamTracker::new(config).body(stream::pending::<Event>());
        let mut body = Box::pin(body);
        assert_eq!(frame(&mut body).await.as_deref(), Some(":\n\n"));
        let block = format!("event: {expected}\ndata: \n\n");
        assert_eq!(frame(&mut body).await, Some(block));
    }

    let config = StreamConfig::default();
    let body = StreamTracker::new(config.keep_alive(None)).body(stream::pending::<Event>());
    let mut body = Box::pin(body);
    assert_eq!(frame(&mut body).await.as_deref(), Some(":\n\n"));
    let quiet = tokio::time::timeout(Duration::from_secs(3600), frame(&mut body)).await;
    assert!(quiet.is_err());
}

/// A server that crashes sends no close event, so the time has to come first.
#[tokio::test]
async fn each_stream_begins_with_a_reconnection_time_of_its_own() {
    let range = Duration::from_secs(1)..=Duration::from_secs(3600);
    let tracker = StreamTracker::new(StreamConfig::default().reconnection_time_range(range));
    let mut times = std::collections::HashSet::new();
    for _ in 0..10 {
        let events = [Event::new("a"), Event::new("b")];
        let mut body = Box::pin(tracker.body(stream::iter(events)));
        let text = frame(&mut body).await.unwrap();
        let rest = text.strip_prefix(":\n\nretry: ").unwrap();
        let (time, rest) = rest.split_once('\n').unwrap();
        assert_eq!(rest, "data: a\n\ndata: b\n\n", "once");
        assert!((4..=7).contains(&time.len()), "{time}");
        times.insert(time.to_owned());
    }
    assert!(times.len() > 5, "{times:?}");
}

#[tokio::test]
async fn the_reconnection_time_is_in_the_block_of_the_first_event() {
    let config = StreamConfig::default().reconnection_time(Duration::from_secs(2));
    let tracker = StreamTracker::new(config);
    let mut body = Box::pin(tracker.body(stream::iter(["a", "b"].map(Event::new))));
    assert_eq!(
        frame(&mut body).await.as_deref(),
        Some(":\n\nretry: 2000\ndata: a\n\ndata: b\n\n")
    );

    let event = Event::new("a").with_retry(Duration::from_millis(7));
    let mut body = Box::pin(tracker.body(stream::iter([event])));
    assert_eq!(
        frame(&mut body).await.as_deref(),
        Some(":\n\nretry: 7\ndata: a\n\n"),
        "the event's own reconnection time is sent"
    );

    let mut body = Box::pin(tracker.body(stream::empty::<Event>()));
    assert_eq!(
        frame(&mut body).await.as_deref(),
        Some(":\n\n"),
        "no reconnection time without an event"
    );
}

#[tokio::test]
async fn an_event_can_be_shared() {
    let event = Arc::new(Event::new("to all"));
    for _ in 0..2 {
        let mut body = Box::pin(EventBody::new(stream::iter([Arc::clone(&event)])));
        assert_eq!(
            frame(&mut body).await.as_deref(),
            Some(":\n\ndata: to all\n\n")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_at_its_age_whether_it_is_quiet_or_busy() {
    let config = StreamConfig::default().max_age(Duration::from_secs(40)..=Duration::from_secs(50));
    let tracker = StreamTracker::new(config);
    let ticks = || {
        stream::unfold((), |()| async {
            sleep(Duration::from_secs(1)).await;
            Some((Event::new("tick"), ()))
        })
    };
    let mut ages = Vec::new();
    for busy in [false, true, false, true, false, true] {
        let start = Instant::now();
        let events = if busy {
            ticks().left_stream()
        } else {
            stream::pending().right_stream()
        };
        let mut body = Box::pin(tracker.body(events));
        let mut frames = 0;
        while frame(&mut body).await.is_some() {
            frames += 1;
        }
        assert!(frames >= if busy { 40 } else { 3 }, "{frames}");
        let age = start.elapsed();
        assert!((40..=51).contains(&age.as_secs()), "{age:?}");
        ages.push(age);
    }
    ages.dedup();
    assert!(ages.len() > 1, "all streams have the same age: {ages:?}");
}

#[test]
fn an_idle_body_is_small() {
    let size = size_of::<EventBody<stream::Pending<Event>>>();
    assert!(size <= 256, "{size} bytes");
}
