//! Finding and making elements. Texts go in as text, never as markup.

use js_sys::Number;
use wasm_bindgen::JsValue;
use web_sys::{Document, Element};

/// The element of the page with this ID.
pub(crate) fn by_id(id: &str) -> Result<Element, JsValue> {
    let element = document()?.get_element_by_id(id);
    element.ok_or_else(|| ["the page has no #", id].concat().into())
}

/// A new element with this text, the last one in its parent.
pub(crate) fn append(
    parent: &Element,
    name: &str,
    class: &str,
    text: &str,
) -> Result<Element, JsValue> {
    let element = document()?.create_element(name)?;
    if !class.is_empty() {
        element.set_class_name(class);
    }
    element.set_text_content(Some(text));
    parent.append_child(&element)?;
    Ok(element)
}

/// A new element of a drawing, the last one in its parent.
pub(crate) fn append_svg(parent: &Element, name: &str) -> Result<Element, JsValue> {
    let element = document()?.create_element_ns(Some("http://www.w3.org/2000/svg"), name)?;
    parent.append_child(&element)?;
    Ok(element)
}

/// A new element, the first one in a list. What is over the limit falls off the list's end.
pub(crate) fn prepend(list: &Element, name: &str, limit: u32) -> Result<Element, JsValue> {
    let element = document()?.create_element(name)?;
    list.insert_before(&element, list.first_child().as_ref())?;
    if list.child_element_count() > limit
        && let Some(oldest) = list.last_element_child()
    {
        oldest.remove();
    }
    Ok(element)
}

/// A number with so many digits after the point.
pub(crate) fn fixed(number: f64, digits: u8) -> Result<String, JsValue> {
    Number::from(number).to_fixed(digits).map(String::from)
}

/// The page.
fn document() -> Result<Document, JsValue> {
    let document = web_sys::window().and_then(|window| window.document());
    document.ok_or_else(|| "not in a page".into())
}
