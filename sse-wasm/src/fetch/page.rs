//! Listeners that turn events of the page into commands: visibility, wake-up, and the `AbortSignal` of the caller.

use std::rc::Rc;

use super::handle::{Command, Commands};
use crate::{listener::Listener, request_options::RequestOptions, wake::Wake};

pub(super) struct Listeners {
    _signal: Option<Listener>,
    _visibility: Option<Listener>,
    _wake: Option<Rc<Wake>>,
}

impl Listeners {
    pub(super) fn new(
        request_options: &RequestOptions,
        reconnects_on_wake: bool,
        commands: &Rc<Commands>,
    ) -> Self {
        let signal = request_options.signal.as_ref().map(|signal| {
            if signal.aborted() {
                commands.push(Command::Close);
            }
            let commands = Rc::clone(commands);
            Listener::new(signal, "abort", move |_| commands.push(Command::Close))
        });
        let document = web_sys::window().and_then(|window| window.document());
        let document = document.filter(|_| request_options.pauses_when_hidden);
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
            Listener::new(&document, "visibilitychange", move |_| tell())
        });
        let wake = reconnects_on_wake.then(|| {
            let commands = Rc::clone(commands);
            Wake::watch(move || commands.push_once(Command::Wake))
        });
        Self {
            _signal: signal,
            _visibility: visibility,
            _wake: wake.flatten(),
        }
    }
}
