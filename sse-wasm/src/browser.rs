//! Access to the browser: feature checks, listeners of its events, and option dictionaries for its functions.

use js_sys::{Object, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Event, EventTarget};

/// Returns whether this window or worker has an `EventSource`.
pub fn is_supported() -> bool {
    has_global("EventSource")
}

/// Returns whether this window or worker has a `fetch` that can read the body of a response while it arrives.
#[cfg(feature = "fetch")]
pub fn is_fetch_supported() -> bool {
    has_global("fetch") && has_global("ReadableStream") && has_global("AbortController")
}

/// Returns whether the global object of the window or the worker has a property of this name.
pub(crate) fn has_global(name: &str) -> bool {
    Reflect::get(&js_sys::global(), &name.into()).is_ok_and(|value| !value.is_undefined())
}

/// A listener of an event target, which is removed when it is dropped.
pub(crate) struct Listener {
    target: EventTarget,
    name: &'static str,
    callback: Closure<dyn FnMut(Event)>,
}

impl Listener {
    pub(crate) fn new(
        target: &EventTarget,
        name: &'static str,
        callback: impl FnMut(Event) + 'static,
    ) -> Self {
        let callback = Closure::<dyn FnMut(Event)>::new(callback);
        let function = callback.as_ref().unchecked_ref();
        // It throws only if the listener is neither a function nor an object.
        let _ = target.add_event_listener_with_callback(name, function);
        Self {
            target: target.clone(),
            name,
            callback,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let function = self.callback.as_ref().unchecked_ref();
        let _ = self
            .target
            .remove_event_listener_with_callback(self.name, function);
    }
}

/// Returns an empty dictionary for a function of the browser.
///
/// It has no prototype. The browser looks up missing members along the prototype chain, so a script that sets
/// `Object.prototype.headers` would otherwise change each request.
pub(crate) fn dictionary<T: JsCast>() -> T {
    let prototype: Object = JsValue::NULL.unchecked_into();
    Object::create(&prototype).unchecked_into()
}
