//! Helpers for tests with a hub in memory, where publishing and reading never waits.
#![allow(dead_code, reason = "not every test uses all helpers")]

use futures_util::{FutureExt, StreamExt};
use sse_hub::{Hub, HubConfig, Subscription, Topic};
use sse_hyper::{Event, EventId};

pub(crate) fn topic(text: &str) -> Topic {
    Topic::new(text).unwrap()
}

pub(crate) fn publish(hub: &Hub, to: &str, data: &str) -> EventId {
    let publishing = hub.publish((topic(to), Event::new(data.to_owned())));
    publishing
        .now_or_never()
        .expect("publish does not wait")
        .unwrap()
}

/// Reads all frames that are ready.
pub(crate) fn ready(subscription: &mut Subscription) -> String {
    let mut text = String::new();
    while let Some(Some(frame)) = subscription.next().now_or_never() {
        text.push_str(&frame.to_string());
    }
    text
}

/// Creates a configuration without position events, which most tests would have to skip.
pub(crate) fn sequenced_from_1() -> HubConfig {
    HubConfig::new().first_sequence(1).position_events(false)
}

/// Returns the number of distinct sets of topic filters that have subscribers, from the hub's debug text.
#[allow(clippy::disallowed_methods, reason = "the test parses its own numbers")]
pub(crate) fn channels(hub: &Hub) -> usize {
    let text = format!("{hub:?}");
    let (_, rest) = text.split_once("channels: ").unwrap();
    rest.split(',').next().unwrap().parse().unwrap()
}
