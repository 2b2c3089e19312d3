use core::fmt;
#[cfg(feature = "fetch")]
use core::future::Future;
use std::rc::Rc;

#[cfg(feature = "fetch")]
use js_sys::{Function, Uint8Array};
#[cfg(feature = "fetch")]
use sse_proto::EventId;
use sse_proto::client::ClientConfig;
#[cfg(feature = "fetch")]
use wasm_bindgen::JsValue;

use crate::{
    Error, EventSource,
    native::{
        Connection,
        reconnect::{self, ReconnectOptions},
    },
    stream::DEFAULT_QUEUE_LIMIT,
};
#[cfg(feature = "fetch")]
use crate::{
    Request,
    browser::is_supported,
    fetch::request::{MappedRequest, RequestOptions},
};

/// Builder for a client with options: an [`ItemStream`](crate::ItemStream) or an [`EventSource`].
///
/// With their features, it also builds a client over `fetch`, and a connection that tabs share.
///
/// ```no_run
/// use core::time::Duration;
///
/// use sse_wasm::{Builder, ClientConfig};
///
/// # fn example() -> Result<(), sse_wasm::Error> {
/// let items = Builder::new("/events")
///     .event_types(["news", "stocks"])
///     .reconnect_with_query("lastEventId")
///     .config(ClientConfig::default().idle_timeout(Some(Duration::from_secs(60))))
///     .open()?;
/// # drop(items);
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until it is opened"]
pub struct Builder {
    pub(crate) url: String,
    pub(crate) with_credentials: bool,
    pub(crate) config: ClientConfig,
    pub(crate) event_types: Vec<String>,
    pub(crate) queue_limit: usize,
    pub(crate) reconnect_on_wake: bool,
    reconnect_with_query: Option<(String, StartReconnector)>,
    pub(crate) ping_event_type: Option<String>,
    #[cfg(feature = "fetch")]
    pub(crate) request_options: RequestOptions,
}

/// Starts the reconnection of a connection.
///
/// A function pointer, so that pages without [`Builder::reconnect_with_query`] do not contain that code.
type StartReconnector = fn(&Rc<Connection>, ReconnectOptions, ClientConfig);

impl Builder {
    /// Creates a builder for a connection to a URL, which may be relative to the page.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            with_credentials: false,
            config: ClientConfig::default(),
            event_types: Vec::new(),
            queue_limit: DEFAULT_QUEUE_LIMIT,
            reconnect_on_wake: true,
            reconnect_with_query: None,
            ping_event_type: None,
            #[cfg(feature = "fetch")]
            request_options: RequestOptions::default(),
        }
    }

    /// Sets whether cookies and HTTP authentication are sent to other origins too. The default is `false`.
    #[doc(alias = "withCredentials")]
    pub fn with_credentials(mut self, enabled: bool) -> Self {
        self.with_credentials = enabled;
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
    /// The default is [`DEFAULT_QUEUE_LIMIT`], and the minimum is 1. When the queue is full, the oldest items are
    /// dropped and [counted](crate::Item::Lagged). A client over `fetch` drops nothing: it stops reading.
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
    /// The delays are those of the configuration. A new `EventSource` cannot send `Last-Event-ID`, so the server must
    /// also read the ID from this query parameter.
    ///
    /// The browser does not report why it has no connection. So the client keeps asking a server that refuses for
    /// good, with delays that grow to the [backoff limit](ClientConfig::max_backoff).
    pub fn reconnect_with_query(mut self, parameter: &str) -> Self {
        self.reconnect_with_query = Some((parameter.to_owned(), reconnect::start));
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
    /// An open connection is closed with the reason [`Requested`](sse_proto::client::DisconnectReason::Requested),
    /// because it may be dead without any sign.
    ///
    /// The browser's own `EventSource` needs [`reconnect_with_query`](Self::reconnect_with_query) for this. A client
    /// over `fetch` does not reconnect while it is paused in a hidden page, nor if its request is sent once. Workers
    /// notice only the network and sleep. Outside of browsers the option has no effect.
    pub fn reconnect_on_wake(mut self, enabled: bool) -> Self {
        self.reconnect_on_wake = enabled;
        self
    }

    /// Treats events of this type as keep-alives, which only reset the idle timeout.
    ///
    /// The browser's own `EventSource` does not report comments. So with
    /// [`reconnect_with_query`](Self::reconnect_with_query), a server needs such events to prevent the idle timeout on
    /// a quiet stream.
    pub fn ping_event_type(mut self, event_type: &str) -> Self {
        self.ping_event_type = Some(event_type.to_owned());
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
        if let Some(option) = self.request_options.first_fetch_only() {
            return Err(Error::NeedsFetch { option });
        }
        let source = EventSource::open(&self.url, self.with_credentials, self.queue_limit)?;
        if let Some((query_parameter, start)) = self.reconnect_with_query {
            let ping_event_type = self.ping_event_type;
            let options = ReconnectOptions {
                query_parameter,
                ping_event_type,
                reconnect_on_wake: self.reconnect_on_wake,
            };
            start(&source.0, options, self.config);
        }
        Ok(source)
    }
}

/// Options that only `fetch` supports.
#[cfg(feature = "fetch")]
impl Builder {
    /// Sets the method of the requests.
    ///
    /// The default is `GET`. With a method other than `GET` and `HEAD`, the request is sent once, unless
    /// [`resend(true)`](Self::resend) is set.
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.request_options.request.method);
        self
    }

    /// Adds a header to each request.
    ///
    /// `Accept: text/event-stream` is the default for `Accept`. Headers to another origin cause a CORS preflight
    /// request, and so does the `Last-Event-ID` of a reconnection.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let header = (name.to_owned(), value.to_owned());
        self.request_options.request.headers.push(header);
        self
    }

    /// Sets the body of each request.
    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.request_options.request.body = Some(Uint8Array::from(body.as_ref()).into());
        self
    }

    /// Sets a function that changes each request before it is sent, for example to add a token that expires.
    ///
    /// It runs before the first request and before each reconnection. If it returns an error, the stream ends, and
    /// [`Closed::exception`](crate::Closed::exception) has the error.
    ///
    /// ```no_run
    /// # use sse_wasm::{Builder, Request};
    /// # async fn fresh_token() -> String { String::new() }
    /// let builder = Builder::new("/events").map_request(async |mut request: Request| {
    ///     let value = format!("Bearer {}", fresh_token().await);
    ///     request.headers.push(("Authorization".to_owned(), value));
    ///     Ok(request)
    /// });
    /// ```
    pub fn map_request<F>(mut self, map: impl Fn(Request) -> F + 'static) -> Self
    where
        F: Future<Output = Result<Request, JsValue>> + 'static,
    {
        let map = move |request| -> MappedRequest { Box::pin(map(request)) };
        self.request_options.map_request = Some(Rc::new(map));
        self
    }

    /// Sets the initial last event ID, so that the stream continues after the event with this ID.
    pub fn last_event_id(mut self, id: EventId) -> Self {
        self.request_options.last_event_id = Some(id);
        self
    }

    /// Closes the stream when this signal is aborted.
    ///
    /// If tabs share a connection, only this tab leaves it.
    pub fn abort_signal(mut self, signal: web_sys::AbortSignal) -> Self {
        self.request_options.abort_signal = Some(signal);
        self
    }

    /// Sets whether the request is cancelled while the page is hidden. The default is `false`.
    ///
    /// When the page is visible again, the stream continues after the last event.
    ///
    /// It has no effect in a worker, nor on a running request that is [sent once](Self::resend).
    pub fn pause_when_hidden(mut self, enabled: bool) -> Self {
        self.request_options.pause_when_hidden = enabled;
        self
    }

    /// Uses this function instead of the browser's `fetch`.
    pub fn fetch_function(mut self, fetch: Function) -> Self {
        self.request_options.fetch_function = Some(fetch);
        self
    }

    /// Sets how many bytes of the body are read for [`Closed::body`](crate::Closed::body) when the server refuses.
    ///
    /// The default is 4 KiB. The refusal is reported after the body was read, which takes at most two seconds. With 0
    /// it is reported at once.
    pub fn max_error_body_bytes(mut self, limit: usize) -> Self {
        self.request_options.max_error_body_bytes = limit;
        self
    }

    /// Sets whether a request is sent again after it failed or its stream ended.
    ///
    /// By default, `GET` and `HEAD` are sent again, and other methods are sent once. Sending them again could repeat
    /// their effect, for example pay a language model twice.
    ///
    /// A request that is sent once ends with [`Item::Closed`](crate::Item::Closed). Its reason is
    /// [`DisconnectReason::EndOfStream`](crate::DisconnectReason::EndOfStream) if the server ended the stream in order,
    /// and otherwise what interrupted it. A hidden page does not pause the request, because it could not be continued.
    /// [`Handle::reconnect`](crate::Handle::reconnect) sends it again.
    pub fn resend(mut self, enabled: bool) -> Self {
        self.request_options.resend = Some(enabled);
        self
    }

    /// Sets whether the status, headers and body of a refusal are needed, so that [`open`](Self::open) uses `fetch`.
    ///
    /// The default is `false`.
    pub fn response_details(mut self, enabled: bool) -> Self {
        self.request_options.response_details = enabled;
        self
    }

    /// Returns whether [`open`](Self::open) uses `fetch`.
    pub(crate) fn uses_fetch(&self) -> bool {
        self.request_options.first_fetch_only().is_some() || !is_supported()
    }
}

#[cfg(feature = "share")]
impl Builder {
    /// Prepares the builder for a connection that all tabs share.
    ///
    /// The connection continues after the event with this ID, unless the ID is empty.
    pub(crate) fn for_shared_connection(mut self, last_event_id: &str) -> Self {
        #[cfg(feature = "fetch")]
        {
            self.request_options.is_shared = true;
        }
        if last_event_id.is_empty() {
            return self;
        }
        #[cfg(feature = "fetch")]
        if self.uses_fetch() {
            self.request_options.last_event_id = last_event_id.to_owned().try_into().ok();
            return self;
        }
        if let Some((parameter, _)) = &self.reconnect_with_query {
            self.url = reconnect::url_with_last_event_id(&self.url, parameter, last_event_id);
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
