//! The event log.

use js_sys::Object;
use sse_wasm::Event;
use wasm_bindgen::JsValue;
use web_sys::Element;

use crate::dom;

/// How many entries are kept.
const LIMIT: u32 = 300;

/// A list of everything that happened, newest first.
pub(crate) struct Log(Element);

impl Log {
    /// Finds its element.
    pub(crate) fn find() -> Result<Self, JsValue> {
        dom::by_id("log").map(Self)
    }

    /// Logs an event.
    pub(crate) fn event(&self, event: &Event) -> Result<(), JsValue> {
        let entry = dom::prepend(&self.0, "li", LIMIT)?;
        entry.set_attribute("data-event-id", &event.last_event_id)?;
        dom::append(&entry, "span", "id", &event.last_event_id)?;
        dom::append(&entry, "span", "type", &event.event_type)?;
        dom::append(&entry, "span", "data", &event.data)?;
        Ok(())
    }

    /// Logs what became of the connection.
    pub(crate) fn note(&self, text: &str) -> Result<(), JsValue> {
        self.entry("note", text)
    }

    /// Logs why an event could not be shown: a string of ours, or an `Error` of the browser.
    pub(crate) fn fault(&self, event: &Event, fault: JsValue) -> Result<(), JsValue> {
        let fault = String::from(Object::from(fault).to_string());
        self.entry(
            "fault",
            &["cannot show event ", &event.last_event_id, ": ", &fault].concat(),
        )
    }

    /// Logs a line that is no event.
    fn entry(&self, class: &str, text: &str) -> Result<(), JsValue> {
        let entry = dom::prepend(&self.0, "li", LIMIT)?;
        entry.set_class_name(class);
        entry.set_text_content(Some(text));
        Ok(())
    }
}
