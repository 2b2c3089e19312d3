use core::{future::Future, pin::Pin};
use std::rc::Rc;

use js_sys::{Function, Uint8Array};
use sse_proto::EventId;
use wasm_bindgen::JsValue;

use crate::Builder;

/// What a client over `fetch` sends.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Request {
    /// Where to; may be relative to the page.
    pub url: String,
    /// `GET`, if it is empty.
    pub method: String,
    /// Names and values. `Last-Event-ID` is among them, if there is one.
    pub headers: Vec<(String, String)>,
    /// Anything that `fetch` takes.
    pub body: Option<JsValue>,
}

/// How much of the body of a refusal is read, unless it is set.
const BODY_LIMIT: usize = 4 * 1024;

/// What a caller wants and `EventSource` cannot do.
#[derive(Clone)]
pub(crate) struct Wishes {
    pub(super) request: Request,
    pub(super) credentials: bool,
    pub(super) prepare: Option<Rc<Prepare>>,
    pub(crate) last_event_id: Option<EventId>,
    pub(super) signal: Option<web_sys::AbortSignal>,
    pub(super) pauses_when_hidden: bool,
    pub(super) fetch: Option<Function>,
    pub(super) body_limit: usize,
    status: bool,
}

impl Default for Wishes {
    fn default() -> Self {
        Self {
            request: Request::default(),
            credentials: false,
            prepare: None,
            last_event_id: None,
            signal: None,
            pauses_when_hidden: false,
            fetch: None,
            body_limit: BODY_LIMIT,
            status: false,
        }
    }
}

pub(super) type Prepare = dyn Fn(Request) -> Prepared;

pub(super) type Prepared = Pin<Box<dyn Future<Output = Result<Request, JsValue>>>>;

impl Wishes {
    /// The first that `EventSource` cannot do.
    pub(crate) fn beyond_event_source(&self) -> Option<&'static str> {
        let Request {
            method,
            headers,
            body,
            ..
        } = &self.request;
        [
            (!method.is_empty(), "a method"),
            (!headers.is_empty(), "headers"),
            (body.is_some(), "a body"),
            (self.prepare.is_some(), "a preparation of each request"),
            (self.last_event_id.is_some(), "a last event ID at first"),
            (self.signal.is_some(), "an AbortSignal"),
            (self.pauses_when_hidden, "a pause while hidden"),
            (self.fetch.is_some(), "a fetch of one's own"),
            (self.status, "the status of a response"),
        ]
        .into_iter()
        .find_map(|(is_wanted, what)| is_wanted.then_some(what))
    }
}

/// For `fetch` only.
impl Builder {
    /// Sends requests by this method.
    pub fn with_method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.wishes.request.method);
        self
    }

    /// Adds a header to each request. `Accept: text/event-stream` is there unless it is set. Headers
    /// for another origin cause a request for permission first, also the `Last-Event-ID` of a
    /// reconnection.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let header = (name.to_owned(), value.to_owned());
        self.wishes.request.headers.push(header);
        self
    }

    /// Sets the body of each request.
    pub fn with_body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.wishes.request.body = Some(Uint8Array::from(body.as_ref()).into());
        self
    }

    /// Has the last word on each request before it is sent, the first and those that reconnect: for a
    /// token that expires, say. What it throws is the end, and told by
    /// [`Closed::fault`](crate::Closed::fault).
    pub fn with_preparation<F>(mut self, prepare: impl Fn(Request) -> F + 'static) -> Self
    where
        F: Future<Output = Result<Request, JsValue>> + 'static,
    {
        self.wishes.prepare = Some(Rc::new(move |request| Box::pin(prepare(request))));
        self
    }

    /// Goes on behind the event with this ID.
    pub fn with_last_event_id(mut self, id: EventId) -> Self {
        self.wishes.last_event_id = Some(id);
        self
    }

    /// Closes when this signal says so.
    pub fn with_signal(mut self, signal: web_sys::AbortSignal) -> Self {
        self.wishes.signal = Some(signal);
        self
    }

    /// Cancels the request while nobody sees the page, and goes on behind the last event when
    /// somebody does. Nothing of it in a worker.
    pub fn with_pause_when_hidden(mut self) -> Self {
        self.wishes.pauses_when_hidden = true;
        self
    }

    /// Takes this function in place of the browser's `fetch`.
    pub fn with_fetch(mut self, fetch: Function) -> Self {
        self.wishes.fetch = Some(fetch);
        self
    }

    /// Sets how much of the body is read for [`Closed::body`](crate::Closed::body) when the server
    /// refuses, for at most two seconds, before it is told. 4 KiB if it is not set; 0 to be told at
    /// once.
    pub fn with_body_limit(mut self, limit: usize) -> Self {
        self.wishes.body_limit = limit;
        self
    }

    /// Wants to know status, headers and body when the server refuses, so
    /// [`open`](Self::open) takes `fetch`.
    pub fn with_status(mut self) -> Self {
        self.wishes.status = true;
        self
    }
}
