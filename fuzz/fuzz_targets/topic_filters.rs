//! Checks that any topics and patterns are accepted or rejected according to the rules. Checks also that each
//! subscriber gets each event that its filters match exactly once, while other subscribers subscribe and leave.
//!
//! The input consists of lines of texts that are separated by commas. The first character of a line is the
//! command:
//!
//! - `s` subscribes to patterns.
//! - `e` subscribes to exact topics.
//! - `t` publishes to topics.
//! - `j` joins segments to a topic.
//! - `d` drops the oldest subscription.
#![no_main]

use futures_util::{FutureExt, StreamExt};
use libfuzzer_sys::fuzz_target;
use sse_hub::{Hub, HubConfig, Subscription, Topic, TopicFilter, TopicFilters, Topics};
use sse_proto::Event;

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let hub = Hub::new(HubConfig::new().first_sequence(1).position_events(false));
    let mut subscribers: Vec<TestSubscriber> = Vec::new();
    for line in text.split('\n') {
        let mut line = line.chars();
        let kind = line.next();
        let texts: Vec<&str> = line.as_str().split(',').collect();
        match kind {
            Some('s') => {
                let filters = TopicFilters::from_patterns(&texts);
                let is_valid =
                    texts.len() <= 64 && texts.iter().all(|text| is_pattern_or_topic(text));
                assert_eq!(filters.is_ok(), is_valid, "{texts:?}");
                subscribers.extend(
                    filters
                        .ok()
                        .map(|filters| TestSubscriber::new(&hub, filters, &texts)),
                );
            }
            Some('e') => {
                let filters = TopicFilters::new(&texts);
                let is_valid = texts.len() <= 64 && texts.iter().all(|text| is_topic(text));
                assert_eq!(filters.is_ok(), is_valid, "{texts:?}");
                subscribers.extend(
                    filters
                        .ok()
                        .map(|filters| TestSubscriber::new(&hub, filters, &texts)),
                );
            }
            Some('t') => publish(&hub, &texts, &mut subscribers),
            Some('j') => join(&texts),
            Some('d') if !subscribers.is_empty() => drop(subscribers.remove(0)),
            _ => {}
        }
        assert_eq!(hub.stats().subscribers, subscribers.len());
        assert!(channels(&hub) <= subscribers.len());
    }
    subscribers.clear();
    assert_eq!(channels(&hub), 0);
});

/// Returns the number of distinct sets of topic filters that have subscribers, from the hub's debug text.
#[expect(clippy::disallowed_methods, reason = "the text has digits only")]
fn channels(hub: &Hub) -> usize {
    let text = format!("{hub:?}");
    let (_, rest) = text.split_once("channels: ").expect("a number of channels");
    let digits = rest.split(',').next().unwrap_or_default();
    digits.parse().expect("a number")
}

struct TestSubscriber {
    subscription: Subscription,
    filters: TopicFilters,
    texts: Vec<String>,
}

impl TestSubscriber {
    fn new(hub: &Hub, filters: TopicFilters, texts: &[&str]) -> Self {
        Self {
            subscription: hub.subscribe(filters.clone(), None).expect("no limit"),
            filters,
            texts: texts.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    fn events(&mut self) -> usize {
        let mut events = 0;
        while let Some(frame) = self.subscription.next().now_or_never() {
            events += frame.expect("the stream does not end").events().count();
        }
        events
    }
}

fn publish(hub: &Hub, texts: &[&str], subscribers: &mut [TestSubscriber]) {
    let topics = Topics::new(texts);
    let is_valid = texts.len() <= 64 && texts.iter().all(|text| is_topic(text));
    assert_eq!(topics.is_ok(), is_valid, "{texts:?}");
    let Ok(topics) = topics else {
        return;
    };
    let publishing = hub
        .publish((topics.clone(), Event::new("x")))
        .now_or_never();
    publishing
        .expect("publishing does not wait")
        .expect("the event is within the limits");
    for subscriber in subscribers {
        let mut is_expected = false;
        for topic in &topics {
            let filters = subscriber.texts.iter();
            let mut filters = filters.filter(|filter| matches(filter, topic.as_str()));
            let expected = filters.next().is_some();
            assert_eq!(subscriber.filters.matches(topic), expected, "{topic}");
            is_expected |= expected;
        }
        let (events, what) = (subscriber.events(), &subscriber.texts);
        assert_eq!(events, usize::from(is_expected), "{what:?} {texts:?}");
    }
}

/// Checks that the content of a segment is never interpreted as syntax.
fn join(texts: &[&str]) {
    let whole = texts.join("/");
    let is_segment = |text: &&str| !text.is_empty() && !text.contains('/');
    let joined = Topic::from_segments(texts);
    assert_eq!(
        joined.is_ok(),
        texts.iter().all(is_segment) && is_topic(&whole)
    );
    let Ok(topic) = joined else {
        return;
    };
    assert_eq!(topic.as_str().split('/').collect::<Vec<_>>(), texts);
    let pattern = format!("{topic}/**");
    let below = TopicFilter::below(&topic);
    assert_eq!(below.is_ok(), is_pattern_or_topic(&pattern));
    assert!(
        below.is_ok_and(|filter| filter.as_str() == pattern && !filter.matches(&topic))
            || !is_pattern_or_topic(&pattern)
    );
}

fn is_text(text: &str) -> bool {
    (1..=256).contains(&text.len()) && !text.contains(|character: char| character.is_control())
}

fn is_topic(text: &str) -> bool {
    is_text(text) && !text.contains('*')
}

fn is_pattern_or_topic(text: &str) -> bool {
    let segments: Vec<_> = text.split('/').collect();
    let is_whole = |place: usize| match segments[place] {
        "*" => true,
        "**" => place + 1 == segments.len(),
        segment => !segment.contains('*'),
    };
    let stars = segments.iter().filter(|segment| **segment == "*").count();
    let is_pattern = (0..segments.len()).all(is_whole) && segments.len() <= 16 && stars <= 4;
    is_topic(text) || (is_text(text) && is_pattern)
}

fn matches(filter: &str, topic: &str) -> bool {
    let (segment, rest) = split(topic);
    match (split(filter), rest) {
        (("**", None), _) => true,
        ((wanted, more), rest) if wanted == "*" || wanted == segment => match (more, rest) {
            (None, None) => true,
            (Some(more), Some(rest)) => matches(more, rest),
            _ => false,
        },
        _ => false,
    }
}

fn split(text: &str) -> (&str, Option<&str>) {
    match text.split_once('/') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (text, None),
    }
}
