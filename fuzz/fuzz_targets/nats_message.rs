//! Any message of NATS is refused, or is an event within the limits that comes back as it is.
#![no_main]

#[path = "../../sse-hub-nats/src/headers.rs"]
#[allow(dead_code, reason = "what the crate has for its own")]
mod headers;
#[path = "../../sse-hub-nats/src/wire.rs"]
#[allow(dead_code, reason = "what the crate has for its own")]
mod wire;

use std::{sync::LazyLock, time::Duration};

use headers::Headers;
use libfuzzer_sys::fuzz_target;
use sse_hub::{Hub, Settings};

const MAX_EVENT: usize = 256;
const MAX_TYPE: usize = 16;
const MAX_KEY: usize = 8;
const MAX_RETRY: Duration = Duration::from_secs(60);

/// Types that no publisher may use: those of the hub's own events, and those of `EventSource`.
const RESERVED_TYPES: [&str; 6] = ["reset", "lagged", "denied", "position", "error", "open"];

static HUB: LazyLock<Hub> = LazyLock::new(|| {
    let settings = Settings::new()
        .with_max_event(MAX_EVENT)
        .with_max_type(MAX_TYPE)
        .with_max_key(MAX_KEY)
        .with_event_retry(Duration::ZERO..=MAX_RETRY);
    Hub::new(settings)
});

// Headers, 0xFF, and the payload.
fuzz_target!(|input: &[u8]| {
    let at = input.iter().position(|byte| *byte == 0xFF);
    let (head, payload) = match at {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, &[][..]),
    };
    let Headers::Read(headers) = headers::read(head) else {
        return;
    };
    let Ok(post) = wire::decode(headers.as_ref(), payload) else {
        return;
    };
    // There is one way to write it.
    let (again, bytes) = wire::encode(&post);
    assert_eq!(bytes, payload);
    assert_eq!(wire::decode(Some(&again), &bytes).as_ref(), Ok(&post));
    assert!(post.event.id().is_none());
    let topics = post.topics.iter();
    assert!((1..=64).contains(&topics.clone().count()));
    assert!(
        topics
            .into_iter()
            .all(|it| (1..=256).contains(&it.as_str().len()))
    );

    let event = &post.event;
    let key = post.key.as_ref().map_or(0, |key| key.len());
    // Each of its lines begins with `data: `.
    let line_ends = event.data().matches('\n').count();
    let data = event.data().len() + 6 * line_ends;
    let event_type = match event.event_type() {
        "message" => "",
        other => other,
    };
    let is_allowed = event_type.len() <= MAX_TYPE
        && key <= MAX_KEY
        && event_type.len() + key + data <= MAX_EVENT
        && event.retry().is_none_or(|it| it <= MAX_RETRY)
        && !RESERVED_TYPES.contains(&event_type);
    assert_eq!(HUB.check(&post).is_ok(), is_allowed);
});
