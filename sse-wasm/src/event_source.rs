use core::fmt;
use std::rc::Rc;

use wasm_bindgen::JsCast;

use crate::{
    Error, ReadyState,
    connection::{self, Connection},
    item::Event,
    queue::DEFAULT_QUEUE_LIMIT,
    subscription::Subscription,
    support::is_supported,
};

/// A connection to an event stream, which the browser maintains
/// ([9.2.2](https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface)).
///
/// A clone is another handle of the same connection.
#[derive(Clone)]
pub struct EventSource(pub(crate) Rc<Connection>);

impl EventSource {
    /// Starts to connect to a URL, which may be relative to the page. Use a [`Builder`](crate::Builder) to set
    /// options.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Unsupported`] without `EventSource`, and [`Error::InvalidUrl`] if the browser rejects the
    /// URL. A server that cannot be reached is not an error here.
    pub fn connect(url: &str) -> Result<Self, Error> {
        Self::open(url, false, DEFAULT_QUEUE_LIMIT)
    }

    // `connect` does not use a builder, so that pages without a builder do not contain its code.
    pub(crate) fn open(url: &str, credentials: bool, queue_limit: usize) -> Result<Self, Error> {
        if !is_supported() {
            let missing = "EventSource";
            return Err(Error::Unsupported { missing });
        }
        let raw = connection::open(url, credentials)?;
        Ok(Self(Connection::new(raw, queue_limit)))
    }

    /// Calls back with each event of this type, until the subscription is dropped.
    ///
    /// Events without a type have the type `message`.
    pub fn on_event(
        &self,
        event_type: &str,
        mut callback: impl FnMut(Event) + 'static,
    ) -> Subscription {
        let connection = Rc::downgrade(&self.0);
        Subscription::new(&self.0, event_type, move |event| {
            if let Some(message) = event.dyn_ref::<web_sys::MessageEvent>()
                && let Some(connection) = connection.upgrade()
            {
                callback(connection.received(message));
            }
        })
    }

    /// Calls back each time the connection is open, until the subscription is dropped.
    pub fn on_open(&self, mut callback: impl FnMut() + 'static) -> Subscription {
        Subscription::new(&self.0, "open", move |event| {
            if !is_message(&event) {
                callback();
            }
        })
    }

    /// Calls back each time the connection is lost or refused, until the subscription is dropped.
    ///
    /// With [`Connecting`](ReadyState::Connecting) there will be another attempt, with
    /// [`Closed`](ReadyState::Closed) there will not. Browsers report no details.
    pub fn on_error(&self, mut callback: impl FnMut(ReadyState) + 'static) -> Subscription {
        let connection = Rc::downgrade(&self.0);
        Subscription::new(&self.0, "error", move |event| {
            if !is_message(&event)
                && let Some(connection) = connection.upgrade()
            {
                callback(connection.ready_state());
            }
        })
    }

    /// Returns the state of the connection.
    pub fn ready_state(&self) -> ReadyState {
        self.0.ready_state()
    }

    /// Returns the ID of the last event that any subscription or stream has received, initially empty.
    ///
    /// The browser sends it when it reconnects. After the browser has given up,
    /// [`reconnect_with_query`](crate::Builder::reconnect_with_query) sends it.
    pub fn last_event_id(&self) -> String {
        self.0.last_event_id()
    }

    /// Returns the absolute URL.
    pub fn url(&self) -> String {
        self.0.raw().url()
    }

    /// Returns whether cookies and HTTP authentication are sent to other origins too.
    pub fn with_credentials(&self) -> bool {
        self.0.raw().with_credentials()
    }

    /// Closes the connection for all its handles. Streams end after the items that they already have.
    pub fn close(&self) {
        self.0.close();
    }

    /// Returns the current object of the browser, for features that this type does not have.
    ///
    /// [`reconnect_with_query`](crate::Builder::reconnect_with_query) replaces the object when it reconnects.
    pub fn raw(&self) -> web_sys::EventSource {
        self.0.raw()
    }
}

impl fmt::Debug for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource")
            .field("url", &self.url())
            .field("ready_state", &self.ready_state())
            .finish_non_exhaustive()
    }
}

/// Returns whether an event came from the stream.
///
/// A server can send events of the type `open` or `error`. They are not about the state of the connection.
pub(crate) fn is_message(event: &web_sys::Event) -> bool {
    event.is_instance_of::<web_sys::MessageEvent>()
}
