//! The buttons that inject faults, and the state that they share with the two clients.

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};
use std::rc::Rc;

use js_sys::{Array, Date, Uint32Array};
use sse_wasm::{Builder, ClientConfig, EventSource};
use wasm_bindgen::JsValue;
use web_sys::Element;

use crate::dom;

/// Maximum delay between attempts, so that the page is soon live again.
const MAX_BACKOFF: Duration = Duration::from_secs(4);

/// Time without an event after which the clients reconnect. The server sends an event each 250 ms.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3);

/// Maximum number of items that wait while the page does not read. It is low, so that the effect is visible.
const QUEUE_LIMIT: usize = 16;

/// Time for which a slow page reads nothing, in milliseconds.
const READ_PAUSE_MS: f64 = 6000.0;

/// Time for which the message about a fault is shown, in milliseconds.
const MESSAGE_TIME_MS: f64 = 5000.0;

/// The state that the buttons change and the clients follow.
pub(crate) struct Controls {
    /// The random ID of the page, so that it injects faults only into its own streams.
    client: String,
    /// The time until which the page reads nothing, in milliseconds since 1970.
    paused_until: Cell<f64>,
    native: RefCell<Option<EventSource>>,
    start: Element,
}

impl Controls {
    pub(crate) fn new() -> Result<Self, JsValue> {
        let random = Uint32Array::new_with_length(4);
        let crypto = dom::window()?.crypto()?;
        crypto.get_random_values_with_array_buffer_view(&random)?;
        Ok(Self {
            client: Array::from(&random).join("-").into(),
            paused_until: Cell::default(),
            native: RefCell::default(),
            start: dom::by_id("start")?,
        })
    }

    /// Attaches the handlers of the buttons.
    pub(crate) fn set_up(self: &Rc<Self>) -> Result<(), JsValue> {
        let message = dom::by_id("fault")?;
        for button in dom::all("[data-fault]")? {
            let name = button.get_attribute("data-fault").unwrap_or_default();
            let (url, message) = (self.fault_url(&name), message.clone());
            dom::on(&button, "click", move |_| {
                let (url, message) = (url.clone(), message.clone());
                dom::spawn(async move {
                    match dom::post(&url).await {
                        Ok(response) => show_message(&message, &response).await,
                        Err(_) => show_message(&message, "The server cannot be reached.").await,
                    }
                });
            })?;
        }
        let slow = dom::by_id("slow")?;
        let controls = Rc::clone(self);
        dom::on(&slow, "click", move |_| {
            controls.paused_until.set(Date::now() + READ_PAUSE_MS);
            let message = message.clone();
            dom::spawn(
                async move { show_message(&message, "The page reads nothing for 6 s.").await },
            );
        })
    }

    /// Returns a builder for a connection to the events after this one.
    ///
    /// The first request cannot send `Last-Event-ID`, so the server also reads the ID from the query.
    pub(crate) fn builder(&self, last_event_id: &str) -> Builder {
        let mut url = ["/events?client=", &self.client].concat();
        if !last_event_id.is_empty() {
            url.push_str("&lastEventId=");
            url.push_str(&String::from(js_sys::encode_uri_component(last_event_id)));
        }
        let config = ClientConfig::default()
            .reconnection_time(Duration::from_secs(1))
            .max_backoff(MAX_BACKOFF)
            .idle_timeout(Some(IDLE_TIMEOUT));
        Builder::new(&url).config(config).queue_limit(QUEUE_LIMIT)
    }

    /// Returns the URL that injects a fault.
    fn fault_url(&self, name: &str) -> String {
        ["/break?client=", &self.client, "&fault=", name].concat()
    }

    /// Waits while the clients must not read.
    pub(crate) async fn wait_while_paused(&self) -> Result<(), JsValue> {
        let remaining = self.paused_until.get() - Date::now();
        if remaining > 0.0 {
            dom::sleep(remaining).await?;
        }
        Ok(())
    }

    /// Sets the connection to close when the server asks clients to stop.
    pub(crate) fn set_native(&self, native: EventSource) {
        self.native.replace(Some(native));
    }

    /// Closes the `EventSource`, which does not see that the server asks clients to stop.
    pub(crate) fn close_native(&self) {
        if let Some(native) = self.native.take() {
            native.close();
        }
    }

    /// Waits until the user presses the start button, and ends the refusal.
    pub(crate) async fn wait_for_restart(&self) -> Result<(), JsValue> {
        dom::set(&self.start, "disabled", false)?;
        dom::next_event(&self.start, "click").await?;
        dom::set(&self.start, "disabled", true)?;
        dom::post(&self.fault_url("none")).await.map(drop)
    }
}

/// Shows a message for a while, or until another message replaces it.
async fn show_message(element: &Element, text: &str) -> Result<(), JsValue> {
    dom::show(element, text);
    dom::sleep(MESSAGE_TIME_MS).await?;
    if element.text_content().is_some_and(|shown| shown == text) {
        dom::show(element, "");
    }
    Ok(())
}
