//! A request, the options that apply to all requests of a source, and how a request is sent.

use core::{future::Future, pin::Pin};
use std::rc::Rc;

use js_sys::{Function, Promise, Reflect};
use sse_proto::EventId;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::{AbortSignal, Headers, RequestCache, RequestCredentials, RequestInit};

use crate::browser::dictionary;

#[wasm_bindgen]
extern "C" {
    /// The global `fetch` of the window or the worker.
    #[wasm_bindgen(js_name = fetch)]
    fn fetch(request: &web_sys::Request, init: &RequestInit) -> Promise;
}

/// A request of a client over `fetch`, which [`Builder::map_request`](crate::Builder::map_request) can change.
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

/// Default maximum number of bytes that are read of the body of an error response.
const DEFAULT_MAX_ERROR_BODY_BYTES: usize = 4 * 1024;

/// Options that `EventSource` does not support. The fields have the names of the setters of the builder.
#[derive(Clone)]
pub(crate) struct RequestOptions {
    pub(crate) request: Request,
    pub(crate) with_credentials: bool,
    pub(crate) map_request: Option<Rc<MapRequest>>,
    pub(crate) last_event_id: Option<EventId>,
    pub(crate) abort_signal: Option<AbortSignal>,
    pub(crate) pause_when_hidden: bool,
    pub(crate) fetch_function: Option<Function>,
    pub(crate) max_error_body_bytes: usize,
    pub(crate) response_details: bool,
    pub(crate) resend: Option<bool>,
    /// `true` if tabs share the connection, so that the next tab would send the request again.
    #[cfg(feature = "share")]
    pub(crate) is_shared: bool,
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self {
            request: Request::default(),
            with_credentials: false,
            map_request: None,
            last_event_id: None,
            abort_signal: None,
            pause_when_hidden: false,
            fetch_function: None,
            max_error_body_bytes: DEFAULT_MAX_ERROR_BODY_BYTES,
            response_details: false,
            resend: None,
            #[cfg(feature = "share")]
            is_shared: false,
        }
    }
}

pub(crate) type MapRequest = dyn Fn(Request) -> MappedRequest;

pub(crate) type MappedRequest = Pin<Box<dyn Future<Output = Result<Request, JsValue>>>>;

impl Request {
    /// Returns whether the method is safe: sending the request again changes nothing on the server.
    fn is_safe(&self) -> bool {
        ["", "GET", "HEAD"]
            .iter()
            .any(|method| self.method.eq_ignore_ascii_case(method))
    }

    fn init(&self, with_credentials: bool, signal: &AbortSignal) -> Result<RequestInit, JsValue> {
        let headers = self.headers()?;
        let init = request_init(&self.method, &headers, signal);
        init.set_body(self.body.as_ref().unwrap_or(&JsValue::NULL));
        init.set_cache(RequestCache::NoStore);
        init.set_credentials(match with_credentials {
            true => RequestCredentials::Include,
            false => RequestCredentials::SameOrigin,
        });
        Ok(init)
    }

    fn headers(&self) -> Result<Headers, JsValue> {
        let headers = Headers::new()?;
        for (name, value) in &self.headers {
            headers.append(name, value)?;
        }
        if !headers.has("Accept")? {
            headers.set("Accept", "text/event-stream")?;
        }
        Ok(headers)
    }

    /// Sends the request.
    ///
    /// Returns an exception if the browser rejects a part of the request. `fetch` itself would report that as a
    /// `TypeError`, like a network error, so the `Request` is constructed first.
    pub(super) fn send(
        &self,
        options: &RequestOptions,
        signal: &AbortSignal,
    ) -> Result<Promise, JsValue> {
        let init = self.init(options.with_credentials, signal)?;
        let Some(custom_fetch) = &options.fetch_function else {
            let request = web_sys::Request::new_with_str_and_init(&self.url, &init)?;
            // The signal is passed a second time, because in Node a request that was garbage-collected does not
            // forward its signal.
            let forwarding = request_init(&self.method, &request.headers(), signal);
            // With `null`, Bun would send an empty body instead of the body of the request.
            forwarding.set_body(&JsValue::UNDEFINED);
            return Ok(fetch(&request, &forwarding));
        };
        let result = custom_fetch.call2(&JsValue::UNDEFINED, &(&self.url).into(), &init);
        Ok(match result {
            Ok(response) => Promise::resolve(&response),
            Err(exception) => Promise::reject(&exception),
        })
    }
}

/// Returns the options that each request sets explicitly, even if they are the defaults.
///
/// Node looks up missing options along the prototype chain of an object of its own.
fn request_init(method: &str, headers: &Headers, signal: &AbortSignal) -> RequestInit {
    let init: RequestInit = dictionary();
    init.set_signal(Some(signal));
    init.set_method(if method.is_empty() { "GET" } else { method });
    init.set_headers(headers);
    for (name, value) in [("mode", "cors"), ("redirect", "follow"), ("integrity", "")] {
        // It cannot throw, because the object has no prototype and so no setters.
        let _ = Reflect::set(&init, &name.into(), &value.into());
    }
    init
}

impl RequestOptions {
    /// Returns whether this request is sent again after it failed or its stream ended.
    pub(crate) fn is_resent(&self, request: &Request) -> bool {
        self.resend.unwrap_or_else(|| request.is_safe())
    }

    /// Returns the first option that `EventSource` does not support, if one is set.
    pub(crate) fn first_fetch_only(&self) -> Option<&'static str> {
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
            (self.map_request.is_some(), "changing each request"),
            (self.last_event_id.is_some(), "an initial last event ID"),
            (self.abort_signal.is_some(), "an AbortSignal"),
            (self.pause_when_hidden, "a pause while hidden"),
            (self.fetch_function.is_some(), "a custom fetch"),
            (self.response_details, "the details of a response"),
            (self.resend == Some(false), "a request that is sent once"),
        ]
        .into_iter()
        .find_map(|(is_set, option)| is_set.then_some(option))
    }
}
