use js_sys::Object;
use wasm_bindgen::{JsCast, JsValue};

/// Returns an empty dictionary for a function of the browser's.
///
/// It has no prototype. A browser reads what a dictionary does not have along its prototype chain, so a script that
/// sets `Object.prototype.headers` would change each request.
pub(crate) fn dictionary<T: JsCast>() -> T {
    let prototype: Object = JsValue::NULL.unchecked_into();
    Object::create(&prototype).unchecked_into()
}
