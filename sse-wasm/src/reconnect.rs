//! Replaces an `EventSource` of the browser that has given up.
//!
//! By the standard, an `EventSource` reconnects only if a stream ends or breaks. It gives up after a refusal, and in
//! Firefox also if the server cannot be reached. No browser notices a connection that is dead and silent.
//!
//! So this module passes the events of the object to the state machine of `sse_proto::client`. The state machine
//! decides when to replace the object.

use core::{cell::RefCell, time::Duration};
use std::rc::{Rc, Weak};

use js_sys::Function;
use sse_proto::client::{Action, ClientConfig, DisconnectReason, Session, SessionEvent};
use wasm_bindgen::JsCast;

use crate::{
    ReadyState,
    clock::{Grace, Timer, now, seed},
    connection::{Connection, Reconnector, listen, open},
    event_source::is_message,
    item::Disconnected,
    subscription::Listener,
    wake::Wake,
};

/// Options of the reconnection.
pub(crate) struct Plan {
    /// The query parameter for the last event ID.
    pub(crate) parameter: String,
    /// The type of events that are only keep-alives.
    pub(crate) ping: Option<String>,
    /// `true` to reconnect at once when the network, the page or the machine is back.
    pub(crate) reconnects_on_wake: bool,
}

struct Revival {
    connection: Weak<Connection>,
    plan: Plan,
    url: String,
    machine: RefCell<Session>,
    timer: RefCell<Option<Timer>>,
    grace: RefCell<Grace>,
    disconnected: RefCell<Option<Disconnected>>,
    /// The listeners of this module, which must stay alive.
    listeners: RefCell<Vec<Listener>>,
    /// All listeners of the object, to attach them to the next object.
    known: RefCell<Vec<(String, Function)>>,
    wake: RefCell<Option<Rc<Wake>>>,
}

/// Reconnects this connection after the browser has given up, until it is closed.
pub(crate) fn keep(connection: &Rc<Connection>, plan: Plan, config: ClientConfig) {
    // The browser makes the first attempts itself, and has its own timeouts.
    let config = config.head_timeout(None);
    let seed = seed();
    let mut machine = Session::new(config, seed, now());
    while machine.poll_action().is_some() {}
    let revival = Rc::new(Revival {
        connection: Rc::downgrade(connection),
        url: connection.raw().url(),
        plan,
        machine: RefCell::new(machine),
        timer: RefCell::default(),
        grace: RefCell::default(),
        disconnected: RefCell::default(),
        listeners: RefCell::default(),
        known: RefCell::default(),
        wake: RefCell::default(),
    });
    connection.keep(Rc::clone(&revival) as Rc<dyn Reconnector>);
    revival.listen("open", Revival::on_open);
    revival.listen("error", Revival::on_error);
    if let Some(ping) = &revival.plan.ping {
        revival.listen(ping, Revival::on_ping);
    }
    if revival.plan.reconnects_on_wake {
        let this = Rc::downgrade(&revival);
        let wake = Wake::watch(move || {
            if let Some(this) = this.upgrade() {
                this.on_wake();
            }
        });
        revival.wake.replace(wake);
    }
}

impl Revival {
    /// Attaches a listener of this module.
    ///
    /// These listeners are attached before all others. So the others already see the new state.
    fn listen(self: &Rc<Self>, name: &str, heard: fn(&Rc<Self>, &Connection, &web_sys::Event)) {
        let this = Rc::downgrade(self);
        let listener = Listener::new(move |event| {
            if let Some(this) = this.upgrade()
                && let Some(connection) = this.connection.upgrade()
            {
                heard(&this, &connection, &event);
                this.set_timer();
            }
        });
        if let Some(connection) = self.connection.upgrade() {
            connection.listen(name, listener.as_ref().unchecked_ref());
        }
        self.listeners.borrow_mut().push(listener);
    }

    fn on_open(self: &Rc<Self>, _: &Connection, event: &web_sys::Event) {
        if !is_message(event) {
            let mut machine = self.machine.borrow_mut();
            machine.handle_response(200, Some(b"text/event-stream"), None, now());
            while machine.poll_change().is_some() {}
        }
    }

    fn on_error(self: &Rc<Self>, connection: &Connection, event: &web_sys::Event) {
        // This module has dispatched the error itself.
        if is_message(event) || self.disconnected.borrow().is_some() {
            return;
        }
        let mut machine = self.machine.borrow_mut();
        if ReadyState::of(&connection.raw()) != ReadyState::Closed {
            // The browser reconnects by itself. Until it has connected, there is no idle timeout.
            machine.reconnect(now());
            while machine.poll_action().is_some() {}
            while machine.poll_change().is_some() {}
            return;
        }
        // No effect after a timeout, because the state machine has already lost that connection.
        machine.handle_network_error(now());
        while let Some(change) = machine.poll_change() {
            if let SessionEvent::Disconnected { reason, delay } = change {
                self.disconnected.replace(Some(Disconnected {
                    reason: Some(reason),
                    delay: Some(delay),
                }));
            }
        }
    }

    fn on_ping(self: &Rc<Self>, connection: &Connection, event: &web_sys::Event) {
        if let Some(message) = event.dyn_ref() {
            connection.received(message);
        }
    }

    /// Replaces the object at once, in any state.
    fn on_wake(self: &Rc<Self>) {
        let Some(connection) = self.connection.upgrade() else {
            return;
        };
        let mut machine = self.machine.borrow_mut();
        machine.reconnect(now());
        while machine.poll_action().is_some() {}
        while machine.poll_change().is_some() {}
        drop(machine);
        // In other states, the listeners already know that there is no connection.
        if ReadyState::of(&connection.raw()) == ReadyState::Open {
            self.disconnected.replace(Some(Disconnected {
                reason: Some(DisconnectReason::Requested),
                delay: Some(Duration::ZERO),
            }));
            give_up(&connection);
        }
        // A listener can have closed the connection.
        if !connection.is_closed() {
            self.connect(&connection);
            self.set_timer();
        }
    }

    /// Sets a timer for the next deadline of the state machine.
    fn set_timer(self: &Rc<Self>) {
        let wanted = self.machine.borrow().poll_timeout();
        if let Some(time) = wanted {
            self.wake_at(time);
        }
    }

    /// Sets a timer for this time or earlier.
    ///
    /// A timer that fires too early is cheaper than a new timer for each event.
    fn wake_at(self: &Rc<Self>, time: Duration) {
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
        let spent = self.timer.take();
        if let Some(connection) = self.connection.upgrade() {
            let now = now();
            match self.end(&connection, now) {
                Some(end) if end > now => self.wake_at(end),
                _ => self.act(&connection, now),
            }
        }
        // Not dropped earlier, because its callback is running.
        drop(spent);
    }

    /// Returns the next deadline of the state machine, with a grace period if its timer was late.
    fn end(&self, connection: &Connection, now: Duration) -> Option<Duration> {
        let time = self.machine.borrow().poll_timeout()?;
        match ReadyState::of(&connection.raw()) {
            ReadyState::Open => Some(self.grace.borrow_mut().end_of(time, now)),
            _ => Some(time),
        }
    }

    /// Handles a deadline that has passed.
    fn act(self: &Rc<Self>, connection: &Connection, now: Duration) {
        self.machine.borrow_mut().handle_timeout(now);
        loop {
            let action = self.machine.borrow_mut().poll_action();
            match action {
                Some(Action::Abort) => give_up(connection),
                Some(Action::Connect) => self.connect(connection),
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
            id => url_after(&self.url, &self.plan.parameter, id),
        };
        // It cannot fail, because the browser has accepted the URL before.
        if let Ok(raw) = open(&url, connection.raw().with_credentials()) {
            for (name, listener) in &*self.known.borrow() {
                listen(&raw, name, listener);
            }
            self.disconnected.take();
            connection.replace(raw);
        }
    }
}

/// Returns a URL with the last event ID in this query parameter. The URL may be relative to the page.
pub(crate) fn url_after(url: &str, parameter: &str, last_event_id: &str) -> String {
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
fn give_up(connection: &Connection) {
    let raw = connection.raw();
    raw.close();
    if let Ok(error) = web_sys::Event::new("error") {
        let _ = raw.dispatch_event(&error);
    }
}

impl Reconnector for Revival {
    fn on_listen(&self, name: &str, listener: &Function) {
        let mut known = self.known.borrow_mut();
        known.push((name.to_owned(), listener.clone()));
    }

    fn on_stop_listening(&self, name: &str, listener: &Function) {
        let mut known = self.known.borrow_mut();
        known.retain(|(other, function)| other != name || function != listener);
    }

    fn on_event(&self) {
        self.machine.borrow_mut().handle_event(now());
    }

    fn disconnected(&self) -> Option<Disconnected> {
        self.disconnected.borrow().clone()
    }
}
