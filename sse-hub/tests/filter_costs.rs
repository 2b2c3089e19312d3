//! Tests of the cost of filters, for any texts that a client chooses: memory while the subscriber is connected,
//! and processor time under the lock that every event takes.

mod support;

use std::time::Duration;

use allocation_counter::measure;
use sse_hub::{Hub, InvalidTopic, Subscription, Topic, TopicFilters, Topics};
use sse_hyper::Event;
use support::channels;
use testkit::poll_time::{assert_short, assert_yields, longest_poll, undisturbed};

/// Maximum number of bytes that a subscriber may take in addition to the texts of its filters.
const MAX_SUBSCRIBER_BYTES: usize = 10 * 1024;

/// Maximum processor time to subscribe, or to unsubscribe.
const MAX_SUBSCRIBE_TIME: Duration = Duration::from_millis(4);

const FILTERS_PER_SUBSCRIBER: usize = 64;
const MAX_TOPIC_BYTES: usize = 256;

/// Function that returns a filter for the index of a subscriber and the index of a filter.
type Choose = fn(usize, usize) -> String;

/// Kinds of sets of filters. Each returns different filters for each subscriber, so that nothing is shared.
const FILTER_SETS: [(&str, Choose); 10] = [
    ("short topics", |subscriber, number| {
        format!("{subscriber}/{number}")
    }),
    ("long topics", |subscriber, number| {
        padded(&format!("{subscriber}/{number}/"), "x", "")
    }),
    ("topics of many segments", |subscriber, number| {
        padded(&format!("{subscriber}/{number}"), "/", "")
    }),
    ("wide patterns", |subscriber, number| {
        format!("{subscriber}-{number}/**")
    }),
    ("long patterns", |subscriber, number| {
        padded(&format!("{subscriber}/{number}/"), "x", "/*")
    }),
    ("deep patterns", |subscriber, number| {
        let start = format!("{subscriber}/{number}{}/", "/".repeat(12));
        padded(&start, "x", "/**")
    }),
    ("patterns that differ at the end", |subscriber, number| {
        padded("a/*/", "x", &format!("/{subscriber}/{number}"))
    }),
    (
        "patterns that differ in the middle",
        |subscriber, number| padded(&format!("a/*/{subscriber}/{number}/*/"), "x", "/**"),
    ),
    ("patterns of many forms", |subscriber, number| {
        // Each pattern has at least two stars.
        let mut forms = forms(15).filter(|form| form.matches('*').count() > 1);
        let form = forms
            .nth(subscriber * FILTERS_PER_SUBSCRIBER / 2 + number / 2)
            .unwrap();
        let end = ["/**", "/a"][number % 2];
        form.replace('a', &"x".repeat(15)) + end
    }),
    ("topics and patterns", |subscriber, number| {
        match number % 2 {
            0 => padded(&format!("{subscriber}/{number}/"), "x", ""),
            _ => padded(&format!("{subscriber}/*/{number}/"), "x", "/*/**"),
        }
    }),
];

fn padded(start: &str, padding: &str, end: &str) -> String {
    let missing = (MAX_TOPIC_BYTES - start.len() - end.len()) / padding.len();
    format!("{start}{}{end}", padding.repeat(missing))
}

/// Returns all patterns of this number of segments whose segments are `a` or `*`.
fn forms(length: usize) -> impl Iterator<Item = String> {
    let few = (0_u32..1 << length).filter(|stars| stars.count_ones() <= 4);
    few.map(move |stars| {
        let segment = |place: usize| match stars >> place & 1 {
            0 => "a",
            _ => "*",
        };
        let segments: Vec<_> = (0..length).map(segment).collect();
        segments.join("/")
    })
}

fn filters(choose: Choose, subscriber: usize) -> (TopicFilters, usize) {
    let texts: Vec<_> = (0..FILTERS_PER_SUBSCRIBER)
        .map(|index| choose(subscriber, index))
        .collect();
    let bytes = texts.iter().map(String::len).sum();
    (TopicFilters::from_patterns(texts).unwrap(), bytes)
}

fn subscribe(hub: &Hub, filters: TopicFilters) -> (Subscription, Duration) {
    let (subscription, time) = longest_poll(async { hub.subscribe(filters, None) });
    (subscription.unwrap(), time)
}

#[test]
fn no_filters_take_much_more_memory_than_their_text() {
    const SUBSCRIBERS: usize = 16;
    for (what, choose) in FILTER_SETS {
        let hub = Hub::default();
        let mut subscriptions = Vec::with_capacity(SUBSCRIBERS);
        let mut text = 0;
        let used = measure(|| {
            for subscriber in 0..SUBSCRIBERS {
                let (filters, bytes) = filters(choose, subscriber);
                text += bytes;
                subscriptions.push(hub.subscribe(filters, None).unwrap());
            }
        });
        assert_eq!(channels(&hub), SUBSCRIBERS);
        let each = (usize::try_from(used.bytes_current).unwrap() - text) / SUBSCRIBERS;
        assert!(
            each <= MAX_SUBSCRIBER_BYTES,
            "{what}: subscriber takes {each} bytes in addition to its text, limit is {MAX_SUBSCRIBER_BYTES}"
        );
    }
}

#[test]
fn equal_filters_are_kept_once() {
    let hub = Hub::default();
    let (first, _) = filters(FILTER_SETS[1].1, 0);
    let _first = hub.subscribe(first, None).unwrap();
    let mut subscriptions = Vec::with_capacity(100);
    let used = measure(|| {
        for _ in 0..100 {
            let (same, _) = filters(FILTER_SETS[1].1, 0);
            subscriptions.push(hub.subscribe(same, None).unwrap());
        }
    });
    assert!(
        used.bytes_current < 100 * 256,
        "{} bytes",
        used.bytes_current
    );
    assert_eq!(channels(&hub), 1);
}

#[test]
fn subscribers_that_leave_give_their_memory_back() {
    const SUBSCRIBERS: usize = 24;
    for (what, choose) in FILTER_SETS {
        let hub = Hub::default();
        let mut subscriptions = Vec::with_capacity(SUBSCRIBERS);
        let mut used = 0;
        used += measure(|| {
            for subscriber in 0..SUBSCRIBERS {
                let (filters, _) = filters(choose, subscriber);
                subscriptions.push(hub.subscribe(filters, None).unwrap());
            }
        })
        .bytes_current;
        let all = used;
        // Every sixth subscriber stays.
        used += measure(|| {
            let mut number = 0;
            subscriptions.retain(|_| {
                number += 1;
                number % 6 == 0
            });
        })
        .bytes_current;
        assert!(used < all / 4, "{what}: {used} of {all} bytes for 4 of 24");
        used += measure(|| subscriptions.clear()).bytes_current;
        assert!(used < 2048, "{what}: {used} bytes remain");
        assert_eq!((channels(&hub), hub.stats().subscribers), (0, 0));
    }
}

#[test]
fn subscribing_and_unsubscribing_is_little_work() {
    undisturbed(|| {
        for (what, choose) in FILTER_SETS {
            let hub = Hub::default();
            let mut subscriptions = Vec::new();
            let mut longest = Duration::ZERO;
            for subscriber in 0..40 {
                let (filters, _) = filters(choose, subscriber);
                let (subscription, time) = subscribe(&hub, filters);
                subscriptions.push(subscription);
                longest = longest.max(time);
            }
            let mut longest_to_leave = Duration::ZERO;
            for subscription in subscriptions {
                let ((), time) = longest_poll(async { drop(subscription) });
                longest_to_leave = longest_to_leave.max(time);
            }
            assert_short(
                &format!("{what}: to subscribe"),
                longest,
                MAX_SUBSCRIBE_TIME,
            );
            assert_short(
                &format!("{what}: to unsubscribe"),
                longest_to_leave,
                MAX_SUBSCRIBE_TIME,
            );
        }
    });
}

/// Clients subscribe to thousands of patterns, of all possible forms. Each topic is looked up by every form that could
/// match it.
#[test]
fn no_patterns_make_an_event_slow() {
    undisturbed(|| {
        let hub = Hub::default();
        let closed = (1..=16).flat_map(forms);
        let open = (0..=15).flat_map(forms).map(|form| match &*form {
            "" => "**".to_owned(),
            form => format!("{form}/**"),
        });
        // Texts without a star are topics.
        let patterns = closed.chain(open).filter(|form| form.contains('*'));
        // No topic of this test matches the segments without a star.
        let patterns: Vec<_> = patterns.map(|form| form.replace('a', "b")).collect();
        assert!(patterns.len() > 10_000);
        let filter_sets = patterns
            .chunks(FILTERS_PER_SUBSCRIBER)
            .map(TopicFilters::from_patterns);
        let _subscriptions: Vec<_> = filter_sets
            .map(|filters| hub.subscribe(filters.unwrap(), None).unwrap())
            .collect();
        for segments in [1, 3, 5, 8, 16, 100] {
            let topic = Topic::from_segments(vec!["a"; segments]).unwrap();
            let publishing = hub.publish((topic, Event::new("x")));
            let id = assert_yields(&format!("{segments} segments"), publishing);
            assert!(id.is_ok());
        }
        let topics = (0..64).map(|number| format!("a/a/a/a/a/{number}"));
        let publishing = hub.publish((Topics::new(topics).unwrap(), Event::new("x")));
        assert!(assert_yields("64 topics", publishing).is_ok());
    });
}

#[test]
fn patterns_have_few_segments_and_topics_have_many() {
    let many = |segment: &str, count| vec![segment; count].join("/");
    let parse = |text: &str| TopicFilters::from_patterns([text]);
    assert!(parse(&many("a", 256 / 2)).is_ok(), "a topic");
    assert!(parse(&format!("{}/**", many("a", 15))).is_ok());
    let deep = parse(&format!("{}/**", many("a", 16))).unwrap_err();
    assert_eq!(deep, InvalidTopic::TooManySegments(17));
    assert_eq!(deep.to_string(), "pattern has 17 segments, limit is 16");
    assert!(parse(&format!("{}/**", many("*", 4))).is_ok());
    let stars = parse(&many("*", 5)).unwrap_err();
    assert_eq!(stars, InvalidTopic::TooManyStars(5));
    assert_eq!(stars.to_string(), "pattern has 5 segments `*`, limit is 4");
}
