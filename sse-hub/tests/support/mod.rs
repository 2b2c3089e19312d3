//! Publishing and reading at once, as a hub in memory has it.
#![allow(dead_code, reason = "not each test uses all")]

use futures_util::{FutureExt, StreamExt};
use sse_hub::{Hub, Settings, Subscription, Topic};
use sse_hyper::{Event, EventId};

pub(crate) fn topic(text: &str) -> Topic {
    Topic::new(text).unwrap()
}

pub(crate) fn publish(hub: &Hub, to: &str, data: &str) -> EventId {
    let publishing = hub.publish(topic(to), Event::new(data.to_owned()));
    publishing
        .now_or_never()
        .expect("it does not wait")
        .unwrap()
}

/// What is ready.
pub(crate) fn ready(subscription: &mut Subscription) -> String {
    let mut text = String::new();
    while let Some(Some(frame)) = subscription.next().now_or_never() {
        text.push_str(&frame.to_string());
    }
    text
}

/// Settings without positions, which most tests would have to skip.
pub(crate) fn numbered_from_1() -> Settings {
    Settings::new().with_first_number(1).with_position(false)
}
