//! Tests with subscribers that come before the hub has received anything from the backend.

use std::{future::ready, pin::pin, sync::Arc};

use futures_core::{future::BoxFuture, stream::BoxStream};
use futures_util::{FutureExt, StreamExt, stream};
use sse_hub::{
    Backend, BackendError, Hub, HubConfig, Publication, Replayed, Retention, Sequenced, Topic,
    TopicFilters, Update,
};
use sse_hyper::{Event, EventId};

/// Number of events in the backend.
const EVENTS: u64 = 100;

const EPOCH: u64 = 0xab;

/// Backend that had all its events before the hub started.
#[derive(Debug)]
struct Old;

fn event(sequence: u64) -> Sequenced {
    let topic = Topic::new("a").unwrap();
    let publication = Publication::new(topic, Event::new(sequence.to_string()));
    Sequenced::new(sequence, publication)
}

impl Backend for Old {
    fn publish<'a>(&'a self, _: &'a Publication) -> BoxFuture<'a, Result<u64, BackendError>> {
        ready(Err(BackendError::new("backend is read-only"))).boxed()
    }

    fn follow(&self, latest: usize) -> BoxStream<'static, Update> {
        let gone = EVENTS - latest as u64;
        let events = (gone + 1..=EVENTS).map(|sequence| Update::Event(event(sequence)));
        let all = stream::iter([Update::Truncated(gone)]).chain(stream::iter(events));
        let all = all.chain(stream::iter([Update::Connected]));
        all.chain(stream::pending()).boxed()
    }

    fn replay(&self, after: u64, through: u64, _: &TopicFilters) -> BoxStream<'static, Replayed> {
        stream::iter((after + 1..=through).map(|sequence| Replayed::Event(event(sequence)))).boxed()
    }

    fn earliest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        ready(Ok(1)).boxed()
    }

    fn latest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        ready(Ok(EVENTS)).boxed()
    }

    fn epoch(&self) -> u64 {
        EPOCH
    }
}

#[test]
fn ids_of_another_epoch_are_unknown() {
    for is_followed_first in [true, false] {
        for (id, resumes_after) in [
            ("ab-98", Some(98)),
            ("ab-100", Some(100)),
            ("ab-5", Some(5)),
            ("ab-101", None),
            ("ac-98", None),
            ("98", None),
        ] {
            let retention = Retention::new().events(20);
            let config = HubConfig::new().retention(retention);
            let (hub, follow) = Hub::with_backend(config, Arc::new(Old));
            let mut follow = pin!(follow);
            if is_followed_first {
                assert!(follow.as_mut().now_or_never().is_none());
            }
            let id = EventId::new(id).unwrap();
            let mut events = hub
                .subscribe(TopicFilters::all(), Some(&id))
                .unwrap()
                .events();
            let mut seen = Vec::new();
            for _ in 0..2 {
                while let Some(Some(event)) = events.next().now_or_never() {
                    match event.event_type() {
                        "message" => seen.push(event.data().to_owned()),
                        other => seen.push(other.to_owned()),
                    }
                }
                assert!(follow.as_mut().now_or_never().is_none());
            }
            let expected = match resumes_after {
                Some(sequence) => (sequence + 1..=EVENTS)
                    .map(|sequence| sequence.to_string())
                    .collect(),
                None => vec!["reset".to_owned()],
            };
            assert_eq!(seen, expected, "{id}, {is_followed_first}");
        }
    }
}

#[test]
fn the_latest_events_are_those_of_the_backend() {
    // The hub keeps more events than requested, or fewer.
    for kept in [20, 2] {
        for asks_first in [true, false] {
            let mut retention = Retention::default();
            retention.events = kept;
            let config = HubConfig::new().retention(retention);
            let (hub, follow) = Hub::with_backend(config, Arc::new(Old));
            let builder = hub.subscription(TopicFilters::all()).replay_last(5);
            let mut events = builder.subscribe().unwrap().events();
            let mut data = Vec::new();
            let mut read = || {
                while let Some(Some(event)) = events.next().now_or_never() {
                    data.push(event.data().to_owned());
                }
            };
            if asks_first {
                read();
            }
            assert!(pin!(follow).now_or_never().is_none());
            read();
            let expected: Vec<_> = (96..=EVENTS).map(|sequence| sequence.to_string()).collect();
            assert_eq!(data, expected, "{kept}, {asks_first}");
        }
    }
}
