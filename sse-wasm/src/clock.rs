//! Time, timers and random seeds, in windows and in workers.

use core::time::Duration;

use js_sys::Function;
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;

    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: f64) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(id: &JsValue);
}

/// Maximum delay of `setTimeout`, in milliseconds. Browsers treat a longer delay as 0.
const MAX_TIMEOUT_MS: f64 = i32::MAX as f64;

/// Returns the time since the page or the worker started.
pub(crate) fn now() -> Duration {
    Duration::from_micros((performance_now() * 1000.0) as u64)
}

/// Returns a random seed for the jitter of delays.
pub(crate) fn seed() -> u64 {
    js_sys::Math::random().to_bits()
}

/// A timer that calls back once, at its time or soon after it, unless it is dropped before.
///
/// It can call too early: by a little, because browsers round their clocks, or if its time is more than
/// 24 days away.
pub(crate) struct Timer {
    pub(crate) time: Duration,
    id: JsValue,
    _callback: Closure<dyn FnMut()>,
}

impl Timer {
    pub(crate) fn new(time: Duration, callback: impl FnMut() + 'static) -> Self {
        let callback = Closure::<dyn FnMut()>::new(callback);
        // `as_millis` rounds down, so without the extra millisecond it would call too early.
        let delay = time.saturating_sub(now()).as_millis() as f64 + 1.0;
        let delay = delay.min(MAX_TIMEOUT_MS);
        Self {
            time,
            id: set_timeout(callback.as_ref().unchecked_ref(), delay),
            _callback: callback,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.id);
    }
}
