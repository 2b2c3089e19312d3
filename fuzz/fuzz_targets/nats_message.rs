//! Checks that any NATS message is rejected, or is an event within the limits that is encoded to the same message.
#![no_main]

#[path = "../../sse-hub-nats/src/message.rs"]
#[allow(dead_code, reason = "only the crate uses all of it")]
mod message;

use std::{sync::LazyLock, time::Duration};

use libfuzzer_sys::fuzz_target;
use message::Headers;
use sse_hub::{Hub, HubConfig};

const MAX_EVENT_BYTES: usize = 256;
const MAX_TYPE_BYTES: usize = 16;
const MAX_KEY_BYTES: usize = 8;
const MAX_ID_BYTES: usize = 8;
const MAX_TOPIC_BYTES: usize = 4096;
const MAX_RETRY: Duration = Duration::from_secs(60);

/// Types that no publisher may use: those of the hub's own events, and those of `EventSource`.
const RESERVED_TYPES: [&str; 6] = ["reset", "lagged", "denied", "position", "error", "open"];

static HUB: LazyLock<Hub> = LazyLock::new(|| {
    let config = HubConfig::new()
        .max_event_bytes(MAX_EVENT_BYTES)
        .max_event_type_bytes(MAX_TYPE_BYTES)
        .max_key_bytes(MAX_KEY_BYTES)
        .publisher_ids(true)
        .max_event_id_bytes(MAX_ID_BYTES)
        .allowed_retry(Duration::ZERO..=MAX_RETRY);
    Hub::new(config)
});

// The input is the headers, 0xFF, and the payload.
fuzz_target!(|input: &[u8]| {
    let at = input.iter().position(|byte| *byte == 0xFF);
    let (head, payload) = match at {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => (input, &[][..]),
    };
    let Headers::Read(headers) = message::parse_headers(head) else {
        return;
    };
    let Ok(publication) = message::decode(headers.as_ref(), payload) else {
        return;
    };
    // There is only one encoding.
    let (again, bytes) = message::encode(&publication);
    assert_eq!(bytes, payload);
    assert_eq!(
        message::decode(Some(&again), &bytes).as_ref(),
        Ok(&publication)
    );
    let topics = publication.topics.iter();
    assert!((1..=64).contains(&topics.clone().count()));
    assert!(
        topics
            .into_iter()
            .all(|topic| (1..=MAX_TOPIC_BYTES).contains(&topic.as_str().len()))
    );

    let event = &publication.event;
    let key = publication.key.as_ref().map_or(0, |key| key.len());
    let id = event.id().map_or(0, |id| id.as_str().len());
    // Each line of data begins with `data: `.
    let line_ends = event.data().matches('\n').count();
    let data = event.data().len() + 6 * line_ends;
    let event_type = match event.event_type() {
        "message" => "",
        other => other,
    };
    let is_allowed = event_type.len() <= MAX_TYPE_BYTES
        && key <= MAX_KEY_BYTES
        && id <= MAX_ID_BYTES
        && event_type.len() + key + data <= MAX_EVENT_BYTES
        && event.retry().is_none_or(|time| time <= MAX_RETRY)
        && !RESERVED_TYPES.contains(&event_type);
    assert_eq!(HUB.check(&publication).is_ok(), is_allowed);
});
