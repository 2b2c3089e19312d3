use js_sys::{Array, JSON, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// JSON, read by the browser's own `JSON.parse`: for pages that count their bytes. With the feature
/// `serde`, `MessageEvent::json` reads any type.
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
    /// Reads a text; `None` if it is no JSON.
    pub fn parse(text: &str) -> Option<Self> {
        JSON::parse(text).ok().map(Self)
    }

    /// The member of an object of this name, if there is one.
    pub fn get(&self, name: &str) -> Option<Self> {
        let (object, name) = (self.0.dyn_ref::<Object>()?, name.into());
        // Not what all objects inherit.
        let value = Object::has_own(object, &name).then(|| Reflect::get(object, &name));
        value?.ok().map(Self)
    }

    /// The elements, if it is an array.
    pub fn elements(&self) -> Option<impl Iterator<Item = Self> + use<>> {
        let array = self.0.dyn_ref::<Array>()?;
        Some(array.to_vec().into_iter().map(Self))
    }

    /// If it is a string.
    pub fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    /// If it is a number.
    pub fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    /// If it is `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        self.0.as_bool()
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        self.0.is_null()
    }
}

impl AsRef<JsValue> for Json {
    fn as_ref(&self) -> &JsValue {
        &self.0
    }
}
