//! The JSON of an event.

use sse_wasm::Json;
use wasm_bindgen::JsValue;

/// A JSON object, read by the browser.
pub(crate) struct Record(Json);

impl Record {
    /// Reads an event's data.
    pub(crate) fn parse(data: &str) -> Result<Self, JsValue> {
        Json::parse(data).map(Self).ok_or_else(|| "no JSON".into())
    }

    /// The string of this name.
    pub(crate) fn text(&self, name: &str) -> Result<String, JsValue> {
        self.get(name, Json::text)
    }

    /// The strings of the array of this name.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, JsValue> {
        self.get(name, |value| {
            value.elements()?.map(|element| element.text()).collect()
        })
    }

    /// The number of this name.
    pub(crate) fn number(&self, name: &str) -> Result<f64, JsValue> {
        self.get(name, |value| {
            value.number().filter(|number| number.is_finite())
        })
    }

    /// The value of this name, if it is what is looked for.
    fn get<T>(&self, name: &str, read: impl Fn(&Json) -> Option<T>) -> Result<T, JsValue> {
        let value = self.0.get(name).and_then(|value| read(&value));
        value.ok_or_else(|| ["bad or missing ", name].concat().into())
    }
}
