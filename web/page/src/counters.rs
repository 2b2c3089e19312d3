//! What the server says of itself.

use wasm_bindgen::JsValue;
use web_sys::Element;

use crate::{dom, record::Record};

/// What the server counts, for all that listen to it.
const NAMES: [&str; 7] = [
    "subscribers",
    "published",
    "delivered",
    "replayed",
    "dropped",
    "lagged",
    "resets",
];

/// What the server says of itself.
pub(crate) struct Counters {
    /// The ID of the newest event.
    newest: Element,
    /// In the order of their names.
    counters: Vec<Element>,
}

impl Counters {
    /// Finds their elements.
    pub(crate) fn find() -> Result<Self, JsValue> {
        let element = |name| dom::by_id(&["server-", name].concat());
        Ok(Self {
            newest: element("newest")?,
            counters: NAMES.into_iter().map(element).collect::<Result<_, _>>()?,
        })
    }

    /// Shows what an event says.
    pub(crate) fn show(&self, data: &str) -> Result<(), JsValue> {
        let record = Record::parse(data)?;
        dom::show(&self.newest, &record.text("newest")?);
        for (name, element) in NAMES.iter().zip(&self.counters) {
            dom::show(element, &dom::fixed(record.number(name)?, 0)?);
        }
        Ok(())
    }
}
