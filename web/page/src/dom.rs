//! Helpers to find, create and listen to elements. Texts are inserted as text, never as markup.

use js_sys::{Array, Number, Promise};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    AddEventListenerOptions, Blob, BlobPropertyBag, Document, Element, Event, EventTarget,
    HtmlAnchorElement, RequestInit, Response, Url, Window,
};

/// Returns the element of the page with this ID.
pub(crate) fn by_id(id: &str) -> Result<Element, JsValue> {
    let element = document()?.get_element_by_id(id);
    element.ok_or_else(|| ["the page has no #", id].concat().into())
}

/// Returns all elements that match a selector.
pub(crate) fn all(selector: &str) -> Result<Vec<Element>, JsValue> {
    let nodes = document()?.query_selector_all(selector)?;
    let nodes = (0..nodes.length()).filter_map(|index| nodes.get(index));
    Ok(nodes.filter_map(|node| node.dyn_into().ok()).collect())
}

/// Creates an element with this text, and appends it to its parent.
pub(crate) fn append(
    parent: &Element,
    name: &str,
    class: &str,
    text: &str,
) -> Result<Element, JsValue> {
    let element = create(name, class, text)?;
    parent.append_child(&element)?;
    Ok(element)
}

/// Creates an element with this text, without a parent.
pub(crate) fn create(name: &str, class: &str, text: &str) -> Result<Element, JsValue> {
    let element = document()?.create_element(name)?;
    if !class.is_empty() {
        element.set_class_name(class);
    }
    element.set_text_content(Some(text));
    Ok(element)
}

/// Creates an SVG element, and appends it to its parent.
pub(crate) fn append_svg(parent: &Element, name: &str) -> Result<Element, JsValue> {
    let element = document()?.create_element_ns(Some("http://www.w3.org/2000/svg"), name)?;
    parent.append_child(&element)?;
    Ok(element)
}

/// Inserts an element as the first child of its parent.
pub(crate) fn prepend(parent: &Element, element: &Element) -> Result<(), JsValue> {
    parent.insert_before(element, parent.first_child().as_ref())?;
    Ok(())
}

/// Sets an attribute without a value, or removes it.
pub(crate) fn set(element: &Element, attribute: &str, is_set: bool) -> Result<(), JsValue> {
    element.toggle_attribute_with_force(attribute, is_set)?;
    Ok(())
}

/// Shows a text, unless the element already shows it.
pub(crate) fn show(element: &Element, text: &str) {
    if element.text_content().is_none_or(|shown| shown != text) {
        element.set_text_content(Some(text));
    }
}

/// Calls back with each event of this name, as long as the page exists.
pub(crate) fn on(
    target: &EventTarget,
    name: &str,
    callback: impl FnMut(Event) + 'static,
) -> Result<(), JsValue> {
    let callback = Closure::<dyn FnMut(Event)>::new(callback).into_js_value();
    target.add_event_listener_with_callback(name, callback.unchecked_ref())
}

/// Waits for the next event of this name.
pub(crate) async fn next_event(target: &EventTarget, name: &str) -> Result<(), JsValue> {
    let once = AddEventListenerOptions::new();
    once.set_once(true);
    let event = Promise::new(&mut |resolve, _| {
        // It throws only if the callback is not a function.
        let _ = target
            .add_event_listener_with_callback_and_add_event_listener_options(name, &resolve, &once);
    });
    JsFuture::from(event).await.map(drop)
}

/// Waits for this time, with a timer of the browser.
pub(crate) async fn sleep(milliseconds: f64) -> Result<(), JsValue> {
    let window = window()?;
    let timer = Promise::new(&mut |resolve, _| {
        // It throws only if the callback is not a function.
        let _ = window
            .set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds as i32);
    });
    JsFuture::from(timer).await.map(drop)
}

/// Makes the browser save a file.
pub(crate) fn download(name: &str, content_type: &str, text: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(content_type);
    let parts = Array::of1(&text.into());
    let url = Url::create_object_url_with_blob(&Blob::new_with_str_sequence_and_options(
        &parts, &options,
    )?)?;
    let link: HtmlAnchorElement = create("a", "", "")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    Url::revoke_object_url(&url)
}

/// Sends a `POST` without a body, and returns the body of the response.
pub(crate) async fn post(url: &str) -> Result<String, JsValue> {
    let init = RequestInit::new();
    init.set_method("POST");
    let response = JsFuture::from(window()?.fetch_with_str_and_init(url, &init)).await?;
    let response: Response = response.dyn_into()?;
    let text = JsFuture::from(response.text()?).await?;
    Ok(text.as_string().unwrap_or_default())
}

/// Formats a number with this number of digits after the point.
pub(crate) fn format_fixed(number: f64, digits: u8) -> Result<String, JsValue> {
    Number::from(number).to_fixed(digits).map(String::from)
}

/// Formats an integer.
pub(crate) fn format_integer(number: u64) -> Result<String, JsValue> {
    format_fixed(number as f64, 0)
}

/// Returns the window.
pub(crate) fn window() -> Result<Window, JsValue> {
    web_sys::window().ok_or_else(|| "not in a page".into())
}

/// Returns the document of the page.
fn document() -> Result<Document, JsValue> {
    window()?.document().ok_or_else(|| "not in a page".into())
}

/// Runs a part of the page. Its errors are logged to the console.
pub(crate) fn spawn(part: impl Future<Output = Result<(), JsValue>> + 'static) {
    spawn_local(async {
        if let Err(error) = part.await {
            web_sys::console::error_1(&error);
        }
    });
}
