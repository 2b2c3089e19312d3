use core::future::Future;
use std::rc::Rc;

use js_sys::{Function, Uint8Array};
use sse_proto::EventId;
use wasm_bindgen::JsValue;

use crate::{Builder, request_options::Request};

/// Options that only `fetch` supports.
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

    /// Sets a function that prepares each request before it is sent, for example with a token that expires.
    ///
    /// It runs before the first request and before each reconnection. If it returns an error, the stream ends, and
    /// [`Closed::fault`](crate::Closed::fault) has the error.
    pub fn map_request<F>(mut self, prepare: impl Fn(Request) -> F + 'static) -> Self
    where
        F: Future<Output = Result<Request, JsValue>> + 'static,
    {
        self.request_options.prepare = Some(Rc::new(move |request| Box::pin(prepare(request))));
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
        self.request_options.signal = Some(signal);
        self
    }

    /// Sets whether the request is cancelled while the page is hidden. The default is `false`.
    ///
    /// When the page is visible again, the stream continues after the last event.
    ///
    /// It has no effect in a worker, nor on a running request that is [sent once](Self::resend).
    pub fn pause_when_hidden(mut self, enabled: bool) -> Self {
        self.request_options.pauses_when_hidden = enabled;
        self
    }

    /// Uses this function instead of the browser's `fetch`.
    pub fn fetch_function(mut self, fetch: Function) -> Self {
        self.request_options.fetch = Some(fetch);
        self
    }

    /// Sets how many bytes of the body are read for [`Closed::body`](crate::Closed::body) when the server refuses.
    ///
    /// The default is 4 KiB. The refusal is reported after the body was read, which takes at most two seconds. With 0
    /// it is reported at once.
    pub fn max_error_body_bytes(mut self, limit: usize) -> Self {
        self.request_options.body_limit = limit;
        self
    }

    /// Sets whether a request is sent again after it failed or its stream ended.
    ///
    /// By default, `GET` and `HEAD` are sent again, and other methods are sent once. Sending them again could repeat
    /// their effect, for example pay a language model twice.
    ///
    /// A request that is sent once ends with [`Item::Closed`](crate::Item::Closed). Its reason is
    /// [`DisconnectReason::EndOfStream`](crate::DisconnectReason::EndOfStream) if the server ended the stream in order, and otherwise what interrupted it.
    /// A hidden page does not pause the request, because it could not be continued.
    /// [`Handle::reconnect`](crate::Handle::reconnect) sends it again.
    pub fn resend(mut self, resend: bool) -> Self {
        self.request_options.resend = Some(resend);
        self
    }

    /// Sets whether status, headers and body are needed when the server refuses, so that [`open`](Self::open) uses
    /// `fetch`. The default is `false`.
    pub fn response_details(mut self, enabled: bool) -> Self {
        self.request_options.status = enabled;
        self
    }
}
