use core::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure, prelude::wasm_bindgen};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::AbortController;

use crate::browser::{dictionary, has_global};

#[wasm_bindgen]
extern "C" {
    /// `navigator.locks.request` of the window or the worker.
    #[wasm_bindgen(js_namespace = ["navigator", "locks"], js_name = request)]
    fn request(name: &str, options: &Object, granted: &Function) -> Promise;
}

/// A lock of the origin, or a pending request for it. Dropping it releases the lock.
pub(super) struct Lock {
    /// Resolves the promise that holds the lock. `None` until the lock is granted.
    release: Rc<RefCell<Option<Function>>>,
    /// Aborts the pending request.
    pending_request: AbortController,
    _granted: Closure<dyn FnMut(JsValue) -> Promise>,
}

/// Returns whether this window or worker has locks and channels.
pub(super) fn is_supported() -> bool {
    let navigator = Reflect::get(&js_sys::global(), &"navigator".into());
    let locks = navigator.and_then(|navigator| Reflect::get(&navigator, &"locks".into()));
    locks.is_ok_and(|locks| !locks.is_undefined()) && has_global("BroadcastChannel")
}

impl Lock {
    /// Requests the lock, and calls back when it is granted, unless it is dropped before.
    pub(super) fn request(
        name: &str,
        on_granted: impl FnOnce() + 'static,
    ) -> Result<Self, JsValue> {
        let pending_request = AbortController::new()?;
        let options: Object = dictionary();
        Reflect::set(&options, &"signal".into(), &pending_request.signal())?;
        let release = Rc::<RefCell<Option<Function>>>::default();
        let mut on_granted = Some(on_granted);
        let granted = {
            let release = Rc::clone(&release);
            Closure::new(move |_| {
                let hold = Promise::new(&mut |resolve, _| {
                    release.replace(Some(resolve));
                });
                if let Some(on_granted) = on_granted.take() {
                    on_granted();
                }
                hold
            })
        };
        let request = request(name, &options, granted.as_ref().unchecked_ref());
        // The promise is rejected when the request is aborted, which is not an error.
        spawn_local(async { drop(JsFuture::from(request).await) });
        Ok(Self {
            release,
            pending_request,
            _granted: granted,
        })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        match self.release.take() {
            Some(release) => drop(release.call0(&JsValue::UNDEFINED)),
            None => self.pending_request.abort(),
        }
    }
}
