//! Tabs that share a connection. In these tests all tabs are in one page, which makes no difference to locks and
//! channels.

use futures_util::{FutureExt, StreamExt};
use sse_wasm::{Builder, Item, SharedSource};
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::AbortController;

use crate::{
    client::{Client, next, next_event, next_or_end, read_numbers, short_delays},
    environment::{hide, is_window},
    servers::Script,
};

fn join(client: Client, script: &Script, name: &str) -> SharedSource {
    let builder = Builder::new(&script.url).config(short_delays());
    let builder = match client {
        Client::Native => builder.reconnect_with_query("last-event-id"),
        Client::Fetch => builder.response_details(true),
    };
    builder.share(name).expect("locks and channels")
}

#[wasm_bindgen_test]
async fn all_tabs_get_the_same_events_and_the_next_leader_resumes() {
    for client in Client::BOTH {
        let name = format!("{client:?}");
        let script = Script::new("/events?n=600&every=20");
        let mut first = join(client, &script, &name);
        assert_eq!(next(&mut first).await, Item::Open);
        assert!(first.has_connection());
        read_numbers(&mut first, 1..=3).await;

        let mut others = [1, 2].map(|_| join(client, &script, &name));
        for other in &mut others {
            assert_eq!(next(other).await, Item::Open);
            assert!(!other.has_connection());
        }
        let [second, third] = &mut others;
        let at: u64 = number(&next_event(second).await.data);
        let third_at: u64 = number(&next_event(third).await.data);
        read_numbers(second, at + 1..=20).await;
        read_numbers(&mut first, 4..=20).await;
        assert_eq!(script.counts().await.requests, 1.0);

        drop(first);
        // Some events of the first tab may still be on their way.
        let mut last = 20;
        while !second.has_connection() {
            last += 1;
            read_numbers(second, last..=last).await;
        }
        read_numbers(second, last + 1..=last + 10).await;
        read_numbers(third, third_at + 1..=last + 10).await;
        assert!(!third.has_connection());
        assert_eq!(script.counts().await.requests, 2.0);

        drop(others);
        script.wait_until_cancelled(2.0).await;
    }
}

#[wasm_bindgen_test]
async fn a_refusal_ends_all_tabs() {
    let script = Script::new("/events?status=404&times=9");
    let mut tabs = [1, 2].map(|_| join(Client::Fetch, &script, "refused"));
    for tab in &mut tabs {
        assert!(matches!(next(tab).await, Item::Closed(_)));
        assert_eq!(next_or_end(tab).await, None);
    }
    assert_eq!(script.counts().await.requests, 1.0);
}

/// A signal ends the tab with the connection, and a tab that waits for it.
///
/// It also does so in a hidden page, and while the streams of both tabs are not dropped.
#[wasm_bindgen_test]
async fn an_abort_signal_ends_one_tab() {
    for is_hidden in [false, true] {
        if is_hidden && !is_window() {
            continue;
        }
        let script = Script::new("/events?n=600&every=20");
        let name = format!("signal, {is_hidden}");
        let controllers = [1, 2, 3].map(|_| AbortController::new().unwrap());
        let join = |controller: &AbortController| {
            let builder = Builder::new(&script.url).config(short_delays());
            let builder = builder.abort_signal(controller.signal());
            builder.pause_when_hidden(true).share(&name).unwrap()
        };
        let [mut first, mut second, mut third] = controllers.each_ref().map(join);
        for tab in [&mut first, &mut second, &mut third] {
            assert_eq!(next(tab).await, Item::Open);
        }
        assert!(first.has_connection());

        hide_if(is_hidden);
        controllers[1].abort();
        expect_end(&mut second).await;
        if is_hidden {
            // The tab with the connection pauses.
            script.wait_until_cancelled(1.0).await;
        }
        controllers[0].abort();
        expect_end(&mut first).await;
        hide_if(false);
        while !third.has_connection() {
            next(&mut third).await;
        }
        while script.counts().await.requests < 2.0 {
            next(&mut third).await;
        }
        assert!(!first.has_connection() && !second.has_connection());
        drop(third);
        script.wait_until_cancelled(2.0).await;
    }
}

#[wasm_bindgen_test]
fn an_aborted_signal_sends_no_request() {
    let controller = AbortController::new().unwrap();
    controller.abort();
    let builder = Builder::new("/events").abort_signal(controller.signal());
    let mut tab = builder.share("aborted").unwrap();
    assert_eq!(tab.next().now_or_never(), Some(None));
}

/// Checks that the stream ends after the items that it already has.
async fn expect_end(tab: &mut SharedSource) {
    while let Some(item) = next_or_end(tab).await {
        assert!(!matches!(item, Item::Closed(_)), "{item:?}");
    }
}

/// Hides or shows the page. It has no effect in workers, which have no page.
fn hide_if(is_hidden: bool) {
    if is_window() {
        hide(is_hidden);
    }
}

#[expect(clippy::disallowed_methods, reason = "digits from this test")]
fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}
