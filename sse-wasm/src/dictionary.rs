use js_sys::Object;
use wasm_bindgen::{JsCast, JsValue};

/// Returns an empty dictionary for a function of the browser.
///
/// It has no prototype. The browser looks up missing members along the prototype chain, so a script that sets
/// `Object.prototype.headers` would otherwise change each request.
pub(crate) fn dictionary<T: JsCast>() -> T {
    let prototype: Object = JsValue::NULL.unchecked_into();
    Object::create(&prototype).unchecked_into()
}
