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
    /// Which one it is of several, and where the others are.
    node: Element,
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
            node: dom::by_id("node")?,
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
        self.show_node(&record)
    }

    /// Shows what a server says that is one of several.
    fn show_node(&self, record: &Record) -> Result<(), JsValue> {
        let Ok(node) = record.text("node") else {
            return Ok(());
        };
        if self.node.get_attribute("data-node").as_ref() == Some(&node) {
            return Ok(());
        }
        self.node.set_attribute("data-node", &node)?;
        dom::show(&self.node, &node);
        for url in record.texts("others")? {
            dom::append(&self.node, "span", "", " · the same events: ")?;
            dom::append(&self.node, "a", "", &url)?.set_attribute("href", &url)?;
        }
        Ok(())
    }
}
