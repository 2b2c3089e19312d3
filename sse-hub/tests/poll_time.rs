//! Tests that other tasks of the same thread can run during expensive operations of the hub.

mod support;

use std::{future::ready, sync::Arc, time::Duration};

use futures_core::{future::BoxFuture, stream::BoxStream};
use futures_util::{FutureExt, StreamExt, stream};
use sse_hub::{
    Backend, BackendError, CustomPattern, Hub, HubConfig, LagPolicy, Publication, Replayed,
    Retention, Sequenced, Subscription, TopicFilter, TopicFilters, Topics, Update,
};
use sse_hyper::{Event, EventId};
use support::{publish, sequenced_from_1, topic};
use testkit::poll_time::{assert_yields, undisturbed};

/// Number of events that are kept by default.
const DEFAULT_EVENTS: u64 = 16_384;

/// Number of events that a large machine may be configured to keep.
const MANY_EVENTS: u64 = 300_000;

/// Returns a long topic of 16 segments.
fn long_topic(index: usize) -> String {
    format!("{}/{index:016}", "a".repeat(15)) + &"/aaaaaaaaaaaaaa".repeat(14)
}

/// Returns 64 patterns that are slow to match against [`long_topic`], and never match.
fn worst_filters() -> TopicFilters {
    TopicFilters::from_patterns((0..64).map(worst_pattern)).unwrap()
}

/// Returns a pattern of 16 segments that differs from [`long_topic`] only in the last one.
fn worst_pattern(index: usize) -> String {
    let literal = "/aaaaaaaaaaaaaa".repeat(10);
    format!("{}/*/*/*/*{literal}/b{index:02}", "a".repeat(15))
}

fn worst_topics() -> Topics {
    Topics::new((0..64).map(long_topic)).unwrap()
}

fn hub(retention: impl FnOnce(&mut Retention)) -> Hub {
    let mut kept = Retention::default();
    kept.events = usize::MAX;
    kept.bytes = usize::MAX;
    retention(&mut kept);
    let config = sequenced_from_1().max_key_bytes(usize::MAX);
    Hub::new(config.retention(kept))
}

fn hub_with(events: u64, topics: impl Into<Topics>, data: &str) -> Hub {
    let hub = hub(|_| {});
    let publication = Publication::new(topics, Event::new(data.to_owned()));
    for _ in 0..events {
        let _ = hub.publish(publication.clone()).now_or_never().unwrap();
    }
    hub
}

/// Publishes an event and reads it. The subscription must skip all earlier events before it.
async fn reads_the_next(hub: &Hub, to: &str, mut subscription: Subscription) {
    publish(hub, to, "the next");
    let next = subscription.next().await.unwrap().to_string();
    assert!(next.ends_with("data: the next\n\n"), "{next}");
}

#[test]
fn latest_events_of_filters_that_match_nothing() {
    undisturbed(|| {
        let mine = TopicFilters::new((0..64).map(|index| format!("mine/{index}"))).unwrap();
        for events in [DEFAULT_EVENTS, MANY_EVENTS] {
            let hub = hub_with(events, topic("mine/others"), "x");
            assert_yields("latest", async {
                let builder = hub.subscription(mine.clone()).replay_last(10);
                reads_the_next(&hub, "mine/7", builder.subscribe().unwrap()).await;
            });
        }
    });
}

#[test]
fn latest_events_of_filters_that_are_slow_to_match() {
    undisturbed(|| {
        let hub = hub_with(200, worst_topics(), "x");
        let mine = worst_pattern(1).replace('*', "a");
        assert_yields("latest", async {
            let builder = hub.subscription(worst_filters()).replay_last(10);
            reads_the_next(&hub, &mine, builder.subscribe().unwrap()).await;
        });
    });
}

#[test]
fn a_last_event_id_before_events_that_are_not_selected() {
    undisturbed(|| {
        let first = EventId::from(0);
        for events in [DEFAULT_EVENTS, MANY_EVENTS] {
            let hub = hub_with(events, topic("others"), "x");
            assert_yields("last event ID", async {
                let subscription = hub.subscribe(topic("mine"), Some(&first)).unwrap();
                reads_the_next(&hub, "mine", subscription).await;
            });
        }
        let hub = hub_with(200, worst_topics(), "x");
        let mine = worst_pattern(1).replace('*', "a");
        assert_yields("last event ID", async {
            let subscription = hub.subscribe(worst_filters(), Some(&first)).unwrap();
            reads_the_next(&hub, &mine, subscription).await;
        });
    });
}

#[test]
fn a_caller_that_reads_frames_in_a_loop() {
    undisturbed(|| {
        let hub = hub_with(MANY_EVENTS, topic("a"), "x");
        assert_yields("frames", async {
            let mut subscription = hub
                .subscription(topic("a"))
                .from_start()
                .subscribe()
                .unwrap();
            let mut events = 0;
            while events < MANY_EVENTS {
                let frame = subscription.next().await.unwrap();
                events += frame
                    .as_bytes()
                    .windows(2)
                    .filter(|bytes| bytes == b"\n\n")
                    .count() as u64;
            }
        });
    });
}

#[test]
fn a_caller_that_reads_large_frames_in_a_loop() {
    undisturbed(|| {
        let hub = hub_with(DEFAULT_EVENTS, topic("a"), &"x".repeat(15_000));
        assert_yields("frames", async {
            let mut subscription = hub
                .subscription(topic("a"))
                .from_start()
                .subscribe()
                .unwrap();
            let mut bytes = 0;
            while bytes < DEFAULT_EVENTS as usize * 15_000 {
                bytes += subscription.next().await.unwrap().len();
            }
        });
    });
}

#[test]
fn a_caller_that_reads_events_in_a_loop() {
    undisturbed(|| {
        let hub = hub_with(MANY_EVENTS, topic("a"), "x");
        assert_yields("events", async {
            let subscription = hub
                .subscription(topic("a"))
                .from_start()
                .subscribe()
                .unwrap();
            let mut events = subscription.events();
            for _ in 0..MANY_EVENTS {
                events.next().await.unwrap();
            }
        });
    });
}

#[test]
fn the_latest_events_among_many_that_are_replaced() {
    undisturbed(|| {
        let hub = hub(|_| {});
        let long = "k".repeat(100_000);
        for n in 0..MANY_EVENTS {
            let key = if n < 300 {
                long.clone()
            } else {
                (n % 10).to_string()
            };
            let publication = Publication::new(topic("a"), Event::new("x")).with_key(key);
            let _ = hub.publish(publication).now_or_never().unwrap();
        }
        assert_yields("latest", async {
            let builder = hub
                .subscription(topic("a"))
                .from_start()
                .lag_policy(LagPolicy::Latest);
            let mut events = builder.subscribe().unwrap().events();
            for _ in 0..11 {
                events.next().await.unwrap();
            }
        });
    });
}

#[test]
fn an_event_after_all_others_have_become_too_old() {
    undisturbed(|| {
        let age = Duration::from_secs(1);
        let hub = hub(|kept| kept.age = Some(age));
        for n in 0..MANY_EVENTS {
            let publication = Publication::new(topic("a"), Event::new("x"));
            let publication = if n % 2 == 0 {
                publication.with_key(n.to_string())
            } else {
                publication
            };
            let _ = hub.publish(publication).now_or_never().unwrap();
        }
        std::thread::sleep(age);
        let first = EventId::from(MANY_EVENTS - 1);
        assert_yields("publish", async { publish(&hub, "a", "the next") });
        let mut subscription = hub.subscribe(topic("a"), Some(&first)).unwrap();
        let reset = subscription.next().now_or_never().unwrap().unwrap();
        assert!(
            reset.to_string().contains("too old"),
            "events that are too old are not sent"
        );
    });
}

#[test]
fn an_event_of_many_topics_that_many_filters_match() {
    undisturbed(|| {
        let hub = hub(|_| {});
        let mut subscriptions: Vec<_> = (0..500)
            .map(|n| {
                let texts = (0..64).map(|index| format!("{n}/{index}"));
                hub.subscribe(TopicFilters::new(texts).unwrap(), None)
                    .unwrap()
            })
            .collect();
        for subscription in &mut subscriptions {
            assert!(subscription.next().now_or_never().is_none());
        }
        let topics = Topics::new((0..64).map(|index| format!("{index}/{index}"))).unwrap();
        assert_yields("publish", async {
            hub.publish((topics, Event::new("x"))).await.unwrap();
        });
        assert_yields("drop", async { drop(subscriptions) });
    });
}

/// The latest event of each of many quiet topics is kept after it has left the main queue.
#[test]
fn events_that_are_kept_for_many_topics() {
    undisturbed(|| {
        let hub = hub(|kept| kept.events = 1);
        for n in 0..MANY_EVENTS {
            publish(&hub, &format!("others/{n}"), "x");
        }
        let mine = TopicFilters::new((0..64).map(|index| format!("mine/{index}"))).unwrap();
        assert_yields("latest", async {
            let builder = hub.subscription(mine.clone()).replay_last(10);
            reads_the_next(&hub, "mine/1", builder.subscribe().unwrap()).await;
        });
        assert_yields("start", async {
            let builder = hub.subscription(mine.clone()).from_start();
            reads_the_next(&hub, "mine/2", builder.subscribe().unwrap()).await;
        });
        assert_yields("last event ID", async {
            let first = EventId::from(0);
            let subscription = hub.subscribe(mine.clone(), Some(&first)).unwrap();
            reads_the_next(&hub, "mine/3", subscription).await;
        });
        assert_yields("publish", async { publish(&hub, "others/7", "x") });
    });
}

/// No selected event is lost. The hub checks this for each frame.
#[test]
fn kept_events_beside_topics_that_have_lost_some() {
    undisturbed(|| {
        let hub = hub(|kept| kept.events = 1);
        for n in 0..64 {
            for _ in 0..3 {
                publish(&hub, &long_topic(n), "x");
            }
        }
        let large = "x".repeat(15_000);
        for n in 0..2_000 {
            publish(&hub, &format!("mine/{n}"), &large);
        }
        let patterns = (1..64).map(worst_pattern).chain(["mine/*".to_owned()]);
        let filters = TopicFilters::from_patterns(patterns).unwrap();
        let first = EventId::from(64 * 3);
        assert_yields("frames", async {
            let mut subscription = hub.subscribe(filters, Some(&first)).unwrap();
            for _ in 0..2_000 {
                let frame = subscription.next().await.unwrap();
                assert!(!frame.to_string().contains("reset"));
            }
        });
    });
}

/// Backend that had all its events before the hub started.
#[derive(Debug)]
struct Old {
    events: u64,
    topics: Topics,
    /// The backend loses all events after it has sent them.
    forgets: bool,
}

impl Old {
    fn with(events: u64, topics: impl Into<Topics>) -> Self {
        Self {
            events,
            topics: topics.into(),
            forgets: false,
        }
    }

    fn sequenced(&self) -> impl Fn(u64) -> Sequenced + Send + use<> {
        let publication = Publication::new(self.topics.clone(), Event::new("x"));
        move |sequence| Sequenced::new(sequence, publication.clone())
    }
}

impl Backend for Old {
    fn publish<'a>(&'a self, _: &'a Publication) -> BoxFuture<'a, Result<u64, BackendError>> {
        ready(Err(BackendError::new("backend is read-only"))).boxed()
    }

    fn follow(&self, latest: usize) -> BoxStream<'static, Update> {
        let gone = self.events - (latest as u64).min(self.events);
        let event = self.sequenced();
        let events = (gone + 1..=self.events).map(move |sequence| Update::Event(event(sequence)));
        let all = stream::iter([Update::Truncated(gone)]).chain(stream::iter(events));
        let all = all.chain(stream::iter([Update::Connected]));
        let lost = self.forgets.then_some(Update::Truncated(self.events + 1));
        let last = Sequenced::new(
            self.events + 2,
            Publication::new(topic("last"), Event::new("the last")),
        );
        let all = all
            .chain(stream::iter(lost))
            .chain(stream::iter([Update::Event(last)]));
        all.chain(stream::pending()).boxed()
    }

    fn replay(&self, after: u64, through: u64, _: &TopicFilters) -> BoxStream<'static, Replayed> {
        let event = self.sequenced();
        stream::iter((after + 1..=through).map(move |sequence| Replayed::Event(event(sequence))))
            .boxed()
    }

    fn earliest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        ready(Ok(1)).boxed()
    }

    fn latest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>> {
        ready(Ok(self.events)).boxed()
    }
}

async fn until_connected(hub: &Hub, follow: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(follow);
    while !hub.is_connected() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn events_of_a_backend_that_come_all_at_once() {
    undisturbed(|| {
        for forgets in [false, true] {
            let mut kept = Retention::default();
            kept.events = usize::MAX;
            kept.bytes = usize::MAX;
            // When the list of the events is dropped, the system's allocator frees the memory of all events at once,
            // which is slow.
            let events = if forgets {
                MANY_EVENTS / 4
            } else {
                MANY_EVENTS
            };
            let backend = Old {
                forgets,
                ..Old::with(events, topic("a"))
            };
            let (hub, follow) =
                Hub::with_backend(HubConfig::new().retention(kept), Arc::new(backend));
            let mut last = hub.subscribe(topic("last"), None).unwrap().events();
            let mut follow = Box::pin(follow);
            let the_last = async { while last.next().await.unwrap().data() != "the last" {} };
            assert_yields("follow", async {
                tokio::select! {
                    () = &mut follow => {}
                    () = the_last => {}
                }
            });
        }
    });
}

/// Subscribes to 10,000 custom patterns that are slow to match and may match any topic.
fn slow_patterns(hub: &Hub) -> Vec<Subscription> {
    let pattern = |index: usize| {
        let ending = format!("{index:05}");
        let matcher =
            move |topic: &str| topic.split(['a', '/']).any(|part| part.ends_with(&ending));
        let pattern = CustomPattern::new(format!("*{index}"), matcher).unwrap();
        hub.subscribe(TopicFilter::from(pattern), None).unwrap()
    };
    (0..10_000).map(pattern).collect()
}

#[test]
fn new_topics_with_many_custom_patterns() {
    undisturbed(|| {
        let hub = hub(|_| {});
        let mut subscriptions = slow_patterns(&hub);
        assert_yields("publish", async {
            let event = (worst_topics(), Event::new("x"));
            hub.publish(event).await.unwrap();
        });
        assert!(subscriptions[7].next().now_or_never().is_some());
        assert!(subscriptions[64].next().now_or_never().is_none());
    });
}

#[test]
fn new_topics_of_a_backend_with_many_custom_patterns() {
    undisturbed(|| {
        let backend = Old::with(1, worst_topics());
        let (hub, follow) = Hub::with_backend(HubConfig::new(), Arc::new(backend));
        let mut last = hub.subscribe(topic("last"), None).unwrap().events();
        let _subscriptions = slow_patterns(&hub);
        let the_last = async { while last.next().await.unwrap().data() != "the last" {} };
        assert_yields("follow", async {
            tokio::select! {
                () = follow => {}
                () = the_last => {}
            }
        });
    });
}

#[test]
fn events_of_a_backend_that_are_not_selected() {
    undisturbed(|| {
        let worst = (300, worst_topics(), worst_filters());
        let many = (MANY_EVENTS, topic("others").into(), topic("mine").into());
        for (events, topics, filters) in [worst, many] {
            let mut kept = Retention::default();
            kept.events = 1;
            let backend = Old::with(events, topics);
            let config = HubConfig::new().retention(kept);
            let config = config.position_events(false);
            let (hub, follow) = Hub::with_backend(config, Arc::new(backend));
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            runtime.block_on(until_connected(&hub, follow));
            assert_yields("recovery", async {
                let first = EventId::from(0);
                let mut subscription = hub.subscribe(filters, Some(&first)).unwrap();
                // No event will come: the subscription waits after it has examined all events.
                let waits = tokio::time::timeout(Duration::from_millis(50), subscription.next());
                assert!(waits.await.is_err());
            });
        }
    });
}
