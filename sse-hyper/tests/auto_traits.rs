//! Tests that public types are `Send`, `Sync` and `Unpin`, as servers and runtimes need them.

use futures_util::stream;
use sse_hyper::{
    CloseEvent, Encoded, Event, EventBody, EventId, EventStreamRequest, EventType,
    InvalidLastEventId, InvalidValue, KeepAlive, StreamConfig, StreamTracker,
};

fn send<T: Send>(_: &T) {}
fn all<T: Send + Sync + Unpin + 'static>() {}

#[test]
fn values_can_go_to_any_thread() {
    all::<CloseEvent>();
    all::<Encoded>();
    all::<Event>();
    all::<EventId>();
    all::<EventStreamRequest>();
    all::<EventType>();
    all::<InvalidLastEventId>();
    all::<InvalidValue>();
    all::<KeepAlive>();
    all::<StreamConfig>();
    all::<StreamTracker>();
    #[cfg(feature = "axum")]
    all::<sse_hyper::LastEventId<u64>>();
    #[cfg(feature = "testing")]
    all::<sse_hyper::testing::EventReader<axum::body::Bytes>>();
}

#[cfg(feature = "tokio")]
#[test]
fn bodies_and_futures_can_go_to_any_thread() {
    fn body<T: Send + Sync + 'static>(_: T) {}
    let tracker = StreamTracker::default();
    body(tracker.body(stream::pending::<Event>()));
    body(EventBody::new(stream::pending::<Event>()));
    send(&tracker.closed());
    send(&tracker.close_on(async {}, CloseEvent::default()));
    send(&tracker.run_server(async {}, std::time::Duration::ZERO));
    // `axum::serve` spawns bodies whose stream is not `Sync`.
    let not_sync = stream::pending::<std::cell::Cell<u8>>();
    send(&tracker.body(futures_util::StreamExt::map(not_sync, |_| Event::new("a"))));
}
