//! The browser's own `EventSource`.

mod connection;
pub(crate) mod reconnect;

use core::fmt;
use std::rc::Rc;

use wasm_bindgen::{JsCast, closure::Closure};

use crate::{Error, browser::is_supported, item::Event, stream::DEFAULT_QUEUE_LIMIT};
pub(crate) use connection::Connection;

/// A connection to an event stream by the browser's own `EventSource`
/// ([9.2.2](https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface)).
///
/// A clone is another handle of the same connection. The connection closes when the last handle, [`Subscription`] and
/// [`ItemStream`](crate::ItemStream) is dropped.
///
/// ```no_run
/// use sse_wasm::EventSource;
///
/// # fn example() -> Result<(), sse_wasm::Error> {
/// let source = EventSource::connect("/events")?;
/// let subscription = source.on_event("news", |event| {
///     // Show event.data.
/// });
/// // Keep the subscription as long as the page shows the news. Dropping it removes the callback.
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "the connection closes when its last handle is dropped"]
pub struct EventSource(pub(crate) Rc<Connection>);

impl EventSource {
    /// Starts to connect to a URL, which may be relative to the page.
    ///
    /// Use a [`Builder`](crate::Builder) to set options. It also reconnects after the browser has given up.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Unsupported`] without `EventSource`, and [`Error::InvalidUrl`] if the browser rejects the
    /// URL. A server that cannot be reached is not an error here.
    pub fn connect(url: &str) -> Result<Self, Error> {
        Self::open(url, false, DEFAULT_QUEUE_LIMIT)
    }

    // `connect` does not use a builder, so that pages without a builder do not contain its code.
    pub(crate) fn open(
        url: &str,
        with_credentials: bool,
        queue_limit: usize,
    ) -> Result<Self, Error> {
        if !is_supported() {
            let missing = "EventSource";
            return Err(Error::Unsupported { missing });
        }
        let raw = connection::open(url, with_credentials)?;
        Ok(Self(Connection::new(raw, queue_limit)))
    }

    /// Calls back with each event of this type, until the subscription is dropped.
    ///
    /// Events without a type have the type `message`.
    #[doc(alias = "onmessage")]
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
                callback(connection.on_message(message));
            }
        })
    }

    /// Calls back each time the connection is open, until the subscription is dropped.
    #[doc(alias = "onopen")]
    pub fn on_open(&self, mut callback: impl FnMut() + 'static) -> Subscription {
        Subscription::new(&self.0, "open", move |event| {
            if !is_message(&event) {
                callback();
            }
        })
    }

    /// Calls back each time the connection is lost or refused, until the subscription is dropped.
    ///
    /// The callback gets the state. [`Connecting`](ReadyState::Connecting) means that there will be another attempt,
    /// and [`Closed`](ReadyState::Closed) that there will not. Browsers report no details.
    #[doc(alias = "onerror")]
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
    #[doc(alias = "readyState")]
    pub fn ready_state(&self) -> ReadyState {
        self.0.ready_state()
    }

    /// Returns the ID of the last event that any subscription or stream has received, initially empty.
    ///
    /// The browser sends it when it reconnects. After the browser has given up,
    /// [`reconnect_with_query`](crate::Builder::reconnect_with_query) sends it.
    #[doc(alias = "lastEventId")]
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
fn is_message(event: &web_sys::Event) -> bool {
    event.is_instance_of::<web_sys::MessageEvent>()
}

/// A callback that is attached to a connection, and keeps the connection open.
///
/// It is returned by [`EventSource::on_event`], [`on_open`](EventSource::on_open) and
/// [`on_error`](EventSource::on_error). Dropping it detaches and frees the callback, even from within the callback.
#[must_use = "a subscription ends when it is dropped"]
pub struct Subscription {
    connection: Rc<Connection>,
    name: String,
    callback: Callback,
}

pub(crate) type Callback = Closure<dyn FnMut(web_sys::Event)>;

impl Subscription {
    fn new(
        connection: &Rc<Connection>,
        name: &str,
        callback: impl FnMut(web_sys::Event) + 'static,
    ) -> Self {
        let callback = Callback::new(callback);
        connection.add_listener(name, callback.as_ref().unchecked_ref());
        Self {
            connection: Rc::clone(connection),
            name: name.to_owned(),
            callback,
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let function = self.callback.as_ref().unchecked_ref();
        self.connection.remove_listener(&self.name, function);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The state of a connection
/// ([`readyState`](https://html.spec.whatwg.org/multipage/server-sent-events.html#dom-eventsource-readystate)).
#[allow(clippy::exhaustive_enums, reason = "the standard has three states")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// The client is connecting, or waits before the next attempt.
    Connecting,
    /// The client receives events.
    Open,
    /// The connection has ended for good: the caller closed it, or the server refused it.
    Closed,
}

impl ReadyState {
    fn from_raw(raw: &web_sys::EventSource) -> Self {
        match raw.ready_state() {
            web_sys::EventSource::CONNECTING => Self::Connecting,
            web_sys::EventSource::OPEN => Self::Open,
            _ => Self::Closed,
        }
    }
}
