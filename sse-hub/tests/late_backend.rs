//! Subscribers that come before the backend has told the hub anything.

use std::{future::ready, pin::pin, sync::Arc};

use futures_core::{future::BoxFuture, stream::BoxStream};
use futures_util::{FutureExt, StreamExt, stream};
use sse_hub::{
    Backend, BackendError, Hub, Numbered, Post, Replayed, Selection, Settings, Topic, Update,
};
use sse_hyper::Event;

/// How many events there are.
const EVENTS: u64 = 100;

/// It has had them for long.
#[derive(Debug)]
struct Old;

fn event(number: u64) -> Numbered {
    let topic = Topic::new("a").unwrap();
    let post = Post::new(topic, Event::new(number.to_string()));
    Numbered::new(number, post)
}

impl Backend for Old {
    fn publish<'a>(&'a self, _: &'a Post) -> BoxFuture<'a, Result<u64, BackendError>> {
        ready(Err(BackendError::new("it is only read"))).boxed()
    }

    fn follow(&self, newest: usize) -> BoxStream<'static, Update> {
        let gone = EVENTS - newest as u64;
        let events = (gone + 1..=EVENTS).map(|number| Update::Event(event(number)));
        let all = stream::iter([Update::Gone(gone)]).chain(stream::iter(events));
        let all = all.chain(stream::iter([Update::Connected]));
        all.chain(stream::pending()).boxed()
    }

    fn replay(&self, after: u64, through: u64) -> BoxStream<'static, Replayed> {
        stream::iter((after + 1..=through).map(|number| Replayed::Event(event(number)))).boxed()
    }

    fn newest(&self) -> BoxFuture<'static, u64> {
        ready(EVENTS).boxed()
    }
}

#[test]
fn the_newest_events_are_those_of_the_backend() {
    // The hub keeps more than that, and less.
    for kept in [20, 2] {
        for asks_first in [true, false] {
            let mut retention = sse_hub::Retention::default();
            retention.events = kept;
            let settings = Settings::new().with_retention(retention);
            let (hub, follow) = Hub::with_backend(settings, Arc::new(Old));
            let subscriber = hub.subscriber(Selection::all()).with_newest(5);
            let mut events = subscriber.subscribe().unwrap().events();
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
            let expected: Vec<_> = (96..=EVENTS).map(|number| number.to_string()).collect();
            assert_eq!(data, expected, "{kept}, {asks_first}");
        }
    }
}
