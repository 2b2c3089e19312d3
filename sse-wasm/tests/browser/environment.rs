//! The browser, the time and the memory of a test.

use core::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use std::rc::Rc;

use js_sys::{Array, ArrayBuffer, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Event, EventTarget, Performance};

pub(crate) fn is_firefox() -> bool {
    let name = get(&global("navigator"), "userAgent").as_string();
    name.expect("a name").contains("Firefox/")
}

pub(crate) fn is_window() -> bool {
    !global("document").is_undefined()
}

/// Returns the maximum time in milliseconds that a test waits for something that has to happen.
///
/// It is three minutes, scaled by `TEST_TIMEOUT_SCALE` as in testkit. A browser has no environment variables, so the
/// variable is read at compile time.
pub(crate) fn test_timeout() -> u32 {
    const TIMEOUT: f64 = 180_000.0;
    let scale = option_env!("TEST_TIMEOUT_SCALE").unwrap_or("1");
    #[expect(clippy::disallowed_methods, reason = "not a field of an event stream")]
    let scale = scale.parse::<f64>();
    (TIMEOUT * scale.expect("a number")) as u32
}

/// Returns the time since the page or the worker started, in milliseconds.
pub(crate) fn now() -> f64 {
    global("performance").unchecked_into::<Performance>().now()
}

pub(crate) fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).expect("an object")
}

/// Returns a property of the global object, in windows and in all kinds of workers.
pub(crate) fn global(name: &str) -> JsValue {
    get(&js_sys::global(), name)
}

/// Calls a global function.
///
/// It is not declared with `extern "C"`, because the symbol would collide with the declaration in the library, which is
/// in the same package.
pub(crate) fn call(name: &str, arguments: &Array) -> JsValue {
    let function: Function = global(name).unchecked_into();
    let result = function.apply(&JsValue::UNDEFINED, arguments);
    result.expect("a function that does not throw")
}

/// Runs a function while the global object has no property of this name.
pub(crate) fn without<T>(name: &str, run: impl FnOnce() -> T) -> T {
    let (object, original) = (js_sys::global(), global(name));
    let name = JsValue::from_str(name);
    Reflect::delete_property(&object, &name).expect("a property that can be deleted");
    if Reflect::has(&object, &name).expect("an object") {
        // Workers inherit the property from their prototype.
        Reflect::set(&object, &name, &JsValue::UNDEFINED).expect("a writable property");
    }
    let result = run();
    Reflect::set(&object, &name, &original).expect("a writable property");
    result
}

/// Future that is ready after a number of milliseconds. Unlike a promise, it leaks nothing when it is dropped.
pub(crate) struct Pause {
    id: JsValue,
    is_over: Rc<Cell<bool>>,
    waker: Rc<RefCell<Option<Waker>>>,
    _callback: Closure<dyn FnMut()>,
}

pub(crate) fn pause(milliseconds: u32) -> Pause {
    let is_over = Rc::<Cell<bool>>::default();
    let waker = Rc::<RefCell<Option<Waker>>>::default();
    let (is_over_clone, waker_clone) = (Rc::clone(&is_over), Rc::clone(&waker));
    let callback = Closure::<dyn FnMut()>::new(move || {
        is_over_clone.set(true);
        if let Some(waker) = waker_clone.take() {
            waker.wake();
        }
    });
    Pause {
        id: call(
            "setTimeout",
            &Array::of2(callback.as_ref(), &milliseconds.into()),
        ),
        is_over,
        waker,
        _callback: callback,
    }
}

impl Future for Pause {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_over.get() {
            return Poll::Ready(());
        }
        self.waker.replace(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        call("clearTimeout", &Array::of1(&self.id));
    }
}

/// Makes the document report that it is hidden, or visible, because no browser hides the page of a test.
pub(crate) fn hide(is_hidden: bool) {
    let document = global("document");
    let property = Object::new();
    Reflect::set(&property, &"value".into(), &is_hidden.into()).unwrap();
    Reflect::set(&property, &"configurable".into(), &JsValue::TRUE).unwrap();
    Reflect::define_property(
        document.unchecked_ref::<Object>(),
        &"hidden".into(),
        &property,
    )
    .unwrap();
    let event = Event::new("visibilitychange").unwrap();
    let target: EventTarget = document.unchecked_into();
    target.dispatch_event(&event).unwrap();
}

/// Returns the memory of this wasm module in bytes, and the number of browser objects that it holds.
pub(crate) fn memory_use() -> (f64, u32) {
    let buffer: ArrayBuffer = get(&wasm_bindgen::memory(), "buffer").unchecked_into();
    let bytes = buffer.byte_length();
    (bytes.into(), wasm_bindgen::externref_heap_live_count())
}
