//! A log of events, newest first, with its tools.

use core::cell::{Cell, RefCell};
use std::{collections::VecDeque, rc::Rc};

use js_sys::JsString;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlInputElement};

use crate::dom;

/// Maximum number of entries of a log.
const MAX_ENTRIES: usize = 300;

/// A handle of a list of entries. Clones share the list.
#[derive(Clone)]
pub(crate) struct Log(Rc<Inner>);

struct Inner {
    list: Element,
    pause: Element,
    filter: HtmlInputElement,
    /// The entries, oldest first.
    entries: RefCell<VecDeque<Entry>>,
    is_paused: Cell<bool>,
}

struct Entry {
    row: Element,
    /// The frame for an exported file, empty for entries that are not frames.
    block: String,
}

impl Log {
    /// Finds the list and its tools, and attaches their handlers. Exported files get the name `file`.
    pub(crate) fn find(id: &str, file: &'static str) -> Result<Self, JsValue> {
        let tool = |name: &str| dom::by_id(&[id, name].concat());
        let filter = tool("-filter")?.dyn_into();
        let filter = filter.map_err(|_| JsValue::from("the filter is not an input"))?;
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

    /// Attaches a handler to a tool.
    fn on(
        &self,
        tool: &Element,
        event: &str,
        handler: impl Fn(&Self) -> Result<(), JsValue> + 'static,
    ) -> Result<(), JsValue> {
        let log = self.clone();
        dom::on(tool, event, move |_| {
            if let Err(error) = handler(&log) {
                web_sys::console::error_1(&error);
            }
        })
    }

    /// Adds an entry: a row to show, and its frame.
    pub(crate) fn push(&self, row: Element, block: String) -> Result<(), JsValue> {
        self.filter(&row)?;
        let mut entries = self.0.entries.borrow_mut();
        if entries.len() == MAX_ENTRIES
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

    /// Adds a line of text that is not a frame.
    pub(crate) fn note(&self, class: &str, text: &str) -> Result<(), JsValue> {
        self.push(dom::create("li", class, text)?, String::new())
    }

    /// Pauses or resumes the log. A paused log keeps new entries, and shows them when it resumes.
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

    /// Shows a row if it contains the text of the filter, and hides it otherwise.
    fn filter(&self, row: &Element) -> Result<(), JsValue> {
        let lowercase = |text: String| JsString::from(text).to_lower_case();
        let query = String::from(lowercase(self.0.filter.value()));
        let matches = query.is_empty()
            || lowercase(row.text_content().unwrap_or_default()).includes(&query, 0);
        dom::set(row, "hidden", !matches)
    }

    fn clear(&self) -> Result<(), JsValue> {
        self.0.entries.borrow_mut().clear();
        self.0.list.set_text_content(None);
        Ok(())
    }

    /// Saves the visible entries as an event stream.
    fn export(&self, file: &str) -> Result<(), JsValue> {
        let entries = self.0.entries.borrow();
        let shown = entries
            .iter()
            .filter(|entry| entry.row.is_connected() && !entry.row.has_attribute("hidden"));
        let stream: String = shown.map(|entry| &*entry.block).collect();
        dom::download(file, "text/event-stream", &stream)
    }
}
