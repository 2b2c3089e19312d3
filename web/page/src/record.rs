//! The JSON of an event.

use js_sys::{JSON, Reflect};
use wasm_bindgen::JsValue;

/// A JSON object, read by the browser.
pub(crate) struct Record(JsValue);

impl Record {
    /// Reads an event's data.
    pub(crate) fn parse(data: &str) -> Result<Self, JsValue> {
        JSON::parse(data).map(Self)
    }

    /// The string of this name.
    pub(crate) fn text(&self, name: &str) -> Result<String, JsValue> {
        self.get(name, JsValue::as_string)
    }

    /// The number of this name.
    pub(crate) fn number(&self, name: &str) -> Result<f64, JsValue> {
        self.get(name, |value| {
            value.as_f64().filter(|number| number.is_finite())
        })
    }

    /// The value of this name, if it is what is looked for.
    fn get<T>(&self, name: &str, read: impl Fn(&JsValue) -> Option<T>) -> Result<T, JsValue> {
        let value = Reflect::get(&self.0, &name.into())?;
        read(&value).ok_or_else(|| ["bad or missing ", name].concat().into())
    }
}
