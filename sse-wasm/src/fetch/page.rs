//! What the page has to say: nobody sees it, or an `AbortSignal` of the caller's.

use std::rc::Rc;

use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::EventTarget;

use super::handle::{Command, Commands};
use crate::wishes::Wishes;

pub(super) struct Listeners {
    _signal: Option<Listener>,
    _visibility: Option<Listener>,
}

impl Listeners {
    pub(super) fn new(wishes: &Wishes, commands: &Rc<Commands>) -> Self {
        let signal = wishes.signal.as_ref().map(|signal| {
            if signal.aborted() {
                commands.push(Command::Close);
            }
            let commands = Rc::clone(commands);
            Listener::new(signal, "abort", move || commands.push(Command::Close))
        });
        let document = web_sys::window().and_then(|window| window.document());
        let document = document.filter(|_| wishes.pauses_when_hidden);
        let visibility = document.map(|document| {
            let commands = Rc::clone(commands);
            let told = document.clone();
            let tell = move || {
                commands.push(match told.hidden() {
                    true => Command::Hide,
                    false => Command::Show,
                });
            };
            if document.hidden() {
                tell();
            }
            Listener::new(&document, "visibilitychange", tell)
        });
        Self {
            _signal: signal,
            _visibility: visibility,
        }
    }
}

/// Listens until it is dropped.
struct Listener {
    target: EventTarget,
    name: &'static str,
    callback: Closure<dyn FnMut()>,
}

impl Listener {
    fn new(target: &EventTarget, name: &'static str, callback: impl FnMut() + 'static) -> Self {
        let callback = Closure::<dyn FnMut()>::new(callback);
        let function = callback.as_ref().unchecked_ref();
        // It throws only for what is neither a function nor an object.
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
