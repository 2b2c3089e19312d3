use core::fmt;
use std::rc::Rc;

use sse_proto::client::ClientConfig;

use crate::{
    Error, EventSource,
    connection::Connection,
    queue::DEFAULT_QUEUE_LIMIT,
    reconnect::{self, Plan},
};
#[cfg(feature = "fetch")]
use crate::{request_options::RequestOptions, support::is_supported};

/// Builder for an [`EventSource`], or for another client of this crate.
#[must_use = "a builder does nothing until it is opened"]
pub struct Builder {
    pub(crate) url: String,
    pub(crate) credentials: bool,
    pub(crate) config: ClientConfig,
    pub(crate) event_types: Vec<String>,
    pub(crate) queue_limit: usize,
    pub(crate) reconnects_on_wake: bool,
    revival: Option<(String, Keep)>,
    pub(crate) ping: Option<String>,
    #[cfg(feature = "fetch")]
    pub(crate) request_options: RequestOptions,
}

/// Starts the reconnection of a connection.
///
/// A function pointer, so that pages without [`Builder::reconnect_with_query`] do not contain that code.
type Keep = fn(&Rc<Connection>, Plan, ClientConfig);

impl Builder {
    /// Creates a builder for a connection to a URL, which may be relative to the page.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            credentials: false,
            config: ClientConfig::default(),
            event_types: Vec::new(),
            queue_limit: DEFAULT_QUEUE_LIMIT,
            reconnects_on_wake: true,
            revival: None,
            ping: None,
            #[cfg(feature = "fetch")]
            request_options: RequestOptions::default(),
        }
    }

    /// Sets whether cookies and HTTP authentication are sent to other origins too. The default is `false`.
    #[doc(alias = "withCredentials")]
    pub fn with_credentials(mut self, enabled: bool) -> Self {
        self.credentials = enabled;
        self
    }

    /// Adds event types that [`open`](Self::open) delivers.
    ///
    /// The browser's own `EventSource` delivers only events of type `message` and of the types added here. A client
    /// over `fetch` delivers events of all types.
    pub fn event_types<'a>(mut self, types: impl IntoIterator<Item = &'a str>) -> Self {
        self.event_types
            .extend(types.into_iter().map(str::to_owned));
        self
    }

    /// Sets the maximum number of items that wait for a consumer that does not poll.
    ///
    /// The default is [`DEFAULT_QUEUE_LIMIT`], and the minimum is 1. When the queue is full, the oldest items are dropped and
    /// [counted](crate::Item::Lagged). A client over `fetch` drops nothing: it stops reading.
    pub fn queue_limit(mut self, limit: usize) -> Self {
        self.queue_limit = limit.max(1);
        self
    }

    /// Sets the delays between attempts, the timeouts and the limits.
    ///
    /// They apply to the browser's own `EventSource` only with [`reconnect_with_query`](Self::reconnect_with_query).
    pub fn config(mut self, config: ClientConfig) -> Self {
        self.config = config;
        self
    }

    /// Reconnects with a new `EventSource` after the browser has given up, or after the
    /// [idle timeout](ClientConfig::idle_timeout).
    ///
    /// The delays are those of the configuration. A new `EventSource` cannot send `Last-Event-ID`, so the server must also
    /// read the ID from this query parameter.
    ///
    /// The browser does not report why it has no connection. So the client keeps asking a server that refuses for
    /// good, with delays that grow to the [backoff limit](ClientConfig::max_backoff).
    pub fn reconnect_with_query(mut self, parameter: &str) -> Self {
        self.revival = Some((parameter.to_owned(), reconnect::keep));
        self
    }

    /// Sets whether the client reconnects at once when the network, the page or the machine is back.
    ///
    /// The default is `true`. The client then continues after the last event:
    ///
    /// - when the network is back,
    /// - when the page is restored from the browser's back/forward cache, or resumed after the browser has frozen it,
    /// - when the machine was asleep for 90 seconds or longer.
    ///
    /// An open connection is closed with the reason [`Requested`](sse_proto::client::DisconnectReason::Requested), because
    /// it may be dead without any sign.
    ///
    /// The browser's own `EventSource` needs [`reconnect_with_query`](Self::reconnect_with_query) for this. A client over `fetch` does
    /// not reconnect while it is paused in a hidden page, nor if its request is sent once. Workers notice only the
    /// network and sleep. Outside of browsers the option has no effect.
    pub fn reconnect_on_wake(mut self, enabled: bool) -> Self {
        self.reconnects_on_wake = enabled;
        self
    }

    /// Treats events of this type as keep-alives, which only reset the idle timeout.
    ///
    /// The browser's own `EventSource` does not report comments. So with [`reconnect_with_query`](Self::reconnect_with_query), a server
    /// needs such events to prevent the idle timeout on a quiet stream.
    pub fn ping_event_type(mut self, event_type: &str) -> Self {
        self.ping = Some(event_type.to_owned());
        self
    }

    /// Connects with the browser's own `EventSource`.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Unsupported`] without `EventSource`, [`Error::InvalidUrl`] if the browser rejects the URL, and
    /// [`Error::NeedsFetch`] if an option is set that `EventSource` does not support. A server that cannot be reached
    /// is not an error here.
    pub fn native(self) -> Result<EventSource, Error> {
        #[cfg(feature = "fetch")]
        if let Some(wanted) = self.request_options.beyond_event_source() {
            return Err(Error::NeedsFetch { wanted });
        }
        let source = EventSource::open(&self.url, self.credentials, self.queue_limit)?;
        if let Some((parameter, keep)) = self.revival {
            let ping = self.ping;
            let plan = Plan {
                parameter,
                ping,
                reconnects_on_wake: self.reconnects_on_wake,
            };
            keep(&source.0, plan, self.config);
        }
        Ok(source)
    }
}

impl Builder {
    /// Returns whether [`open`](Self::open) uses `fetch`.
    #[cfg(feature = "fetch")]
    pub(crate) fn takes_fetch(&self) -> bool {
        self.request_options.beyond_event_source().is_some() || !is_supported()
    }

    /// Prepares the builder for a connection that all tabs share.
    ///
    /// The connection continues after the event with this ID, unless the ID is empty.
    #[cfg(feature = "share")]
    pub(crate) fn shared_after(mut self, last_event_id: &str) -> Self {
        #[cfg(feature = "fetch")]
        {
            self.request_options.is_shared = true;
        }
        if last_event_id.is_empty() {
            return self;
        }
        #[cfg(feature = "fetch")]
        if self.takes_fetch() {
            self.request_options.last_event_id = last_event_id.to_owned().try_into().ok();
            return self;
        }
        if let Some((parameter, _)) = &self.revival {
            self.url = reconnect::url_after(&self.url, parameter, last_event_id);
        }
        self
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("url", &self.url)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
