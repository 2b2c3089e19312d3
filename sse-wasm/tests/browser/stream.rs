//! The content of a stream: events, comments, chunks, limits, cookies and backpressure.

use core::time::Duration;

use futures_util::{
    StreamExt,
    future::{Either, select},
};
use sse_wasm::{Builder, ClientConfig, Item, Json};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{
    client::{
        Client, event, next, next_disconnected, next_event, read_numbers, repeat_until,
        short_delays,
    },
    environment::{is_firefox, pause},
    golden::GOLDEN,
    servers::{Script, contract, escape, set_cookie},
};

#[wasm_bindgen_test]
async fn the_golden_events_with_comments_and_retry() {
    let mut items = Builder::new(&contract("/golden")).fetch().unwrap();
    let begins = [
        Item::Open,
        Item::Comment(String::new()),
        Item::Retry(Duration::from_millis(500)),
    ];
    for item in begins {
        assert_eq!(next(&mut items).await, item);
    }
    for ((event_type, data), id) in GOLDEN.into_iter().zip(1..) {
        let event = event(event_type, data, &id.to_string());
        assert_eq!(next(&mut items).await, Item::Event(event));
    }
    assert_eq!(items.last_event_id(), "7");
    let delay = next_disconnected(&mut items).await.delay.unwrap();
    assert!(delay >= Duration::from_millis(500), "{delay:?}");
}

/// Each chunk is one byte, so a stream is split at every position.
#[wasm_bindgen_test]
async fn chunks_of_one_byte() {
    let stream = "\u{FEFF}: hi\r\nretry: 1234\r\ndata: a\r\ndata: b\r\n\r\n\
                  event: x\rid: é€\rdata: 😀\r\r\
                  id\ndata\n\n\
                  event: y\ndata:  c\n\nid: 7\n\nretry: +5\ndata: d\n\n";
    let query = format!("n=1&take=0&drip=0.1&then=silence&head={}", escape(stream));
    for client in Client::BOTH {
        let script = Script::new(&format!("/events?{query}"));
        let mut items = client.open(Builder::new(&script.url), &["x", "y"]);
        let mut all = vec![
            Item::Open,
            Item::Comment(" hi".to_owned()),
            Item::Retry(Duration::from_millis(1234)),
            Item::Event(event("message", "a\nb", "")),
            Item::Event(event("x", "😀", "é€")),
            Item::Event(event("message", "", "")),
            Item::Event(event("y", " c", "")),
            Item::Event(event("message", "d", "7")),
        ];
        if client == Client::Native {
            all.retain(|item| matches!(item, Item::Open | Item::Event(_)));
            if is_firefox() {
                // Firefox ignores the ID of a block without data, which violates the standard.
                all.pop();
                all.push(Item::Event(event("message", "d", "")));
            }
        }
        for item in all {
            assert_eq!(next(&mut items).await, item, "{client:?}");
        }
    }
}

#[wasm_bindgen_test]
async fn pings_only_reset_the_idle_timeout() {
    for client in Client::BOTH {
        repeat_until((true, 1.0), async || {
            let script = Script::new("/events?n=2&take=1&then=silence&ping=100");
            let config = short_delays().idle_timeout(Some(Duration::from_millis(500)));
            let builder = Builder::new(&script.url).config(config);
            let mut items = client.open(builder.ping_event_type("ping"), &[]);
            read_numbers(&mut items, 1..=1).await;
            let item = select(items.next(), pause(1500)).await;
            let is_silent = matches!(item, Either::Right(_));
            (is_silent, script.counts().await.requests)
        })
        .await;
    }
}

#[wasm_bindgen_test]
async fn an_event_of_five_megabytes() {
    for client in Client::BOTH {
        let script = Script::new("/events?n=1&pad=5000000&then=silence");
        let mut items = client.open(Builder::new(&script.url), &[]);
        assert_eq!(next(&mut items).await, Item::Open);
        let event = next_event(&mut items).await;
        assert_eq!(event.data.len(), 5_000_001, "{client:?}");
    }
}

#[wasm_bindgen_test]
async fn the_event_after_one_over_the_limit_is_delivered() {
    let script = Script::new("/events?n=1&pad=2000&then=silence&tail=data:after%0A%0A");
    let config = ClientConfig::default().max_event_bytes(1000);
    let builder = Builder::new(&script.url).config(config);
    let mut items = builder.fetch().unwrap();
    assert_eq!(next(&mut items).await, Item::Open);
    let item = next(&mut items).await;
    assert!(matches!(item, Item::TooLarge(_)), "{item:?}");
    assert_eq!(next_event(&mut items).await.data, "after");
}

#[wasm_bindgen_test]
async fn cookies_go_to_another_origin_only_with_credentials() {
    let value = js_sys::Math::random().to_string();
    set_cookie(&value).await;
    for client in Client::BOTH {
        for with_credentials in [true, false] {
            let script = Script::new("/request?n=1&then=silence");
            let mut builder = Builder::new(&script.url);
            if with_credentials {
                builder = builder.with_credentials(true);
            }
            let mut items = client.open(builder, &[]);
            assert_eq!(next(&mut items).await, Item::Open);
            let request = Json::parse(&next_event(&mut items).await.data).unwrap();
            let cookie = request.get("headers").unwrap().get("cookie");
            let cookie = cookie.and_then(|cookie| cookie.text());
            let expected = with_credentials.then(|| format!("who={value}"));
            assert_eq!(cookie, expected, "{client:?}");
        }
    }
}

/// The server can write only as much as the client reads, apart from buffers on the way.
///
/// Firefox has an unlimited buffer: it buffered more than a gigabyte.
#[wasm_bindgen_test]
async fn a_slow_reader_slows_the_server_down() {
    let script = Script::new("/events?pad=10000");
    let mut items = Builder::new(&script.url).fetch().unwrap();
    assert_eq!(next(&mut items).await, Item::Open);
    next_event(&mut items).await;
    let mut written = 0.0;
    let is_held_back = loop {
        pause(300).await;
        let bytes = script.counts().await.bytes;
        if bytes == written || bytes > 50e6 {
            break bytes == written;
        }
        written = bytes;
    };
    assert_eq!(is_held_back, !is_firefox(), "{written} bytes");
    if is_held_back {
        // The server continues when the client reads.
        for number in 2..(written / 10_000.0) as u64 + 100 {
            let data = next_event(&mut items).await.data;
            assert_eq!(data.trim_end_matches('x'), number.to_string());
        }
        assert!(script.counts().await.bytes > written);
    }
    drop(items);
    script.wait_until_cancelled(1.0).await;
}
