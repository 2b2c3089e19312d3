//! Tests every public setting at 0, 1 and its maximum: no panic, no overflow, and events still come.

use std::{future::poll_fn, ops::RangeInclusive, pin::Pin, time::Duration};

use futures_util::stream;
use http_body::Body;
use hyper_util::rt::TokioTimer;
use sse_hyper::{
    CloseEvent, Encoded, Event, EventBody, EventId, EventStream, KeepAlive, StreamConfig,
    StreamTracker,
};
use tokio::time::{Instant, sleep};

const TIMES: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_nanos(1),
    Duration::from_millis(1),
    // The maximum for a `u64` of milliseconds, and more than that.
    Duration::from_millis(u64::MAX),
    Duration::MAX,
];

fn ranges() -> impl Iterator<Item = RangeInclusive<Duration>> {
    TIMES
        .into_iter()
        .flat_map(|start| TIMES.map(|end| start..=end))
}

async fn frame<S: EventStream>(body: &mut Pin<Box<EventBody<S>>>) -> Option<String> {
    let frame = poll_fn(|cx| body.as_mut().poll_frame(cx)).await?;
    let Ok(frame) = frame;
    let bytes = frame.into_data().expect("only data");
    Some(String::from_utf8(bytes.into()).expect("UTF-8"))
}

/// Returns up to six frames of a stream that sends one event and is then idle for a year and a day.
async fn live(config: StreamConfig, close_event: Option<CloseEvent>) -> String {
    let tracker = StreamTracker::new(config);
    let events = stream::unfold(0, |n| async move {
        match n {
            0 => Some((Event::new("a"), 1)),
            _ => {
                sleep(Duration::from_secs(366 * 24 * 3600)).await;
                None
            }
        }
    });
    let mut body = Box::pin(tracker.body(events));
    let mut all = frame(&mut body).await.expect("the first frame");
    if let Some(close_event) = close_event {
        tracker.close(close_event);
    }
    let mut frames = 0;
    while let Some(frame) = frame(&mut body).await {
        all.push_str(&frame);
        frames += 1;
        if frames == 5 {
            break;
        }
    }
    all
}

#[tokio::test(start_paused = true)]
async fn keep_alive_intervals() {
    for interval in TIMES {
        let keep_alive = KeepAlive::new().interval(interval).comment("k");
        let start = Instant::now();
        let all = live(
            StreamConfig::new(TokioTimer::new()).keep_alive(keep_alive),
            None,
        )
        .await;
        let comments = all.matches(":k\n\n").count();
        if interval <= Duration::from_millis(1) {
            assert_eq!(comments, 5, "{interval:?}");
        } else {
            assert_eq!(comments, 0, "{interval:?}");
            assert!(start.elapsed() >= Duration::from_secs(366 * 24 * 3600));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn ages() {
    for age in ranges() {
        for config in [
            StreamConfig::default(),
            StreamConfig::default().keep_alive(None),
        ] {
            let shown = format!("{age:?}");
            let all = live(config.max_age(age.clone()), None).await;
            assert!(all.starts_with(":\n\ndata: a\n\n"), "{shown}: {all}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn reconnection_times() {
    for time in TIMES {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let all = live(StreamConfig::default().reconnection_time(time), None).await;
        let expected = format!(":\n\nretry: {milliseconds}\ndata: a\n\n");
        assert!(all.starts_with(&expected), "{time:?}: {all}");

        let tracker = StreamTracker::new(StreamConfig::default().reconnection_time(time));
        let event = Encoded::with_id(&Event::new("a"), &EventId::from(u64::MAX));
        let mut body = Box::pin(tracker.body(stream::iter([event])));
        let all = frame(&mut body).await.expect("a frame");
        let expected = format!(":\n\nretry: {milliseconds}\nid: {}\ndata: a\n\n", u64::MAX);
        assert_eq!(all, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn close_events() {
    for retry in ranges() {
        let shown = format!("{retry:?}");
        let close_event = CloseEvent::new(Event::new("bye")).with_retry(retry);
        assert!(
            close_event
                .encoded(u64::MAX)
                .to_string()
                .ends_with("data: bye\n\n")
        );
        let all = live(StreamConfig::default(), Some(close_event)).await;
        assert!(all.ends_with("\ndata: bye\n\n"), "{shown}: {all}");
    }
}
