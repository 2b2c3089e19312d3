//! The counters of the server.

use wasm_bindgen::JsValue;
use web_sys::Element;

use crate::{dom, record::Record};

/// Names of the counters.
const NAMES: [&str; 7] = [
    "subscribers",
    "published",
    "delivered",
    "replayed",
    "dropped",
    "lagged",
    "resets",
];

/// The elements that show the counters of the server.
pub(crate) struct Counters {
    /// The node of the server, and links to the other nodes.
    node: Element,
    /// The ID of the latest event.
    latest: Element,
    /// The counters, in the order of their names.
    counters: Vec<Element>,
}

impl Counters {
    /// Finds the elements.
    pub(crate) fn find() -> Result<Self, JsValue> {
        let element = |name| dom::by_id(&["server-", name].concat());
        Ok(Self {
            node: dom::by_id("node")?,
            latest: element("latest")?,
            counters: NAMES.into_iter().map(element).collect::<Result<_, _>>()?,
        })
    }

    /// Shows the counters of a `server` event.
    pub(crate) fn show(&self, data: &str) -> Result<(), JsValue> {
        let record = Record::parse(data)?;
        dom::show(&self.latest, &record.text("latest")?);
        for (name, element) in NAMES.iter().zip(&self.counters) {
            dom::show(element, &dom::format_fixed(record.number(name)?, 0)?);
        }
        self.show_node(&record)
    }

    /// Shows the node and links to the other nodes, if there are several servers.
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
