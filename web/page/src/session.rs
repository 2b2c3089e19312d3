//! The state that the two clients and the buttons share.

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};

use js_sys::{Array, Date, Uint32Array};
use sse_wasm::{Builder, ClientConfig, EventSource};
use wasm_bindgen::JsValue;
use web_sys::Element;

use crate::dom;

/// Maximum delay between attempts, so that the page is soon live again.
const BACKOFF_LIMIT: Duration = Duration::from_secs(4);

/// Time without an event after which the clients reconnect. The server sends an event each 250 ms.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);

/// Maximum number of items that wait while the page does not read. It is low, so that the effect is visible.
const DEFAULT_QUEUE_LIMIT: usize = 16;

/// A visit of the page.
pub(crate) struct Session {
    /// The random ID of the page, so that it breaks only its own streams.
    client: String,
    /// The time until which the page reads nothing, in milliseconds since 1970.
    slow_until: Cell<f64>,
    native: RefCell<Option<EventSource>>,
    start: Element,
}

impl Session {
    pub(crate) fn begin() -> Result<Self, JsValue> {
        let random = Uint32Array::new_with_length(4);
        let crypto = dom::window()?.crypto()?;
        crypto.get_random_values_with_array_buffer_view(&random)?;
        Ok(Self {
            client: Array::from(&random).join("-").into(),
            slow_until: Cell::default(),
            native: RefCell::default(),
            start: dom::by_id("start")?,
        })
    }

    /// Returns a builder for a connection to the events after this one.
    ///
    /// The first request cannot send `Last-Event-ID`, so the server also reads the ID from the query.
    pub(crate) fn events(&self, last_event_id: &str) -> Builder {
        let mut url = ["/events?client=", &self.client].concat();
        if !last_event_id.is_empty() {
            url.push_str("&lastEventId=");
            url.push_str(&String::from(js_sys::encode_uri_component(last_event_id)));
        }
        let config = ClientConfig::default()
            .reconnection_time(Duration::from_secs(1))
            .max_backoff(BACKOFF_LIMIT)
            .idle_timeout(Some(IDLE_TIMEOUT));
        Builder::new(&url)
            .config(config)
            .queue_limit(DEFAULT_QUEUE_LIMIT)
    }

    /// Returns the URL that injects a fault.
    pub(crate) fn fault(&self, name: &str) -> String {
        ["/break?client=", &self.client, "&fault=", name].concat()
    }

    /// Makes the clients read nothing for this time.
    pub(crate) fn slow_down(&self, milliseconds: f64) {
        self.slow_until.set(Date::now() + milliseconds);
    }

    /// Waits while the clients must not read.
    pub(crate) async fn pace(&self) -> Result<(), JsValue> {
        let left = self.slow_until.get() - Date::now();
        if left > 0.0 {
            dom::sleep(left).await?;
        }
        Ok(())
    }

    /// Sets the connection to close when the server asks clients to stop.
    pub(crate) fn hold(&self, native: EventSource) {
        self.native.replace(Some(native));
    }

    /// Closes the `EventSource`, which does not see that the server asks clients to stop.
    pub(crate) fn stop(&self) {
        if let Some(native) = self.native.take() {
            native.close();
        }
    }

    /// Waits until the reader presses the start button, and ends the refusal.
    pub(crate) async fn restart(&self) -> Result<(), JsValue> {
        dom::set(&self.start, "disabled", false)?;
        dom::next(&self.start, "click").await?;
        dom::set(&self.start, "disabled", true)?;
        dom::post(&self.fault("none")).await.map(drop)
    }
}
