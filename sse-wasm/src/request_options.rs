use core::{future::Future, pin::Pin};
use std::rc::Rc;

use js_sys::Function;
use sse_proto::EventId;
use wasm_bindgen::JsValue;

/// A request of a client over `fetch`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Request {
    /// The URL, which may be relative to the page.
    pub url: String,
    /// The method. An empty string stands for `GET`.
    pub method: String,
    /// The names and values of the headers, with `Last-Event-ID` if there is a last event ID.
    pub headers: Vec<(String, String)>,
    /// The body: any value that `fetch` accepts.
    pub body: Option<JsValue>,
}

/// Default for the maximum bytes that are read of the body of a refusal.
const DEFAULT_MAX_BODY_BYTES: usize = 4 * 1024;

/// Options that `EventSource` does not support.
#[derive(Clone)]
pub(crate) struct RequestOptions {
    pub(crate) request: Request,
    pub(crate) credentials: bool,
    pub(crate) prepare: Option<Rc<Prepare>>,
    pub(crate) last_event_id: Option<EventId>,
    pub(crate) signal: Option<web_sys::AbortSignal>,
    pub(crate) pauses_when_hidden: bool,
    pub(crate) fetch: Option<Function>,
    pub(crate) body_limit: usize,
    pub(crate) status: bool,
    pub(crate) resend: Option<bool>,
    /// `true` if tabs share the connection, so that the next tab would send the request again.
    #[cfg(feature = "share")]
    pub(crate) is_shared: bool,
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self {
            request: Request::default(),
            credentials: false,
            prepare: None,
            last_event_id: None,
            signal: None,
            pauses_when_hidden: false,
            fetch: None,
            body_limit: DEFAULT_MAX_BODY_BYTES,
            status: false,
            resend: None,
            #[cfg(feature = "share")]
            is_shared: false,
        }
    }
}

pub(crate) type Prepare = dyn Fn(Request) -> Prepared;

pub(crate) type Prepared = Pin<Box<dyn Future<Output = Result<Request, JsValue>>>>;

impl Request {
    /// Returns whether the method is safe: sending the request again changes nothing on the server.
    fn is_safe(&self) -> bool {
        ["", "GET", "HEAD"]
            .iter()
            .any(|method| self.method.eq_ignore_ascii_case(method))
    }
}

impl RequestOptions {
    /// Returns whether this request is sent again after it failed or its stream ended.
    pub(crate) fn resends(&self, request: &Request) -> bool {
        self.resend.unwrap_or_else(|| request.is_safe())
    }

    /// Returns the first option that `EventSource` does not support, if one is set.
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
            (self.prepare.is_some(), "preparing each request"),
            (self.last_event_id.is_some(), "an initial last event ID"),
            (self.signal.is_some(), "an AbortSignal"),
            (self.pauses_when_hidden, "a pause while hidden"),
            (self.fetch.is_some(), "a custom fetch"),
            (self.status, "the status of a response"),
            (self.resend == Some(false), "a request that is sent once"),
        ]
        .into_iter()
        .find_map(|(is_set, option)| is_set.then_some(option))
    }
}
