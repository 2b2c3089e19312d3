use core::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::Function;
use sse_proto::EventId;
use wasm_bindgen::JsCast;

use crate::{
    Error, ReadyState,
    dictionary::dictionary,
    item::{Disconnected, Event},
    queue::Queue,
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
    keeper: RefCell<Option<Rc<dyn Reconnector>>>,
    is_closed: Cell<bool>,
}

/// Reconnects after the browser has given up.
///
/// It is notified of each listener, because it must attach all listeners to the next object.
pub(crate) trait Reconnector {
    /// Records a listener that was attached.
    fn on_listen(&self, name: &str, listener: &Function);

    /// Removes a listener that was detached.
    fn on_stop_listening(&self, name: &str, listener: &Function);

    /// Handles the arrival of an event.
    fn on_event(&self);

    /// Returns why there is no connection and when the next attempt is, or `None` if there will be none.
    fn disconnected(&self) -> Option<Disconnected>;
}

impl Connection {
    pub(crate) fn new(raw: web_sys::EventSource, queue_limit: usize) -> Rc<Self> {
        Rc::new(Self {
            raw: RefCell::new(raw),
            last_event_id: RefCell::default(),
            queues: RefCell::default(),
            queue_limit,
            keeper: RefCell::default(),
            is_closed: Cell::new(false),
        })
    }

    pub(crate) fn raw(&self) -> web_sys::EventSource {
        self.raw.borrow().clone()
    }

    pub(crate) fn last_event_id(&self) -> String {
        self.last_event_id.borrow().to_string()
    }

    pub(crate) fn keep(&self, keeper: Rc<dyn Reconnector>) {
        self.keeper.replace(Some(keeper));
    }

    pub(crate) fn listen(&self, name: &str, listener: &Function) {
        listen(&self.raw.borrow(), name, listener);
        if let Some(keeper) = &*self.keeper.borrow() {
            keeper.on_listen(name, listener);
        }
    }

    pub(crate) fn stop_listening(&self, name: &str, listener: &Function) {
        // It throws only if the listener is neither a function nor an object.
        let raw = self.raw.borrow();
        let _ = raw.remove_event_listener_with_callback(name, listener);
        if let Some(keeper) = &*self.keeper.borrow() {
            keeper.on_stop_listening(name, listener);
        }
    }

    /// Replaces the browser's object and closes the old one.
    pub(crate) fn replace(&self, raw: web_sys::EventSource) {
        self.raw.replace(raw).close();
    }

    /// Converts an event of the stream, and records its ID.
    pub(crate) fn received(&self, message: &web_sys::MessageEvent) -> Event {
        let data = message.data().as_string().unwrap_or_default();
        // The browser has read the ID from a stream, so it is valid.
        let id = EventId::new(message.last_event_id()).unwrap_or_default();
        let event = Event::new(message.type_(), data, id);
        let mut last_event_id = self.last_event_id.borrow_mut();
        last_event_id.clone_from(&event.last_event_id);
        drop(last_event_id);
        if let Some(keeper) = &*self.keeper.borrow() {
            keeper.on_event();
        }
        event
    }

    /// Returns why there is no connection, or `None` if there will be no other attempt.
    pub(crate) fn disconnected(&self) -> Option<Disconnected> {
        match ReadyState::of(&self.raw.borrow()) {
            _ if self.is_closed.get() => None,
            ReadyState::Closed => self.keeper.borrow().as_ref()?.disconnected(),
            _ => Some(Disconnected {
                reason: None,
                delay: None,
            }),
        }
    }

    pub(crate) fn ready_state(&self) -> ReadyState {
        match ReadyState::of(&self.raw.borrow()) {
            // Closed only until the next attempt.
            ReadyState::Closed if self.disconnected().is_some() => ReadyState::Connecting,
            state => state,
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    pub(crate) fn close(&self) {
        self.is_closed.set(true);
        self.raw.borrow().close();
        self.keeper.take();
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

pub(crate) fn listen(raw: &web_sys::EventSource, name: &str, listener: &Function) {
    // It throws only if the listener is neither a function nor an object.
    let _ = raw.add_event_listener_with_callback(name, listener);
}

/// Creates the browser's `EventSource` for a URL.
pub(crate) fn open(url: &str, credentials: bool) -> Result<web_sys::EventSource, Error> {
    let init: web_sys::EventSourceInit = dictionary();
    init.set_with_credentials(credentials);
    let raw = web_sys::EventSource::new_with_event_source_init_dict(url, &init);
    raw.map_err(|thrown| Error::InvalidUrl {
        url: url.to_owned(),
        reason: thrown
            .dyn_ref::<js_sys::Error>()
            .map_or_else(String::new, |error| error.message().into()),
    })
}
