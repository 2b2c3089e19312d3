use core::{cell::RefCell, fmt};
use std::rc::{Rc, Weak};

use sse_proto::Event;
use wasm_bindgen::JsCast;

use crate::{
    Error,
    items::{Items, Queue},
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// It connects, or waits for the reconnection time to pass and then does.
    Connecting,
    /// It receives events.
    Open,
    /// It has stopped, and does not try again: closed by us, or refused by the server.
    Closed,
}

impl EventSource {
    /// Starts to connect to a URL, which may be relative to the page.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] without `EventSource`, [`Error::InvalidUrl`] if the browser cannot
    /// read the URL. A server that cannot be reached is no error here.
    pub fn connect(url: &str) -> Result<Self, Error> {
        Self::open(url, false)
    }

    /// The same, with cookies and HTTP authentication also for another origin.
    ///
    /// # Errors
    ///
    /// As for [`connect`](Self::connect).
    #[doc(alias = "withCredentials")]
    pub fn connect_with_credentials(url: &str) -> Result<Self, Error> {
        Self::open(url, true)
    }

    fn open(url: &str, credentials: bool) -> Result<Self, Error> {
        if !crate::is_supported() {
            return Err(Error::Unsupported);
        }
        let init = web_sys::EventSourceInit::new();
        init.set_with_credentials(credentials);
        let raw = web_sys::EventSource::new_with_event_source_init_dict(url, &init);
        let raw = raw.map_err(|thrown| Error::InvalidUrl {
            url: url.to_owned(),
            reason: thrown
                .dyn_ref::<js_sys::Error>()
                .map_or_else(String::new, |error| error.message().into()),
        })?;
        Ok(Self(Rc::new(Connection {
            raw,
            last_event_id: RefCell::default(),
            queues: RefCell::default(),
        })))
    }

    /// Everything that happens from now on, in its order, as one stream: the events of type
    /// `message` and of the given types, each opening, each error.
    ///
    /// The browser hands out only the types that it was asked for, so they have to be known here.
    /// The stream keeps the connection open; nothing else has to be kept.
    pub fn items<'a>(&self, event_types: impl IntoIterator<Item = &'a str>) -> Items {
        Items::new(self, event_types)
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
            if let Some(message) = event.dyn_ref::<web_sys::MessageEvent>() {
                callback(received(message, &connection));
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
    /// The state says what follows: [`Connecting`](ReadyState::Connecting), the browser tries
    /// again; [`Closed`](ReadyState::Closed), it does not. Browsers do not say more.
    pub fn on_error(&self, mut callback: impl FnMut(ReadyState) + 'static) -> Subscription {
        let raw = self.0.raw.clone();
        Subscription::new(&self.0, "error", move |event| {
            if !is_message(&event) {
                callback(ReadyState::of(&raw));
            }
        })
    }

    /// What the browser is doing now.
    pub fn ready_state(&self) -> ReadyState {
        ReadyState::of(&self.0.raw)
    }

    /// The last event ID as of the last event that any subscription or stream saw, empty at first.
    ///
    /// The browser sends it when it reconnects by itself. A new source knows nothing of the old
    /// one's: who makes one after [`Closed`](ReadyState::Closed) has to pass it on in the URL.
    pub fn last_event_id(&self) -> String {
        self.0.last_event_id.borrow().clone()
    }

    /// The absolute URL.
    pub fn url(&self) -> String {
        self.0.raw.url()
    }

    /// Whether cookies and HTTP authentication go to other origins too.
    pub fn with_credentials(&self) -> bool {
        self.0.raw.with_credentials()
    }

    /// Closes the connection, for all who share it. Streams end after what they already have.
    pub fn close(&self) {
        self.0.raw.close();
        for queue in self.0.queues.borrow().iter().filter_map(Weak::upgrade) {
            queue.wake();
        }
    }

    /// The browser's object, for whatever is missing here.
    pub fn raw(&self) -> &web_sys::EventSource {
        &self.0.raw
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

/// What handles, subscriptions and streams share. It closes when the last of them goes.
pub(crate) struct Connection {
    pub(crate) raw: web_sys::EventSource,
    last_event_id: RefCell<String>,
    /// Those to wake when we close, for the browser tells nobody.
    queues: RefCell<Vec<Weak<Queue>>>,
}

impl Connection {
    pub(crate) fn add_queue(&self, queue: &Rc<Queue>) {
        let mut queues = self.queues.borrow_mut();
        queues.retain(|queue| queue.strong_count() > 0);
        queues.push(Rc::downgrade(queue));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.raw.close();
    }
}

/// Whether this came from the stream. A server may name its events `open` or `error`; those are
/// events like any other, and no news of the connection.
fn is_message(event: &web_sys::Event) -> bool {
    event.is_instance_of::<web_sys::MessageEvent>()
}

fn received(message: &web_sys::MessageEvent, connection: &Weak<Connection>) -> Event {
    let last_event_id = message.last_event_id();
    if let Some(connection) = connection.upgrade() {
        connection
            .last_event_id
            .borrow_mut()
            .clone_from(&last_event_id);
    }
    let mut event = Event::new(message.data().as_string().unwrap_or_default());
    let event_type = message.type_();
    if event_type != "message"
        && let Ok(event_type) = event_type.try_into()
    {
        event = event.with_type(event_type);
    }
    if !last_event_id.is_empty()
        && let Ok(id) = last_event_id.try_into()
    {
        event = event.with_id(id);
    }
    event
}
