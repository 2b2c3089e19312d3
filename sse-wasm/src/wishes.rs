use core::{future::Future, pin::Pin};
use std::rc::Rc;

use js_sys::Function;
use sse_proto::EventId;
use wasm_bindgen::JsValue;

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
    /// If the next tab would send the request again.
    #[cfg(feature = "share")]
    pub(crate) is_shared: bool,
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
            resend: None,
            #[cfg(feature = "share")]
            is_shared: false,
        }
    }
}

pub(crate) type Prepare = dyn Fn(Request) -> Prepared;

pub(crate) type Prepared = Pin<Box<dyn Future<Output = Result<Request, JsValue>>>>;

impl Request {
    /// Returns whether its method only reads, so that sending it again changes nothing at the server.
    fn is_safe(&self) -> bool {
        ["", "GET", "HEAD"]
            .iter()
            .any(|method| self.method.eq_ignore_ascii_case(method))
    }
}

impl Wishes {
    /// Returns whether this request is sent again after it failed or its stream ended.
    pub(crate) fn resends(&self, request: &Request) -> bool {
        self.resend.unwrap_or_else(|| request.is_safe())
    }

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
            (self.resend == Some(false), "a request that is sent once"),
        ]
        .into_iter()
        .find_map(|(is_wanted, what)| is_wanted.then_some(what))
    }
}
