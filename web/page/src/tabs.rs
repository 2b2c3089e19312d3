//! Tabs by the [authoring practices](https://www.w3.org/WAI/ARIA/apg/patterns/tabs/).
//!
//! The tab key reaches only the selected tab, and the arrow keys the others.

use std::rc::Rc;

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement, KeyboardEvent};

use crate::dom;

/// Attaches handlers to the tabs, which select their panels.
pub(crate) fn set_up() -> Result<(), JsValue> {
    let tabs: Rc<[Element]> = dom::all("[role=tab]")?.into();
    for (index, tab) in tabs.iter().enumerate() {
        let all = Rc::clone(&tabs);
        dom::on(tab, "click", move |_| select(&all, index))?;
        let all = Rc::clone(&tabs);
        dom::on(tab, "keydown", move |event| {
            let key = event.dyn_ref().map(KeyboardEvent::key);
            let last = all.len() - 1;
            let index = match key.as_deref() {
                Some("ArrowRight") if index == last => 0,
                Some("ArrowRight") => index + 1,
                Some("ArrowLeft") if index == 0 => last,
                Some("ArrowLeft") => index - 1,
                Some("Home") => 0,
                Some("End") => last,
                _ => return,
            };
            event.prevent_default();
            select(&all, index);
        })?;
    }
    Ok(())
}

fn select(tabs: &[Element], index: usize) {
    for (other, tab) in tabs.iter().enumerate() {
        // These calls do not throw, because the attribute names are valid and the panels exist.
        let is_selected = other == index;
        let selected = if is_selected { "true" } else { "false" };
        let _ = tab.set_attribute("aria-selected", selected);
        let _ = tab.set_attribute("tabindex", if is_selected { "0" } else { "-1" });
        let panel = tab.get_attribute("aria-controls").unwrap_or_default();
        let _ = dom::by_id(&panel).and_then(|panel| dom::set(&panel, "hidden", !is_selected));
        if is_selected && let Some(tab) = tab.dyn_ref::<HtmlElement>() {
            let _ = tab.focus();
        }
    }
}
