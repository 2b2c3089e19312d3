//! JavaScript bindings of `sse-wasm`'s client over `fetch`.
//!
//! # Map
//!
//! ```text
//! js/polyfill.js          js/index.js, js/node.js, js/module.js
//!  the standard's class,   with headers, POST and more: the npm package
//!  one script                 │
//!     │                   js/extended.js ── js/connection.js
//!     │                       │
//!     └───── js/interface.js  the standard's interface: states, events, handlers
//!                 │ options   ▲ events
//!              lib.rs         │    a connection and its listener
//!                 │           │
//!            options.rs       │    reads the options
//!                 └── sse_wasm::FetchSource
//! ```
//!
//! `cargo xtask build-polyfill` builds the polyfill, and `cargo xtask package-npm` the npm package.

mod options;

use core::{future::poll_fn, pin::Pin, task::Poll};

use futures_util::Stream;
use js_sys::Array;
use sse_wasm::{DisconnectReason, Disconnected, FetchSource, Handle, Item};
use wasm_bindgen::{JsError, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::spawn_local;

#[wasm_bindgen]
extern "C" {
    /// The listener of a connection, which `js/interface.js` implements.
    pub type Listener;

    /// Waits for a task of the event loop before the next event: "queue a task".
    #[wasm_bindgen(method)]
    async fn task(this: &Listener);

    #[wasm_bindgen(method)]
    fn open(this: &Listener, url: &str);

    #[wasm_bindgen(method)]
    fn event(this: &Listener, event_type: &str, data: &str, last_event_id: &str);

    #[wasm_bindgen(method, js_name = lastEventId)]
    fn last_event_id(this: &Listener, last_event_id: &str);

    #[wasm_bindgen(method, js_name = tooLarge)]
    fn too_large(this: &Listener);

    #[wasm_bindgen(method)]
    fn disconnected(this: &Listener, reason: &str, status: u16, delay: f64);

    #[wasm_bindgen(method)]
    fn closed(
        this: &Listener,
        reason: &str,
        status: u16,
        headers: Array,
        body: &str,
        exception: Option<String>,
    );
}

/// A connection, which stays active until the caller closes it or it ends for good.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Connection(Handle);

#[wasm_bindgen]
impl Connection {
    /// Closes the connection. The listener is not called any more.
    pub fn close(&self) {
        self.0.close();
    }

    /// Reconnects at once.
    pub fn reconnect(&self) {
        self.0.reconnect();
    }
}

/// Connects to an absolute URL, and calls the listener with what happens on the connection.
///
/// # Errors
///
/// Throws without a streaming `fetch`, or if the last event ID is invalid.
#[wasm_bindgen]
pub fn connect(url: &str, options: &JsValue, listener: Listener) -> Result<Connection, JsError> {
    let builder = options::builder(url, options)?;
    // The message does not use `Display`, which would add all of `core::fmt` to the wasm.
    let source = builder.fetch();
    let mut source = source.map_err(|_| JsError::new("no streaming fetch"))?;
    let connection = Connection(source.handle());
    let has_network = url.starts_with("http:") || url.starts_with("https:");
    spawn_local(async move {
        let mut reported_id = source.last_event_id().to_owned();
        while let Some(item) = next(&mut source, &listener, &mut reported_id).await {
            // The listener does not get these, so they need no task.
            if let Item::Comment(_) | Item::Retry(_) = item {
                continue;
            }
            listener.task().await;
            match item {
                // "Reestablish the connection, unless the user agent knows that to be futile."
                Item::Disconnected(disconnected)
                    if !has_network && is_network_error(&disconnected) =>
                {
                    let (reason, status) = js_reason(disconnected.reason);
                    listener.closed(reason, status, Array::new(), "", None);
                    break;
                }
                item => call(&listener, &source, item),
            }
        }
    });
    Ok(connection)
}

/// Returns the next item, and reports a new last event ID that has no event.
async fn next(
    source: &mut FetchSource,
    listener: &Listener,
    reported_id: &mut String,
) -> Option<Item> {
    poll_fn(|cx| {
        let item = Pin::new(&mut *source).poll_next(cx);
        let is_event = matches!(item, Poll::Ready(Some(Item::Event(_))));
        if !is_event && source.last_event_id() != reported_id {
            source.last_event_id().clone_into(reported_id);
            listener.last_event_id(reported_id);
        }
        item
    })
    .await
}

fn is_network_error(disconnected: &Disconnected) -> bool {
    disconnected.reason == Some(DisconnectReason::NetworkError)
}

/// Calls the method of the listener for this item.
fn call(listener: &Listener, source: &FetchSource, item: Item) {
    match item {
        Item::Open => listener.open(source.response_url().unwrap_or_default()),
        Item::Event(event) => {
            listener.event(&event.event_type, &event.data, &event.last_event_id);
        }
        Item::TooLarge(_) => listener.too_large(),
        Item::Disconnected(disconnected) => {
            let (reason, status) = js_reason(disconnected.reason);
            let delay = disconnected.delay.unwrap_or_default().as_millis() as f64;
            listener.disconnected(reason, status, delay);
        }
        Item::Closed(closed) => {
            let (reason, status) = js_reason(closed.reason);
            let headers = closed.headers.iter();
            let headers = headers
                .map(|(name, value)| Array::of2(&name.into(), &value.into()))
                .collect();
            listener.closed(reason, status, headers, &closed.body, closed.exception);
        }
        _ => {}
    }
}

/// Returns the reason as a JavaScript string, and the status of the response, or 0 for other reasons.
fn js_reason(reason: Option<DisconnectReason>) -> (&'static str, u16) {
    let name = match reason {
        Some(DisconnectReason::EndOfStream) => "end",
        Some(DisconnectReason::Truncated) => "truncated",
        Some(DisconnectReason::NetworkError) => "network-error",
        Some(DisconnectReason::HeadTimeout) => "head-timeout",
        Some(DisconnectReason::IdleTimeout) => "idle-timeout",
        Some(DisconnectReason::Status(status)) => return ("status", status),
        Some(DisconnectReason::ContentType) => "content-type",
        Some(DisconnectReason::Requested) => "requested",
        // A function of the caller threw.
        _ => "exception",
    };
    (name, 0)
}
