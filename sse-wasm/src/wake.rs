//! Detects when a client should reconnect at once, because its connection is dead or its delay is out of date.
//!
//! This is the case when the network is back, when the page is restored from the browser's back/forward cache, and
//! after the machine was asleep. Windows have events for the network and the page, workers for the network. Sleep is detected by
//! the clock. Outside of browsers, for example in Node, nothing is watched.

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};
use std::rc::Rc;

use js_sys::{Date, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::EventTarget;

use crate::{
    browser::Listener,
    clock::{Timer, now},
};

/// Interval between checks of the wall clock.
const SLEEP_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Time between two checks from which the machine counts as having slept. Timers of a hidden page are up to a minute
/// late.
const MIN_SLEEP: Duration = Duration::from_secs(90);

/// A watcher that calls back at each wake-up, until it is dropped.
pub(crate) struct WakeWatcher {
    on_wake: Box<dyn Fn()>,
    /// The wall-clock time of the last check or event, in milliseconds. The page's clock and its timers stop during
    /// sleep.
    last_check: Cell<f64>,
    sleep_check: RefCell<Option<Timer>>,
    pending_wake: RefCell<Option<Timer>>,
    listeners: RefCell<Vec<Listener>>,
}

impl WakeWatcher {
    /// Starts to watch, or returns `None` outside of browsers.
    pub(crate) fn watch(on_wake: impl Fn() + 'static) -> Option<Rc<Self>> {
        let window = window()?;
        let watcher = Rc::new(Self {
            on_wake: Box::new(on_wake),
            last_check: Cell::new(Date::now()),
            sleep_check: RefCell::default(),
            pending_wake: RefCell::default(),
            listeners: RefCell::default(),
        });
        watcher.listen(&window, "online", |_| true);
        watcher.listen(&window, "pageshow", |event| {
            Reflect::get(event, &"persisted".into()).is_ok_and(|persisted| persisted.is_truthy())
        });
        if let Some(document) = object(&window, "document") {
            // The browser resumes a page that it had frozen.
            watcher.listen(&document, "resume", |_| true);
        }
        watcher.schedule_sleep_check();
        Some(watcher)
    }

    fn listen(
        self: &Rc<Self>,
        target: &EventTarget,
        name: &'static str,
        is_wake: fn(&JsValue) -> bool,
    ) {
        let this = Rc::downgrade(self);
        let listener = Listener::new(target, name, move |event| {
            if let Some(this) = this.upgrade()
                && is_wake(&event)
            {
                this.last_check.set(Date::now());
                this.wake_soon();
            }
        });
        self.listeners.borrow_mut().push(listener);
    }

    /// Calls back once for all events of the same moment, because a restored page gets two events.
    fn wake_soon(self: &Rc<Self>) {
        let this = Rc::downgrade(self);
        self.pending_wake.borrow_mut().get_or_insert_with(|| {
            Timer::new(now(), move || {
                let Some(this) = this.upgrade() else { return };
                let fired = this.pending_wake.take();
                (this.on_wake)();
                drop(fired);
            })
        });
    }

    /// Sets the timer for the next check of the wall clock.
    fn schedule_sleep_check(self: &Rc<Self>) {
        let this = Rc::downgrade(self);
        let timer = Timer::new(now() + SLEEP_CHECK_INTERVAL, move || {
            let Some(this) = this.upgrade() else { return };
            let fired = this.sleep_check.take();
            let time = Date::now();
            let elapsed = time - this.last_check.replace(time);
            this.schedule_sleep_check();
            if elapsed >= MIN_SLEEP.as_millis() as f64 {
                (this.on_wake)();
            }
            // Not dropped earlier, because its callback is running.
            drop(fired);
        });
        self.sleep_check.replace(Some(timer));
    }
}

/// Returns the window, or the worker of a browser, which has events for the network.
fn window() -> Option<EventTarget> {
    let global = js_sys::global();
    object(&global, "window").or_else(|| {
        let navigator = object(&global, "navigator")?;
        let is_online = Reflect::get(&navigator, &"onLine".into()).ok()?;
        is_online.as_bool().map(|_| global.unchecked_into())
    })
}

fn object(holder: &JsValue, name: &str) -> Option<EventTarget> {
    let object = Reflect::get(holder, &name.into()).ok()?;
    object.is_object().then(|| object.unchecked_into())
}
