//! Time, timers, and chance, in windows and workers alike.

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

/// Longer, and browsers take it for nothing.
const LONGEST: f64 = i32::MAX as f64;

/// The time since the page or the worker began.
pub(crate) fn now() -> Duration {
    Duration::from_micros((performance_now() * 1000.0) as u64)
}

/// What decides all that is by chance.
pub(crate) fn seed() -> u64 {
    js_sys::Math::random().to_bits()
}

/// A timer that is later than this was not waited for: the page was busy, or asleep.
const LATE: Duration = Duration::from_millis(20);

/// How long the browser then has to hand over what may have come.
const GRACE: Duration = Duration::from_millis(100);

/// Silence that nobody could hear is none. So a time that passed unnoticed is over a little later.
#[derive(Default)]
pub(crate) struct Grace(Option<(Duration, Duration)>);

impl Grace {
    /// When this time is over.
    pub(crate) fn end_of(&mut self, time: Duration, now: Duration) -> Duration {
        match self.0 {
            Some((passed, end)) if passed == time => end,
            _ if now.saturating_sub(time) > LATE => {
                let end = now + GRACE;
                self.0 = Some((time, end));
                end
            }
            _ => time,
        }
    }
}

/// Calls back once, at this time or soon after it, unless it is dropped before. If the time is weeks
/// away it may call too early; and so it may by a little, for browsers round their clocks.
pub(crate) struct Timer {
    pub(crate) time: Duration,
    id: JsValue,
    _callback: Closure<dyn FnMut()>,
}

impl Timer {
    pub(crate) fn new(time: Duration, callback: impl FnMut() + 'static) -> Self {
        let callback = Closure::<dyn FnMut()>::new(callback);
        // Rounded down it would call too early.
        let wait = time.saturating_sub(now()).as_millis() as f64 + 1.0;
        let wait = wait.min(LONGEST);
        Self {
            time,
            id: set_timeout(callback.as_ref().unchecked_ref(), wait),
            _callback: callback,
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.id);
    }
}
