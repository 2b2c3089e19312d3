use core::fmt;
use std::rc::Rc;

use sse_proto::connection::Settings;

use crate::{
    Error, EventSource,
    connection::Connection,
    queue::QUEUE_LIMIT,
    revival::{self, Plan},
};
#[cfg(feature = "fetch")]
use crate::{support::is_supported, wishes::Wishes};

/// What is asked for, and how.
#[must_use = "it does nothing until it is opened"]
pub struct Builder {
    pub(crate) url: String,
    pub(crate) credentials: bool,
    pub(crate) settings: Settings,
    pub(crate) event_types: Vec<String>,
    pub(crate) queue_limit: usize,
    pub(crate) reconnects_on_wake: bool,
    revival: Option<(String, Keep)>,
    pub(crate) ping: Option<String>,
    #[cfg(feature = "fetch")]
    pub(crate) wishes: Wishes,
}

/// A pointer, so that pages without revival do not carry its code.
type Keep = fn(&Rc<Connection>, Plan, Settings);

impl Builder {
    /// A connection to a URL, which may be relative to the page.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            credentials: false,
            settings: Settings::default(),
            event_types: Vec::new(),
            queue_limit: QUEUE_LIMIT,
            reconnects_on_wake: true,
            revival: None,
            ping: None,
            #[cfg(feature = "fetch")]
            wishes: Wishes::default(),
        }
    }

    /// Sends cookies and HTTP authentication also to another origin.
    #[doc(alias = "withCredentials")]
    pub fn with_credentials(mut self) -> Self {
        self.credentials = true;
        self
    }

    /// Adds types of events to those that [`open`](Self::open) hands out, which are only those of
    /// type `message` otherwise, if it is the browser's own `EventSource`.
    pub fn with_event_types<'a>(mut self, types: impl IntoIterator<Item = &'a str>) -> Self {
        self.event_types
            .extend(types.into_iter().map(str::to_owned));
        self
    }

    /// Sets how many items wait for a consumer that does not poll, before the oldest are dropped and
    /// [counted](crate::Item::Lagged). A client over `fetch` drops none: it stops reading.
    pub fn with_queue_limit(mut self, limit: usize) -> Self {
        self.queue_limit = limit.max(1);
        self
    }

    /// Sets the delays between attempts, and timeouts. The browser's own `EventSource` heeds them
    /// only with [revival](Self::with_revival).
    pub fn with_settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// When the browser gives up, or when nothing comes for longer than the
    /// [idle timeout](Settings::with_idle_timeout), has it try again, after the delays of the
    /// settings. A new `EventSource` cannot send `Last-Event-ID`, so the server has to read the ID
    /// from this parameter of the query too.
    ///
    /// Without a connection the browser tells nobody why, so a server that refuses for good is asked
    /// again and again, with delays that grow to those of the
    /// [limit](Settings::with_backoff_limit).
    pub fn with_revival(mut self, parameter: &str) -> Self {
        self.revival = Some((parameter.to_owned(), revival::keep));
        self
    }

    /// Sets if it connects again at once, after the last event, when the network is back, when the page is restored from
    /// the browser's cache of pages, and when the machine was asleep for a minute and a half or more. `true` if it is not
    /// set. What is open then is given up with the reason [`Requested`](sse_proto::connection::Reason::Requested),
    /// because it may be dead without a sign of it.
    ///
    /// For the browser's own `EventSource` it takes [revival](Self::with_revival). A client over `fetch` does not do it
    /// while it pauses in a hidden page, nor with a request that is sent once. Workers are told of the network and of
    /// sleep alone, and outside of browsers there is nothing of it.
    pub fn with_reconnect_on_wake(mut self, reconnect: bool) -> Self {
        self.reconnects_on_wake = reconnect;
        self
    }

    /// Takes events of this type as signs of life, and nothing else. The browser's own `EventSource`
    /// shows no comments, so with [revival](Self::with_revival) this is how a server keeps the idle
    /// timeout from passing.
    pub fn with_ping(mut self, event_type: &str) -> Self {
        self.ping = Some(event_type.to_owned());
        self
    }

    /// Connects by the browser's own `EventSource`.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] without `EventSource`, [`Error::InvalidUrl`] if the browser cannot
    /// read the URL, [`Error::NeedsFetch`] if there is something that it cannot do. A server that
    /// cannot be reached is no error here.
    pub fn native(self) -> Result<EventSource, Error> {
        #[cfg(feature = "fetch")]
        if let Some(wanted) = self.wishes.beyond_event_source() {
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
            keep(&source.0, plan, self.settings);
        }
        Ok(source)
    }
}

impl Builder {
    #[cfg(feature = "fetch")]
    pub(crate) fn takes_fetch(&self) -> bool {
        self.wishes.beyond_event_source().is_some() || !is_supported()
    }

    /// Returns a builder for a connection of all tabs, which goes on after the event with this ID, if it is not empty.
    #[cfg(feature = "share")]
    pub(crate) fn shared_after(mut self, last_event_id: &str) -> Self {
        #[cfg(feature = "fetch")]
        {
            self.wishes.is_shared = true;
        }
        if last_event_id.is_empty() {
            return self;
        }
        #[cfg(feature = "fetch")]
        if self.takes_fetch() {
            self.wishes.last_event_id = last_event_id.to_owned().try_into().ok();
            return self;
        }
        if let Some((parameter, _)) = &self.revival {
            self.url = revival::url_after(&self.url, parameter, last_event_id);
        }
        self
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("url", &self.url)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
