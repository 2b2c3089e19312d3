//! Extreme values of the configuration: no value makes a client fail, and no long duration passes at once.

use core::time::Duration;

use futures_util::{
    StreamExt,
    future::{Either, select},
};
use sse_wasm::{Builder, ClientConfig, Item};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{
    client::{Client, next, next_event},
    environment::pause,
    servers::Script,
};

type Setter = fn(ClientConfig, Duration) -> ClientConfig;

/// All setters that take a duration.
const DURATION_SETTERS: [(&str, Setter); 6] = [
    ("reconnection time", ClientConfig::reconnection_time),
    ("minimum delay", |config, time| {
        config.min_delay(time).max_delay(Duration::MAX)
    }),
    ("maximum delay", |config, time| {
        config.min_delay(Duration::ZERO).max_delay(time)
    }),
    ("maximum backoff", ClientConfig::max_backoff),
    ("head timeout", |config, time| {
        config.head_timeout(Some(time))
    }),
    ("idle timeout", |config, time| {
        config.idle_timeout(Some(time))
    }),
];

/// Durations longer than `i32::MAX` milliseconds, which `setTimeout` treats as 0.
const LONG_DURATIONS: [Duration; 4] = [
    Duration::from_millis(1 << 31),
    Duration::from_millis(1 << 53),
    Duration::from_millis(u64::MAX),
    Duration::MAX,
];

#[wasm_bindgen_test]
async fn long_durations_do_not_pass_at_once() {
    for client in Client::BOTH {
        for (name, set) in DURATION_SETTERS {
            for time in LONG_DURATIONS {
                let script = Script::new("/events?n=1&then=silence");
                let builder = Builder::new(&script.url);
                let builder = builder.config(set(ClientConfig::default(), time));
                let mut items = client.open(builder, &[]);
                let shown = format!("{client:?}, {name} of {time:?}");
                assert_eq!(next(&mut items).await, Item::Open, "{shown}");
                assert_eq!(next_event(&mut items).await.data, "1", "{shown}");
                match select(items.next(), pause(50)).await {
                    Either::Left((item, _)) => panic!("{shown}: {item:?}"),
                    Either::Right(_) => {}
                }
            }
        }
    }
}

/// Very short times do not end the stream, and do not block the page.
#[wasm_bindgen_test]
async fn short_durations_do_not_end_the_stream() {
    for client in Client::BOTH {
        for (name, set) in DURATION_SETTERS {
            for time in [
                Duration::ZERO,
                Duration::from_nanos(1),
                Duration::from_millis(1),
            ] {
                let script = Script::new("/events?n=9&take=1&then=silence");
                let builder = Builder::new(&script.url);
                let builder = builder.config(set(ClientConfig::default(), time));
                let mut items = client.open(builder, &[]);
                let mut end = pause(50);
                while let Either::Left((item, _)) = select(items.next(), &mut end).await {
                    let ended = item.is_none() || matches!(item, Some(Item::Closed(_)));
                    assert!(!ended, "{client:?}, {name} of {time:?}: {item:?}");
                }
            }
        }
    }
}

#[wasm_bindgen_test]
async fn limits_of_any_size_are_accepted() {
    for client in Client::BOTH {
        for limit in [0, 1, usize::MAX] {
            let script = Script::new("/events?n=3&then=silence");
            let builder = Builder::new(&script.url).queue_limit(limit);
            let config = ClientConfig::default().max_event_bytes(limit);
            let mut items = client.open(builder.config(config), &[]);
            assert_eq!(next(&mut items).await, Item::Open, "{client:?}, {limit}");
            let item = next(&mut items).await;
            let right = match (client, limit) {
                (Client::Fetch, 0 | 1) => matches!(item, Item::TooLarge(_)),
                // `EventSource` has no limit, and a queue of one item may have dropped the first.
                (Client::Native, 0 | 1) => matches!(item, Item::Event(_) | Item::Lagged(_)),
                _ => matches!(item, Item::Event(_)),
            };
            assert!(right, "{client:?}, {limit}: {item:?}");
        }
    }
    for limit in [0, 1, usize::MAX] {
        let script = Script::new("/events?status=404");
        let builder = Builder::new(&script.url).max_error_body_bytes(limit);
        let mut items = builder.fetch().unwrap();
        assert!(matches!(next(&mut items).await, Item::Closed(_)), "{limit}");
    }
}
