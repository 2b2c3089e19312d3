use js_sys::{Array, JSON, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// A JSON value, parsed by the browser's own `JSON.parse`.
///
/// Use it in pages that must stay small. Otherwise use `MessageEvent::json` of the feature `json`, which deserializes
/// into any type.
///
/// ```no_run
/// # fn example(event: sse_wasm::Event) -> Option<()> {
/// let stock = sse_wasm::Json::parse(&event.data)?;
/// let (symbol, price) = (stock.get("symbol")?.text()?, stock.get("price")?.number()?);
/// # Some(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Json(JsValue);

impl Json {
    /// Parses a text, or returns `None` if it is not valid JSON.
    pub fn parse(text: &str) -> Option<Self> {
        JSON::parse(text).ok().map(Self)
    }

    /// Returns the member of an object with this name, if there is one.
    pub fn get(&self, name: &str) -> Option<Self> {
        let (object, name) = (self.0.dyn_ref::<Object>()?, name.into());
        // Inherited members do not count.
        let value = Object::has_own(object, &name).then(|| Reflect::get(object, &name));
        value?.ok().map(Self)
    }

    /// Returns the elements of an array, or `None` if the value is not an array.
    pub fn elements(&self) -> Option<impl Iterator<Item = Self> + use<>> {
        let array = self.0.dyn_ref::<Array>()?;
        Some(array.to_vec().into_iter().map(Self))
    }

    /// Returns the string, or `None` if the value is not a string.
    pub fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    /// Returns the number, or `None` if the value is not a number.
    pub fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    /// Returns the boolean, or `None` if the value is not `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        self.0.as_bool()
    }

    /// Returns whether the value is `null`.
    pub fn is_null(&self) -> bool {
        self.0.is_null()
    }
}

impl AsRef<JsValue> for Json {
    fn as_ref(&self) -> &JsValue {
        &self.0
    }
}
