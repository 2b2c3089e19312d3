//! The JSON of an event.

use sse_wasm::Json;
use wasm_bindgen::JsValue;

/// A JSON object that the browser has parsed.
pub(crate) struct Record(Json);

impl Record {
    /// Parses the data of an event.
    pub(crate) fn parse(data: &str) -> Result<Self, JsValue> {
        Json::parse(data)
            .map(Self)
            .ok_or_else(|| "invalid JSON".into())
    }

    /// Returns the string of this name.
    pub(crate) fn text(&self, name: &str) -> Result<String, JsValue> {
        self.get(name, Json::text)
    }

    /// Returns the strings of the array of this name.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, JsValue> {
        self.get(name, |value| {
            value.elements()?.map(|element| element.text()).collect()
        })
    }

    /// Returns the number of this name.
    pub(crate) fn number(&self, name: &str) -> Result<f64, JsValue> {
        self.get(name, |value| {
            value.number().filter(|number| number.is_finite())
        })
    }

    /// Returns the value of this name, or an error if it is missing or has another type.
    fn get<T>(&self, name: &str, read: impl Fn(&Json) -> Option<T>) -> Result<T, JsValue> {
        let value = self.0.get(name).and_then(|value| read(&value));
        value.ok_or_else(|| ["missing or invalid: ", name].concat().into())
    }
}
