//! Tests of the tracker: counting and closing streams.

use std::{
    collections::HashSet,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use http_body::Body;
use http_body_util::BodyExt;
use sse_hyper::{CloseEvent, Encoded, Event, EventBody, EventType, StreamConfig, StreamTracker};

type Quiet = EventBody<stream::Pending<Event>>;

fn close_event() -> CloseEvent {
    let event = Event::new("bye").with_type(EventType::new("restart").unwrap());
    CloseEvent::new(event).with_retry(Duration::from_secs(1)..=Duration::from_secs(60))
}

async fn rest(body: Quiet) -> String {
    let bytes = body.collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.into()).unwrap()
}

/// Waker that counts how often it is woken.
#[derive(Default)]
struct CountWaker(AtomicUsize);

impl Wake for CountWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn streams_are_counted_as_long_as_they_live() {
    let tracker = StreamTracker::default();
    let quiet = tracker.body(stream::pending::<Event>());
    let ended = tracker.clone().body(stream::iter([Event::new("a")]));
    assert_eq!(tracker.open_streams(), 2);
    ended.collect().await.unwrap();
    assert_eq!(tracker.open_streams(), 1);
    drop(quiet);
    assert_eq!(tracker.open_streams(), 0);
}

#[tokio::test(start_paused = true)]
async fn closing_ends_all_and_spreads_the_clients() {
    let tracker = StreamTracker::default();
    let waiting: Vec<_> = (0..20)
        .map(|_| tokio::spawn(rest(tracker.body(stream::pending()))))
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(tracker.open_streams(), 20);

    let not_yet_polled = tracker.body(stream::pending());
    tracker.close(close_event());
    tracker.close(CloseEvent::new(Event::new("too late")));
    let too_late = tracker.body(stream::pending());

    let mut texts = vec![rest(not_yet_polled).await, rest(too_late).await];
    for task in waiting {
        texts.push(task.await.unwrap());
    }
    assert_eq!(tracker.open_streams(), 0);
    let mut times = HashSet::new();
    for text in &texts {
        let retry = text
            .strip_prefix(":\n\nevent: restart\nretry: ")
            .and_then(|rest| rest.strip_suffix("\ndata: bye\n\n"))
            .unwrap_or_else(|| panic!("{text:?}"));
        assert!((4..=5).contains(&retry.len()), "1 s to 60 s: {retry} ms");
        times.insert(retry);
    }
    assert!(times.len() > 10, "{times:?}");
}

#[tokio::test]
async fn a_close_event_without_an_event_only_ends_the_streams() {
    let tracker =
        StreamTracker::new(StreamConfig::default().reconnection_time(Duration::from_secs(1)));
    let body = tracker.body(stream::pending());
    tracker.close(CloseEvent::default().with_retry(Duration::ZERO..=Duration::from_secs(1)));
    assert_eq!(rest(body).await, ":\n\n", "no retry without an event");
}

/// Pages parse the data in `onmessage`, for example as JSON.
#[tokio::test]
async fn a_close_event_without_a_type_is_not_a_message() {
    let of_type =
        |text: &'static str| Event::new("back soon").with_type(EventType::new(text).unwrap());
    for (event, expected) in [
        (Event::new("back soon"), "closing"),
        (of_type(""), "closing"),
        (of_type("message"), "closing"),
        (of_type("restart"), "restart"),
    ] {
        let close_event = CloseEvent::new(event);
        let shared = close_event.encoded(7).to_string();
        let tracker = StreamTracker::default();
        let body = tracker.body(stream::pending());
        tracker.close(close_event);
        let block = format!("event: {expected}\ndata: back soon\n\n");
        assert_eq!(rest(body).await, format!(":\n\n{block}"));
        assert_eq!(shared, block);
    }
}

#[tokio::test]
async fn the_task_that_polled_last_is_woken() {
    let tracker = StreamTracker::default();
    let mut body: Pin<Box<Quiet>> = Box::pin(tracker.body(stream::pending()));
    let counts = [(); 2].map(|()| Arc::new(CountWaker::default()));
    let wakers = counts.clone().map(Waker::from);
    let mut poll = |waker: &Waker| body.as_mut().poll_frame(&mut Context::from_waker(waker));
    assert!(matches!(poll(&wakers[0]), Poll::Ready(Some(_))), "opening");
    for waker in [&wakers[0], &wakers[0], &wakers[1], &wakers[1]] {
        assert!(poll(waker).is_pending());
    }
    tracker.close(close_event());
    let woken = counts.map(|count| count.0.load(Ordering::Relaxed));
    assert_eq!(woken, [0, 1]);
    assert!(matches!(poll(&wakers[1]), Poll::Ready(Some(Ok(_)))));
    assert!(matches!(poll(&wakers[1]), Poll::Ready(None)));
}

#[tokio::test]
async fn ready_events_come_before_the_close_event() {
    let tracker = StreamTracker::default();
    let body = tracker.body(stream::iter([Event::new("last")]).chain(stream::pending()));
    let endless = tracker.body(stream::repeat(Event::new("x")));
    // This stream ends by itself, with its own last event.
    let own = tracker.body(stream::iter([Event::new("my own end")]));
    // Shared frames are sent one by one.
    let encoded = Encoded::from(&Event::new("my own end"));
    let shared = tracker.body(stream::iter([encoded]));
    tracker.close(close_event());
    let text = |bytes: bytes::Bytes| String::from_utf8(bytes.into()).unwrap();
    let body = text(body.collect().await.unwrap().to_bytes());
    assert!(
        body.starts_with(":\n\ndata: last\n\nevent: restart\n"),
        "{body}"
    );
    let endless = text(endless.collect().await.unwrap().to_bytes());
    assert!(endless.contains("event: restart\n") && endless.len() < 64 * 1024);
    let own = text(own.collect().await.unwrap().to_bytes());
    assert_eq!(own, ":\n\ndata: my own end\n\n");
    let shared = text(shared.collect().await.unwrap().to_bytes());
    assert_eq!(shared, own);
}

#[tokio::test(start_paused = true)]
async fn closed_waits_for_close_and_close_on_for_the_signal() {
    let tracker = StreamTracker::default();
    let (signal, signalled) = tokio::sync::oneshot::channel::<()>();
    let closing = tokio::spawn(tracker.close_on(signalled, close_event()));
    let early = tracker.closed();
    let pending = tokio::time::timeout(Duration::from_secs(60), tracker.closed()).await;
    assert!(pending.is_err(), "not closed yet");
    signal.send(()).unwrap();
    closing.await.unwrap();
    early.await;
    tracker.closed().await;
    let text = rest(tracker.body(stream::pending())).await;
    assert!(text.contains("event: restart\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_server_runs_until_it_ends_or_until_the_timeout_after_close() {
    let second = Duration::from_secs(1);
    let tracker = StreamTracker::default();
    let server = async {
        tokio::time::sleep(60 * second).await;
        7
    };
    assert_eq!(tracker.run_server(server, second).await, Some(7));

    let close = tracker.close_on(tokio::time::sleep(60 * second), CloseEvent::default());
    let started = tokio::time::Instant::now();
    let endless = std::future::pending::<()>();
    let (ended, ()) = tokio::join!(tracker.run_server(endless, second), close);
    assert_eq!(ended, None);
    assert_eq!(started.elapsed().as_secs(), 61);
}
