//! Tests that a reply whose events are always ready yields to other tasks, and that extreme settings work.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use futures_util::stream;
use http_body_util::BodyExt;
use sse_hyper::Encoded;
use sse_warp::{CloseEvent, Event, EventStreamRequest, KeepAlive, StreamConfig, StreamTracker};
use testkit::poll_time::{assert_yields, undisturbed};
use warp::reply::Response;

/// Polls the body like a server whose connection can always take more. Returns the number of bytes.
///
/// It stops when the body ends, or has returned `Pending` 50 times.
async fn read(response: impl FnOnce() -> Response) -> usize {
    let mut body = response().into_body();
    let (mut bytes, mut pending) = (0, 0);
    poll_fn(move |cx| {
        while let Poll::Ready(frame) = pin!(body.frame()).poll(cx) {
            match frame {
                Some(Ok(frame)) => bytes += frame.into_data().map_or(0, |data| data.len()),
                _ => return Poll::Ready(bytes),
            }
        }
        pending += 1;
        match pending {
            50 => Poll::Ready(bytes),
            _ => Poll::Pending,
        }
    })
    .await
}

#[test]
fn a_reply_that_is_always_ready() {
    undisturbed(|| {
        let nothing = || stream::repeat(Encoded::default());
        assert_yields("nothing", read(|| sse_warp::reply(nothing())));
        let event = || stream::repeat(Event::new("a"));
        assert_yields("events", read(|| sse_warp::reply(event())));
        let results = || stream::repeat(Ok::<_, Infallible>(Encoded::default()));
        assert_yields("results", read(|| sse_warp::reply(results())));
        assert_yields("tracked", async {
            let request = request(StreamTracker::default()).await;
            read(|| request.respond(nothing())).await
        });
    });
}

/// Returns a request for a stream of the tracker.
async fn request(tracker: StreamTracker) -> EventStreamRequest {
    let filter = sse_warp::request_with(tracker);
    let request = warp::test::request().filter(&filter).await;
    request.expect("a filter that never rejects")
}

#[tokio::test]
async fn any_setting_is_taken() {
    for time in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        for other in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            let config = StreamConfig::default()
                .keep_alive(KeepAlive::new().interval(time))
                .max_age(time..=other)
                .reconnection_time(other);
            let tracker = StreamTracker::new(config);
            tracker.close(CloseEvent::new(Event::new("bye")).with_retry(time..=other));
            let reply = request(tracker).await.respond(stream::pending::<Event>());
            let bytes = reply
                .into_body()
                .collect()
                .await
                .expect("a body")
                .to_bytes();
            assert!(bytes.ends_with(b"data: bye\n\n"), "{bytes:?}");
        }
    }
}
