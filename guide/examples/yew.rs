//! A yew component that shows an event stream and closes it when it leaves the page. The demo is its server:
//!
//! ```text
//! cargo xtask demo --yew
//! ```
//!
//! The page has one price and a button. While the price is shown, it changes once or twice a second. While it is
//! hidden, the connection is closed. Stop the server and start it again: the page shows that the connection is
//! lost, then continues.
//!
//! The example is for browsers only, and empty on other targets. Other frameworks also have a hook for when a
//! component is mounted and one for when it is unmounted. In leptos:
//!
//! ```text
//! let (latest, set_latest) = signal(String::new());
//! let subscription = EventSource::connect("/events")?.on_event("stocks", move |event| set_latest.set(event.data));
//! let subscription = StoredValue::new_local(subscription);
//! on_cleanup(move || drop(subscription.try_update_value(Option::take)));
//! ```
#![cfg(target_family = "wasm")]

use sse_wasm::{Builder, Subscription};
use wasm_bindgen::prelude::wasm_bindgen;
use yew::{Html, Properties, UseStateSetter, component, html, use_effect_with, use_state};

#[wasm_bindgen(start)]
fn start() {
    yew::Renderer::<Page>::new().render();
}

/// Page with a component that is mounted only while it is shown, and its stream with it.
#[component]
fn Page() -> Html {
    let is_shown = use_state(|| true);
    let shown = *is_shown;
    let toggle = move |_| is_shown.set(!shown);
    html! {
        <>
            <button onclick={toggle}>{ if shown { "Hide" } else { "Show" } }</button>
            if shown {
                <Latest url="/events?topic=stocks" event_type="stocks" />
            }
        </>
    }
}

#[derive(PartialEq, Properties)]
struct Wanted {
    url: &'static str,
    event_type: &'static str,
}

/// Shows the data of the latest event, and the state of the connection.
#[component]
fn Latest(wanted: &Wanted) -> Html {
    let data = use_state(|| "Connecting …".to_owned());
    let state = use_state(|| "");
    let setters = (data.setter(), state.setter());
    use_effect_with((wanted.url, wanted.event_type), move |(url, event_type)| {
        let subscriptions = follow(url, event_type, setters);
        // Called when the component is unmounted. Dropping the last subscription closes the connection.
        move || drop(subscriptions)
    });
    html! { <p>{ &*data }{ " " }<em>{ *state }</em></p> }
}

type Setters = (UseStateSetter<String>, UseStateSetter<&'static str>);

fn follow(url: &str, event_type: &str, (data, state): Setters) -> Vec<Subscription> {
    let source = Builder::new(url)
        .reconnect_with_query("lastEventId")
        .native();
    let Ok(source) = source else {
        state.set("This browser has no EventSource.");
        return Vec::new();
    };
    let opened = state.clone();
    vec![
        source.on_open(move || opened.set("live")),
        source.on_error(move |_| state.set("lost; reconnecting")),
        source.on_event(event_type, move |event| data.set(event.data)),
    ]
}
