//! Tests of publishing with and without waiting.

mod support;

use std::{future::ready, sync::Arc};

use futures_core::{future::BoxFuture, stream::BoxStream};
use futures_util::{FutureExt, StreamExt, stream};
use sse_hub::{
    Backend, BackendError, Event, EventId, EventType, Hub, HubConfig, Publication, PublishError,
    Replayed, TopicFilters, Update,
};
use support::{ready as read, sequenced_from_1, topic};

#[test]
fn a_hub_in_memory_publishes_without_waiting() {
    let hub = Hub::new(sequenced_from_1());
    let mut subscription = hub.subscribe(topic("a"), None).unwrap();
    let id = hub.try_publish((topic("a"), Event::new("x"))).unwrap();
    assert_eq!(id, EventId::from(1));
    let keyed = Publication::new(topic("a"), Event::new("y")).with_key("k");
    assert_eq!(hub.try_publish(keyed).unwrap(), EventId::from(2));
    assert_eq!(
        read(&mut subscription),
        "id: 1\ndata: x\n\nid: 2\ndata: y\n\n"
    );
    assert_eq!(hub.stats().published, 2);
}

#[test]
fn events_that_may_not_be_published_are_refused_without_waiting() {
    let hub = Hub::new(sequenced_from_1().max_event_bytes(3));
    let event = Event::new("x").with_type(EventType::new("reset").unwrap());
    let error = hub.try_publish((topic("a"), event)).unwrap_err();
    assert!(matches!(error, PublishError::ReservedType(name) if name == "reset"));
    let error = hub.try_publish((topic("a"), Event::new("1234")));
    assert!(matches!(
        error.unwrap_err(),
        PublishError::TooLarge { bytes: 4, limit: 3 }
    ));
    assert_eq!(hub.stats().published, 0);
    assert!(hub.latest_id().is_none());
}

/// Backend that stores every event at once.
#[derive(Debug)]
struct Ready;

impl Backend for Ready {
    fn publish<'a>(&'a self, _: &'a Publication) -> BoxFuture<'a, Result<u64, BackendError>> {
        ready(Ok(1)).boxed()
    }

    fn follow(&self, _: usize) -> BoxStream<'static, Update> {
        stream::iter([Update::Connected])
            .chain(stream::pending())
            .boxed()
    }

    fn replay(&self, _: u64, _: u64, _: &TopicFilters) -> BoxStream<'static, Replayed> {
        stream::empty().boxed()
    }

    fn earliest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        ready(Ok(1)).boxed()
    }

    fn latest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        ready(Ok(1)).boxed()
    }
}

#[test]
fn a_hub_with_a_backend_would_block() {
    let (hub, follow) = Hub::with_backend(HubConfig::new(), Arc::new(Ready));
    assert!(Box::pin(follow).as_mut().now_or_never().is_none());
    let publication = Publication::new(topic("a"), Event::new("x"));
    let error = hub.try_publish(publication.clone()).unwrap_err();
    assert!(matches!(error, PublishError::WouldBlock), "{error:?}");
    // The checks come first, so that the error is the same with and without a backend.
    let event = Event::new("x").with_type(EventType::new("open").unwrap());
    let error = hub.try_publish((topic("a"), event)).unwrap_err();
    assert!(matches!(error, PublishError::ReservedType(_)), "{error:?}");
    let published = hub.publish(publication).now_or_never().unwrap();
    assert_eq!(published.unwrap(), EventId::from(1));
}
