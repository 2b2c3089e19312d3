//! What the two clients and the buttons share.

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};

use js_sys::{Array, Date, Uint32Array};
use sse_wasm::{Builder, EventSource, Settings};
use wasm_bindgen::JsValue;
use web_sys::Element;

use crate::dom;

/// What a server that cannot be reached is asked at most: so that the page is soon live again.
const BACKOFF_LIMIT: Duration = Duration::from_secs(4);

/// How long it takes until silence is a fault: the server has an event each 250 ms.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);

/// How much the page keeps when it does not read: little, so that this can be seen.
const QUEUE_LIMIT: usize = 16;

/// A visit of the page.
pub(crate) struct Session {
    /// What the page calls itself, so that it breaks no streams but its own.
    client: String,
    /// Until when the page reads nothing.
    slow_until: Cell<f64>,
    native: RefCell<Option<EventSource>>,
    start: Element,
}

impl Session {
    pub(crate) fn begin() -> Result<Self, JsValue> {
        let chance = Uint32Array::new_with_length(4);
        let crypto = dom::window()?.crypto()?;
        crypto.get_random_values_with_array_buffer_view(&chance)?;
        Ok(Self {
            client: Array::from(&chance).join("-").into(),
            slow_until: Cell::default(),
            native: RefCell::default(),
            start: dom::by_id("start")?,
        })
    }

    /// A connection to the events after this one. It cannot send `Last-Event-ID` at first, so the
    /// server also reads it from the query.
    pub(crate) fn events(&self, last_event_id: &str) -> Builder {
        let mut url = ["/events?client=", &self.client].concat();
        if !last_event_id.is_empty() {
            url.push_str("&lastEventId=");
            url.push_str(&String::from(js_sys::encode_uri_component(last_event_id)));
        }
        let settings = Settings::default()
            .with_reconnection_time(Duration::from_secs(1))
            .with_backoff_limit(BACKOFF_LIMIT)
            .with_idle_timeout(Some(IDLE_TIMEOUT));
        Builder::new(&url)
            .with_settings(settings)
            .with_queue_limit(QUEUE_LIMIT)
    }

    /// Where to ask for a fault.
    pub(crate) fn fault(&self, name: &str) -> String {
        ["/break?client=", &self.client, "&fault=", name].concat()
    }

    /// Has the clients read nothing for a while.
    pub(crate) fn slow_down(&self, milliseconds: f64) {
        self.slow_until.set(Date::now() + milliseconds);
    }

    /// Waits for as long as nothing is to be read.
    pub(crate) async fn pace(&self) -> Result<(), JsValue> {
        let left = self.slow_until.get() - Date::now();
        if left > 0.0 {
            dom::sleep(left).await?;
        }
        Ok(())
    }

    /// This is the connection to close when the server asks clients to stop.
    pub(crate) fn hold(&self, native: EventSource) {
        self.native.replace(Some(native));
    }

    /// The server asked clients to stop, which an `EventSource` cannot hear.
    pub(crate) fn stop(&self) {
        if let Some(native) = self.native.take() {
            native.close();
        }
    }

    /// Waits until the reader has it start again.
    pub(crate) async fn restart(&self) -> Result<(), JsValue> {
        dom::set(&self.start, "disabled", false)?;
        dom::next(&self.start, "click").await?;
        dom::set(&self.start, "disabled", true)?;
        dom::post(&self.fault("none")).await.map(drop)
    }
}
