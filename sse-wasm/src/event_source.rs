use core::fmt;
use std::rc::Rc;

use wasm_bindgen::JsCast;

use crate::{
    Error, Event, QUEUE_LIMIT,
    connection::{self, Connection},
    is_supported,
    items::Items,
    subscription::Subscription,
};

/// A connection to an event stream, kept up by the browser
/// ([9.2.2](https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface)).
///
/// A clone is another handle of the same connection.
#[derive(Clone)]
pub struct EventSource(pub(crate) Rc<Connection>);

/// What the browser is doing
/// ([`readyState`](https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-readystate)).
#[allow(clippy::exhaustive_enums, reason = "the standard has three")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// It connects, or waits for some time to pass and then does.
    Connecting,
    /// It receives events.
    Open,
    /// It has stopped, and does not try again: closed by us, or refused by the server.
    Closed,
}

impl EventSource {
    /// Starts to connect to a URL, which may be relative to the page. For options there is a
    /// [`Builder`](crate::Builder).
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] without `EventSource`, [`Error::InvalidUrl`] if the browser cannot
    /// read the URL. A server that cannot be reached is no error here.
    pub fn connect(url: &str) -> Result<Self, Error> {
        Self::open(url, false, QUEUE_LIMIT)
    }

    // Not by way of a builder: pages without one do not carry its code.
    pub(crate) fn open(url: &str, credentials: bool, queue_limit: usize) -> Result<Self, Error> {
        if !is_supported() {
            let missing = "EventSource";
            return Err(Error::Unsupported { missing });
        }
        let raw = connection::open(url, credentials)?;
        Ok(Self(Connection::new(raw, queue_limit)))
    }

    /// Everything that happens from now on, in its order, as one stream: the events of type
    /// `message` and of the given types, each opening, each loss.
    ///
    /// The browser hands out only the types that it was asked for, so they have to be known here.
    /// The stream keeps the connection open; nothing else has to be kept.
    pub fn items<'a>(&self, event_types: impl IntoIterator<Item = &'a str>) -> Items {
        Items::native(self, event_types)
    }

    /// Calls back with each event of this type, until the subscription is dropped.
    ///
    /// The type of events that name none is `message`.
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

    /// Calls back each time the connection stands, until the subscription is dropped.
    pub fn on_open(&self, mut callback: impl FnMut() + 'static) -> Subscription {
        Subscription::new(&self.0, "open", move |event| {
            if !is_message(&event) {
                callback();
            }
        })
    }

    /// Calls back each time the connection is lost or refused, until the subscription is dropped.
    /// The state says what follows: [`Connecting`](ReadyState::Connecting), there will be another
    /// try; [`Closed`](ReadyState::Closed), there will not. Browsers do not say more.
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

    /// What the browser is doing now.
    pub fn ready_state(&self) -> ReadyState {
        self.0.ready_state()
    }

    /// The last event ID as of the last event that any subscription or stream saw, empty at first.
    ///
    /// The browser sends it when it reconnects by itself, and [revival] when the browser has given
    /// up.
    ///
    /// [revival]: crate::Builder::with_revival
    pub fn last_event_id(&self) -> String {
        self.0.last_event_id()
    }

    /// The absolute URL.
    pub fn url(&self) -> String {
        self.0.raw().url()
    }

    /// Whether cookies and HTTP authentication go to other origins too.
    pub fn with_credentials(&self) -> bool {
        self.0.raw().with_credentials()
    }

    /// Closes the connection, for all who share it. Streams end after what they already have.
    pub fn close(&self) {
        self.0.close();
    }

    /// The browser's object as it is now, for whatever is missing here. [Revival] puts another in
    /// its place.
    ///
    /// [revival]: crate::Builder::with_revival
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

impl ReadyState {
    pub(crate) fn of(raw: &web_sys::EventSource) -> Self {
        match raw.ready_state() {
            web_sys::EventSource::CONNECTING => Self::Connecting,
            web_sys::EventSource::OPEN => Self::Open,
            _ => Self::Closed,
        }
    }
}

/// Whether this came from the stream. A server may name its events `open` or `error`; those are
/// events like any other, and no news of the connection.
pub(crate) fn is_message(event: &web_sys::Event) -> bool {
    event.is_instance_of::<web_sys::MessageEvent>()
}
