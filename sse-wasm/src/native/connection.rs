use core::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::Function;
use sse_proto::EventId;
use wasm_bindgen::JsCast;

use super::ReadyState;
use crate::{
    Error,
    browser::dictionary,
    item::{Disconnected, Event},
    stream::Queue,
};

/// The state that handles, subscriptions and streams share: the browser's object and its listeners.
///
/// The connection closes when the last of them is dropped.
pub(crate) struct Connection {
    raw: RefCell<web_sys::EventSource>,
    last_event_id: RefCell<EventId>,
    /// Queues to wake when the client closes the connection, because the browser sends no event then.
    queues: RefCell<Vec<Weak<Queue>>>,
    pub(crate) queue_limit: usize,
    reconnector: RefCell<Option<Rc<dyn Reconnect>>>,
    is_closed: Cell<bool>,
}

/// Reconnects after the browser has given up.
///
/// It is notified of each listener, because it must attach all listeners to the next object.
///
/// A trait object, so that pages that do not reconnect do not contain that code.
pub(super) trait Reconnect {
    /// Records a listener that was attached.
    fn on_listener_added(&self, name: &str, listener: &Function);

    /// Removes a listener that was detached.
    fn on_listener_removed(&self, name: &str, listener: &Function);

    /// Handles the arrival of an event.
    fn on_event(&self);

    /// Returns why there is no connection and when the next attempt is, or `None` if there will be none.
    fn disconnected(&self) -> Option<Disconnected>;
}

impl Connection {
    pub(super) fn new(raw: web_sys::EventSource, queue_limit: usize) -> Rc<Self> {
        Rc::new(Self {
            raw: RefCell::new(raw),
            last_event_id: RefCell::default(),
            queues: RefCell::default(),
            queue_limit,
            reconnector: RefCell::default(),
            is_closed: Cell::new(false),
        })
    }

    pub(super) fn raw(&self) -> web_sys::EventSource {
        self.raw.borrow().clone()
    }

    pub(super) fn last_event_id(&self) -> String {
        self.last_event_id.borrow().to_string()
    }

    pub(super) fn set_reconnector(&self, reconnector: Rc<dyn Reconnect>) {
        self.reconnector.replace(Some(reconnector));
    }

    pub(super) fn add_listener(&self, name: &str, listener: &Function) {
        add_listener(&self.raw.borrow(), name, listener);
        if let Some(reconnector) = &*self.reconnector.borrow() {
            reconnector.on_listener_added(name, listener);
        }
    }

    pub(super) fn remove_listener(&self, name: &str, listener: &Function) {
        // It throws only if the listener is neither a function nor an object.
        let raw = self.raw.borrow();
        let _ = raw.remove_event_listener_with_callback(name, listener);
        if let Some(reconnector) = &*self.reconnector.borrow() {
            reconnector.on_listener_removed(name, listener);
        }
    }

    /// Replaces the browser's object and closes the old one.
    pub(super) fn replace(&self, raw: web_sys::EventSource) {
        self.raw.replace(raw).close();
    }

    /// Converts an event of the stream, and records its ID.
    pub(super) fn on_message(&self, message: &web_sys::MessageEvent) -> Event {
        let data = message.data().as_string().unwrap_or_default();
        // The browser has read the ID from a stream, so it is valid.
        let id = EventId::new(message.last_event_id()).unwrap_or_default();
        let event = Event::new(message.type_(), data, id);
        let mut last_event_id = self.last_event_id.borrow_mut();
        last_event_id.clone_from(&event.last_event_id);
        drop(last_event_id);
        if let Some(reconnector) = &*self.reconnector.borrow() {
            reconnector.on_event();
        }
        event
    }

    /// Returns why there is no connection, or `None` if there will be no other attempt.
    pub(crate) fn disconnected(&self) -> Option<Disconnected> {
        match ReadyState::from_raw(&self.raw.borrow()) {
            _ if self.is_closed.get() => None,
            ReadyState::Closed => self.reconnector.borrow().as_ref()?.disconnected(),
            _ => Some(Disconnected {
                reason: None,
                delay: None,
            }),
        }
    }

    pub(super) fn ready_state(&self) -> ReadyState {
        match ReadyState::from_raw(&self.raw.borrow()) {
            // Closed only until the next attempt.
            ReadyState::Closed if self.disconnected().is_some() => ReadyState::Connecting,
            state => state,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    pub(super) fn close(&self) {
        self.is_closed.set(true);
        self.raw.borrow().close();
        self.reconnector.take();
        for queue in self.queues.borrow().iter().filter_map(Weak::upgrade) {
            queue.wake();
        }
    }

    pub(crate) fn add_queue(&self, queue: &Rc<Queue>) {
        let mut queues = self.queues.borrow_mut();
        queues.retain(|queue| queue.strong_count() > 0);
        queues.push(Rc::downgrade(queue));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.raw.borrow().close();
    }
}

pub(super) fn add_listener(raw: &web_sys::EventSource, name: &str, listener: &Function) {
    // It throws only if the listener is neither a function nor an object.
    let _ = raw.add_event_listener_with_callback(name, listener);
}

/// Creates the browser's `EventSource` for a URL.
pub(super) fn open(url: &str, with_credentials: bool) -> Result<web_sys::EventSource, Error> {
    let init: web_sys::EventSourceInit = dictionary();
    init.set_with_credentials(with_credentials);
    let raw = web_sys::EventSource::new_with_event_source_init_dict(url, &init);
    raw.map_err(|exception| Error::InvalidUrl {
        url: url.to_owned(),
        reason: exception
            .dyn_ref::<js_sys::Error>()
            .map_or_else(String::new, |error| error.message().into()),
    })
}
