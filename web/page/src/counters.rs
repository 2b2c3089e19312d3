//! What the server says of itself.

use wasm_bindgen::JsValue;
use web_sys::Element;

use crate::{dom, record::Record};

/// The counters of the server, by their names.
pub(crate) struct Counters([(&'static str, Element); 3]);

impl Counters {
    /// Finds their elements.
    pub(crate) fn find() -> Result<Self, JsValue> {
        let counter = |name| Ok::<_, JsValue>((name, dom::by_id(name)?));
        Ok(Self([
            counter("streams")?,
            counter("published")?,
            counter("delivered")?,
        ]))
    }

    /// Shows what an event says.
    pub(crate) fn show(&self, data: &str) -> Result<(), JsValue> {
        let counters = Record::parse(data)?;
        for (name, element) in &self.0 {
            dom::show(element, &dom::fixed(counters.number(name)?, 0)?);
        }
        Ok(())
    }
}
