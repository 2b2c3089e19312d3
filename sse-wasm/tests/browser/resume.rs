//! Resumption: no event is lost or repeated, in whatever way a connection ends.

use futures_util::future::join_all;
use js_sys::Function;
use sse_wasm::{Builder, DisconnectReason};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

use crate::{
    client::{Client, ItemStream, read_numbers, short_delays},
    environment::now,
    servers::{Script, escape, take_down},
};

#[wasm_bindgen_test]
async fn resumes_after_a_stream_that_ends_or_breaks() {
    let ends = [
        ("end", ""),
        ("fin", ""),
        ("rst", ""),
        // Inside an event, inside a character, and between CR and LF.
        ("end", "id: 99\ndata: lost"),
        ("fin", "id: 99\ndata: \u{20AC}"),
        ("rst", "id: 99\r\ndata: lost\r"),
    ];
    for client in Client::BOTH {
        // All at the same time: browsers open at most six connections to a host.
        join_all(ends.map(|(then, tail)| async move {
            let tail = tail.as_bytes();
            let tail = escape(tail.strip_suffix(b"\xAC").unwrap_or(tail));
            let query = format!("n=6&take=2&then={then}&tail={tail}&head=retry:100%0A%0A");
            let script = Script::new(&format!("/events?{query}"));
            let builder = Builder::new(&script.url).config(short_delays());
            let mut items = client.open(builder, &[]);
            let losses = read_numbers(&mut items, 1..=6).await;
            let reason = match (client, then) {
                (Client::Native, _) => None,
                (Client::Fetch, "end") if tail.is_empty() => Some(DisconnectReason::EndOfStream),
                (Client::Fetch, "end") => Some(DisconnectReason::Truncated),
                (Client::Fetch, _) => Some(DisconnectReason::NetworkError),
            };
            // A broken connection can lose events that the browser has read and not yet delivered.
            let count = match then {
                "end" => 2,
                _ => losses.len().max(2),
            };
            assert_eq!(losses, vec![reason; count], "{client:?} {query}");
            drop(items);
            let requests = script.counts().await.requests;
            assert_eq!(requests, count as f64 + 1.0, "{client:?} {query}");
        }))
        .await;
    }
}

/// A timer can fire early by the clock that it is compared with. A timer of more than 24 days always does.
#[wasm_bindgen_test]
async fn resumes_when_timers_fire_too_early() {
    let hurry = "const original = setTimeout;
        setTimeout = (callback, time) => original(callback, time - 30);
        return () => setTimeout = original";
    let restore = Function::new_no_args(hurry).call0(&JsValue::NULL);
    let restore: Function = restore.expect("another timer").unchecked_into();
    for client in Client::BOTH {
        let script = Script::new("/events?n=2&take=1&status=503&times=1&head=retry:100%0A%0A");
        let mut items = client.open(Builder::new(&script.url).config(short_delays()), &[]);
        read_numbers(&mut items, 1..=2).await;
    }
    restore.call0(&JsValue::NULL).expect("the original timer");
}

#[wasm_bindgen_test]
async fn resumes_after_the_server_was_down() {
    check_resumption_after(2000).await;
}

/// Checks that both clients resume after the server was down for this time.
pub(crate) async fn check_resumption_after(milliseconds: u32) {
    let path = "/events?n=1000000&every=10&head=retry:200%0A%0A";
    let scripts = Client::BOTH.map(|_| Script::new(path));
    let mut items: Vec<ItemStream> = Client::BOTH
        .iter()
        .zip(&scripts)
        .map(|(client, script)| {
            let builder = Builder::new(&script.url).config(short_delays());
            client.open(builder, &[])
        })
        .collect();
    for items in &mut items {
        assert_eq!(read_numbers(items, 1..=20).await, []);
    }
    let start = now();
    take_down(milliseconds).await;
    for losses in join_all(items.iter_mut().map(|items| read_numbers(items, 21..=200))).await {
        assert!(!losses.is_empty());
    }
    assert!(now() - start > milliseconds.into());
}
