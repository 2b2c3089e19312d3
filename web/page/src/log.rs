//! A log: what came, newest first, and the tools above it.

use core::cell::{Cell, RefCell};
use std::{collections::VecDeque, rc::Rc};

use js_sys::JsString;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlInputElement};

use crate::dom;

/// How many entries are kept.
const LIMIT: usize = 300;

/// A handle of a list of entries; clones are of the same.
#[derive(Clone)]
pub(crate) struct Log(Rc<Inner>);

struct Inner {
    list: Element,
    pause: Element,
    filter: HtmlInputElement,
    /// Oldest first.
    entries: RefCell<VecDeque<Entry>>,
    is_paused: Cell<bool>,
}

struct Entry {
    row: Element,
    /// What goes into an exported file; nothing for what did not come over the wire.
    block: String,
}

impl Log {
    /// Finds its list and its tools, and has them work. What it exports gets this name.
    pub(crate) fn find(id: &str, file: &'static str) -> Result<Self, JsValue> {
        let tool = |name: &str| dom::by_id(&[id, name].concat());
        let filter = tool("-filter")?.dyn_into();
        let filter = filter.map_err(|_| JsValue::from("a filter is no input"))?;
        let log = Self(Rc::new(Inner {
            list: dom::by_id(id)?,
            pause: tool("-pause")?,
            filter,
            entries: RefCell::default(),
            is_paused: Cell::default(),
        }));
        log.on(&log.0.pause, "click", Self::toggle_pause)?;
        log.on(&log.0.filter, "input", Self::apply_filter)?;
        log.on(&tool("-clear")?, "click", Self::clear)?;
        log.on(&tool("-export")?, "click", move |log| log.export(file))?;
        Ok(log)
    }

    /// Has a tool do something.
    fn on(
        &self,
        tool: &Element,
        event: &str,
        act: impl Fn(&Self) -> Result<(), JsValue> + 'static,
    ) -> Result<(), JsValue> {
        let log = self.clone();
        dom::on(tool, event, move |_| {
            if let Err(fault) = act(&log) {
                web_sys::console::error_1(&fault);
            }
        })
    }

    /// Logs what came: a row to show, and the same as it goes over the wire.
    pub(crate) fn push(&self, row: Element, block: String) -> Result<(), JsValue> {
        self.filter(&row)?;
        let mut entries = self.0.entries.borrow_mut();
        if entries.len() == LIMIT
            && let Some(oldest) = entries.pop_front()
        {
            oldest.row.remove();
        }
        if !self.0.is_paused.get() {
            dom::prepend(&self.0.list, &row)?;
        }
        entries.push_back(Entry { row, block });
        Ok(())
    }

    /// Logs something else, in a line of its own.
    pub(crate) fn note(&self, class: &str, text: &str) -> Result<(), JsValue> {
        self.push(dom::create("li", class, text)?, String::new())
    }

    /// While it is paused, what comes is kept and not shown.
    fn toggle_pause(&self) -> Result<(), JsValue> {
        let is_paused = !self.0.is_paused.get();
        self.0.is_paused.set(is_paused);
        dom::show(&self.0.pause, if is_paused { "Resume" } else { "Pause" });
        if !is_paused {
            for entry in &*self.0.entries.borrow() {
                if !entry.row.is_connected() {
                    dom::prepend(&self.0.list, &entry.row)?;
                }
            }
        }
        Ok(())
    }

    fn apply_filter(&self) -> Result<(), JsValue> {
        let entries = self.0.entries.borrow();
        entries.iter().try_for_each(|entry| self.filter(&entry.row))
    }

    /// Shows a row that has what is looked for, and hides others.
    fn filter(&self, row: &Element) -> Result<(), JsValue> {
        let lower = |text: String| JsString::from(text).to_lower_case();
        let wanted = String::from(lower(self.0.filter.value()));
        let is_wanted =
            wanted.is_empty() || lower(row.text_content().unwrap_or_default()).includes(&wanted, 0);
        dom::set(row, "hidden", !is_wanted)
    }

    fn clear(&self) -> Result<(), JsValue> {
        self.0.entries.borrow_mut().clear();
        self.0.list.set_text_content(None);
        Ok(())
    }

    /// Saves what is shown as an event stream.
    fn export(&self, file: &str) -> Result<(), JsValue> {
        let entries = self.0.entries.borrow();
        let shown = entries
            .iter()
            .filter(|entry| entry.row.is_connected() && !entry.row.has_attribute("hidden"));
        let stream: String = shown.map(|entry| &*entry.block).collect();
        dom::download(file, "text/event-stream", &stream)
    }
}
