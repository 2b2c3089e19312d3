//! Replaces an `EventSource` of the browser that has given up.
//!
//! By the standard, an `EventSource` reconnects only if a stream ends or breaks. It gives up after a refusal, and in
//! Firefox also if the server cannot be reached. No browser notices a connection that is dead and silent.
//!
//! So this module passes the events of the object to a `Session` of `sse_proto::client`, which decides when to replace
//! the object.

use core::{cell::RefCell, time::Duration};
use std::rc::{Rc, Weak};

use js_sys::Function;
use sse_proto::client::{
    Action, ClientConfig, DisconnectReason, Session, SessionEvent, SessionOutput,
};
use wasm_bindgen::JsCast;

use super::{
    Callback, Connection, ReadyState,
    connection::{Reconnect, add_listener, open},
    is_message,
};
use crate::{
    clock::{Timer, now, seed},
    item::Disconnected,
    wake::WakeWatcher,
};

/// Options of the reconnection. The fields have the names of the setters of the builder.
pub(crate) struct ReconnectOptions {
    /// The query parameter for the last event ID.
    pub(crate) query_parameter: String,
    /// The type of events that are only keep-alives.
    pub(crate) ping_event_type: Option<String>,
    /// `true` to reconnect at once when the network, the page or the machine is back.
    pub(crate) reconnect_on_wake: bool,
}

struct Reconnector {
    connection: Weak<Connection>,
    options: ReconnectOptions,
    url: String,
    session: RefCell<Session>,
    timer: RefCell<Option<Timer>>,
    disconnected: RefCell<Option<Disconnected>>,
    /// The listeners of this module, which must stay alive.
    callbacks: RefCell<Vec<Callback>>,
    /// All listeners of the object, to attach them to the next object.
    listeners: RefCell<Vec<(String, Function)>>,
    wake: RefCell<Option<Rc<WakeWatcher>>>,
}

/// Reconnects this connection after the browser has given up, until it is closed.
pub(crate) fn start(connection: &Rc<Connection>, options: ReconnectOptions, config: ClientConfig) {
    // The browser makes the first attempts itself, and has its own timeouts.
    let config = config.head_timeout(None);
    let seed = seed();
    let mut session = Session::new(config, seed, now());
    while session.poll_output().is_some() {}
    let reconnector = Rc::new(Reconnector {
        connection: Rc::downgrade(connection),
        url: connection.raw().url(),
        options,
        session: RefCell::new(session),
        timer: RefCell::default(),
        disconnected: RefCell::default(),
        callbacks: RefCell::default(),
        listeners: RefCell::default(),
        wake: RefCell::default(),
    });
    connection.set_reconnector(Rc::clone(&reconnector) as Rc<dyn Reconnect>);
    reconnector.listen("open", Reconnector::on_open);
    reconnector.listen("error", Reconnector::on_error);
    if let Some(ping) = &reconnector.options.ping_event_type {
        reconnector.listen(ping, Reconnector::on_ping);
    }
    if reconnector.options.reconnect_on_wake {
        let this = Rc::downgrade(&reconnector);
        let wake = WakeWatcher::watch(move || {
            if let Some(this) = this.upgrade() {
                this.on_wake();
            }
        });
        reconnector.wake.replace(wake);
    }
}

impl Reconnector {
    /// Attaches a listener of this module.
    ///
    /// These listeners are attached before all others. So the others already see the new state.
    fn listen(self: &Rc<Self>, name: &str, handler: fn(&Rc<Self>, &Connection, &web_sys::Event)) {
        let this = Rc::downgrade(self);
        let callback = Callback::new(move |event| {
            if let Some(this) = this.upgrade()
                && let Some(connection) = this.connection.upgrade()
            {
                handler(&this, &connection, &event);
                this.set_timer();
            }
        });
        if let Some(connection) = self.connection.upgrade() {
            connection.add_listener(name, callback.as_ref().unchecked_ref());
        }
        self.callbacks.borrow_mut().push(callback);
    }

    fn on_open(self: &Rc<Self>, _: &Connection, event: &web_sys::Event) {
        if !is_message(event) {
            let mut session = self.session.borrow_mut();
            // The browser has checked the response.
            let _ = session.handle_response(200, Some(b"text/event-stream"), now());
            while session.poll_output().is_some() {}
        }
    }

    fn on_error(self: &Rc<Self>, connection: &Connection, event: &web_sys::Event) {
        // This module has dispatched the error itself.
        if is_message(event) || self.disconnected.borrow().is_some() {
            return;
        }
        let mut session = self.session.borrow_mut();
        if ReadyState::from_raw(&connection.raw()) != ReadyState::Closed {
            // The browser reconnects by itself. Until it has connected, there is no idle timeout.
            session.reconnect(now());
            while session.poll_output().is_some() {}
            return;
        }
        // No effect after a timeout, because the session has already lost that connection.
        session.handle_network_error(now());
        while let Some(output) = session.poll_output() {
            if let SessionOutput::Event(SessionEvent::Disconnected { reason, delay }) = output {
                self.disconnected.replace(Some(Disconnected {
                    reason: Some(reason),
                    delay: Some(delay),
                }));
            }
        }
    }

    fn on_ping(self: &Rc<Self>, connection: &Connection, event: &web_sys::Event) {
        if let Some(message) = event.dyn_ref() {
            connection.on_message(message);
        }
    }

    /// Replaces the object at once, in any state.
    fn on_wake(self: &Rc<Self>) {
        let Some(connection) = self.connection.upgrade() else {
            return;
        };
        let mut session = self.session.borrow_mut();
        session.reconnect(now());
        while session.poll_output().is_some() {}
        drop(session);
        // In other states, the listeners already know that there is no connection.
        if ReadyState::from_raw(&connection.raw()) == ReadyState::Open {
            self.disconnected.replace(Some(Disconnected {
                reason: Some(DisconnectReason::Requested),
                delay: Some(Duration::ZERO),
            }));
            close_with_error(&connection);
        }
        // A listener can have closed the connection.
        if !connection.is_closed() {
            self.connect(&connection);
            self.set_timer();
        }
    }

    /// Sets a timer for the next deadline of the session.
    fn set_timer(self: &Rc<Self>) {
        let deadline = self.session.borrow().poll_timeout();
        if let Some(time) = deadline {
            self.set_timer_at(time);
        }
    }

    /// Sets a timer for this time or earlier.
    ///
    /// A timer that fires too early is cheaper than a new timer for each event.
    fn set_timer_at(self: &Rc<Self>, time: Duration) {
        let mut timer = self.timer.borrow_mut();
        if timer.as_ref().is_none_or(|timer| timer.time > time) {
            let this = Rc::downgrade(self);
            *timer = Some(Timer::new(time, move || {
                if let Some(this) = this.upgrade() {
                    this.on_timer();
                }
            }));
        }
    }

    fn on_timer(self: &Rc<Self>) {
        let fired = self.timer.take();
        if let Some(connection) = self.connection.upgrade() {
            self.handle_timeout(&connection, now());
        }
        // Not dropped earlier, because its callback is running.
        drop(fired);
    }

    /// Handles a deadline that has passed, if there is one.
    fn handle_timeout(self: &Rc<Self>, connection: &Connection, now: Duration) {
        self.session.borrow_mut().handle_timeout(now);
        loop {
            let output = self.session.borrow_mut().poll_output();
            match output {
                Some(SessionOutput::Action(Action::Abort)) => close_with_error(connection),
                Some(SessionOutput::Action(Action::Connect)) => self.connect(connection),
                Some(_) => {}
                None => break,
            }
        }
        self.set_timer();
    }

    /// Replaces the browser's object by a new one that continues after the last event.
    fn connect(&self, connection: &Connection) {
        let last_event_id = connection.last_event_id();
        let url = match &*last_event_id {
            "" => self.url.clone(),
            id => url_with_last_event_id(&self.url, &self.options.query_parameter, id),
        };
        // It cannot fail, because the browser has accepted the URL before.
        if let Ok(raw) = open(&url, connection.raw().with_credentials()) {
            for (name, listener) in &*self.listeners.borrow() {
                add_listener(&raw, name, listener);
            }
            self.disconnected.take();
            connection.replace(raw);
        }
    }
}

/// Returns a URL with the last event ID in this query parameter. The URL may be relative to the page.
pub(crate) fn url_with_last_event_id(url: &str, parameter: &str, last_event_id: &str) -> String {
    let location = js_sys::Reflect::get(&js_sys::global(), &"location".into());
    let base = location
        .ok()
        .map(|location| js_sys::Object::from(location).to_string());
    let base = base.map_or_else(String::new, String::from);
    let Ok(absolute) = web_sys::Url::new_with_base(url, &base) else {
        return url.to_owned();
    };
    absolute.search_params().set(parameter, last_event_id);
    absolute.href()
}

/// Closes the object and dispatches an `error` event, as the browser does when it gives up.
fn close_with_error(connection: &Connection) {
    let raw = connection.raw();
    raw.close();
    if let Ok(error) = web_sys::Event::new("error") {
        let _ = raw.dispatch_event(&error);
    }
}

impl Reconnect for Reconnector {
    fn on_listener_added(&self, name: &str, listener: &Function) {
        let mut listeners = self.listeners.borrow_mut();
        listeners.push((name.to_owned(), listener.clone()));
    }

    fn on_listener_removed(&self, name: &str, listener: &Function) {
        let mut listeners = self.listeners.borrow_mut();
        listeners.retain(|(other, function)| other != name || function != listener);
    }

    fn on_event(&self) {
        self.session.borrow_mut().handle_event(now());
    }

    fn disconnected(&self) -> Option<Disconnected> {
        self.disconnected.borrow().clone()
    }
}
