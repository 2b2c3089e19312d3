//! Detects when a client should reconnect at once, because its connection is dead or its delay is out of date.
//!
//! That is when the network is back, when the page is restored from the browser's back/forward cache, and after the
//! machine was asleep. Windows have events for the network and the page, workers for the network. Sleep is detected by
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
    clock::{Timer, now},
    listener::Listener,
};

/// Interval between checks of the wall clock.
const SLEEP_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Time between two checks from which the machine counts as having slept. Timers of a hidden page are up to a minute
/// late.
const MIN_SLEEP: Duration = Duration::from_secs(90);

/// A watcher that calls back at each wake-up, until it is dropped.
pub(crate) struct Wake {
    on_wake: Box<dyn Fn()>,
    /// The wall-clock time of the last check or event, in milliseconds. The page's clock and its timers stop during
    /// sleep.
    awake_at: Cell<f64>,
    timer: RefCell<Option<Timer>>,
    soon: RefCell<Option<Timer>>,
    listeners: RefCell<Vec<Listener>>,
}

impl Wake {
    /// Starts to watch, or returns `None` outside of browsers.
    pub(crate) fn watch(on_wake: impl Fn() + 'static) -> Option<Rc<Self>> {
        let window = window()?;
        let wake = Rc::new(Self {
            on_wake: Box::new(on_wake),
            awake_at: Cell::new(Date::now()),
            timer: RefCell::default(),
            soon: RefCell::default(),
            listeners: RefCell::default(),
        });
        wake.listen(&window, "online", |_| true);
        wake.listen(&window, "pageshow", |event| {
            Reflect::get(event, &"persisted".into()).is_ok_and(|persisted| persisted.is_truthy())
        });
        if let Some(document) = object(&window, "document") {
            // The browser resumes a page that it had frozen.
            wake.listen(&document, "resume", |_| true);
        }
        wake.look_again();
        Some(wake)
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
                this.awake_at.set(Date::now());
                this.wake_soon();
            }
        });
        self.listeners.borrow_mut().push(listener);
    }

    /// Calls back once for all events that come at the same time, because a restored page gets two events.
    fn wake_soon(self: &Rc<Self>) {
        let this = Rc::downgrade(self);
        self.soon.borrow_mut().get_or_insert_with(|| {
            Timer::new(now(), move || {
                let Some(this) = this.upgrade() else { return };
                let spent = this.soon.take();
                (this.on_wake)();
                drop(spent);
            })
        });
    }

    /// Sets the timer for the next check of the wall clock.
    fn look_again(self: &Rc<Self>) {
        let this = Rc::downgrade(self);
        let timer = Timer::new(now() + SLEEP_CHECK_INTERVAL, move || {
            let Some(this) = this.upgrade() else { return };
            let spent = this.timer.take();
            let time = Date::now();
            let passed = time - this.awake_at.replace(time);
            this.look_again();
            if passed >= MIN_SLEEP.as_millis() as f64 {
                (this.on_wake)();
            }
            // Not dropped earlier, because its callback is running.
            drop(spent);
        });
        self.timer.replace(Some(timer));
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
