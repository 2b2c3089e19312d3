//! One `fetch` request, from its preparation to the last byte of its response.

use core::{
    cell::Cell,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use std::rc::Rc;

use js_sys::{Date, Promise, Reflect, Uint8Array};
use sse_proto::client::{DisconnectReason, Session, retry_after_seconds};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, Headers, ReadableStreamDefaultReader, RequestCache,
    RequestCredentials, RequestInit,
};

use crate::{
    Closed,
    clock::{Timer, now},
    dictionary::dictionary,
    request_options::{Request, RequestOptions},
};

/// Maximum time to read the body of a response that refuses the stream.
const REFUSAL_BODY_TIMEOUT: Duration = Duration::from_secs(2);

#[wasm_bindgen]
extern "C" {
    /// The global `fetch` of the window or the worker.
    #[wasm_bindgen(js_name = fetch)]
    fn fetch(request: &web_sys::Request, init: &RequestInit) -> Promise;
}

/// The current step of a request. Dropping it cancels the request.
pub(super) enum Attempt {
    None,
    Request(Pin<Box<dyn Future<Output = Progress>>>),
    Stream(Reader),
    Refusal(Pin<Box<dyn Future<Output = Closed>>>),
}

/// The result of one step of a request.
pub(super) enum Progress {
    Response(Response),
    Chunk,
    End,
    NetworkError,
    Closed(Closed),
}

/// A response, and the controller that cancels its request.
pub(super) struct Response {
    response: web_sys::Response,
    cancel: Cancel,
    body_limit: usize,
    resends: bool,
}

/// Aborts the request when it is dropped.
struct Cancel(AbortController);

impl Drop for Cancel {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Attempt {
    /// Sends a request, and sets `resends` to whether another request may follow it.
    pub(super) fn connect(
        mut request_options: RequestOptions,
        last_event_id: &str,
        resends: Rc<Cell<bool>>,
    ) -> Self {
        let mut request = core::mem::take(&mut request_options.request);
        if !last_event_id.is_empty() {
            // "Encoded as UTF-8": a `fetch` header is a byte string, so each `char` stands for one byte.
            let value = last_event_id.bytes().map(char::from).collect();
            request.headers.push(("Last-Event-ID".to_owned(), value));
        }
        Self::Request(Box::pin(async move {
            if let Some(prepare) = &request_options.prepare {
                match prepare(request).await {
                    Ok(prepared) => request = prepared,
                    Err(thrown) => return Progress::Closed(Closed::because_of(&thrown)),
                }
            }
            // The preparation can have changed the method.
            resends.set(request_options.resends(&request));
            #[cfg(feature = "share")]
            if request_options.is_shared && !resends.get() {
                return Progress::Closed(Closed {
                    fault: Some(crate::Error::NeedsResend.to_string()),
                    ..Closed::default()
                });
            }
            let Ok(controller) = AbortController::new() else {
                return Progress::NetworkError;
            };
            let cancel = Cancel(controller);
            let sent = request.send(&request_options, &cancel.0.signal());
            let promise = match sent {
                Ok(promise) => promise,
                Err(thrown) => return Progress::Closed(Closed::because_of(&thrown)),
            };
            match JsFuture::from(promise).await {
                Ok(response) => Progress::Response(Response {
                    response: response.unchecked_into(),
                    cancel,
                    body_limit: request_options.body_limit,
                    resends: resends.get(),
                }),
                Err(thrown) => Progress::failed(&thrown),
            }
        }))
    }

    /// Returns the bytes of the stream that were read and are not decoded yet.
    pub(super) fn chunk(&self) -> Option<&[u8]> {
        match self {
            Self::Stream(reader) => {
                let chunk = &reader.chunk[reader.taken..];
                (!chunk.is_empty()).then_some(chunk)
            }
            _ => None,
        }
    }

    /// Returns the URL of the open stream, after all redirects.
    pub(super) fn url(&self) -> Option<&str> {
        match self {
            Self::Stream(reader) => Some(&reader.url),
            _ => None,
        }
    }

    /// Marks the chunk as decoded, except for its last `left` bytes.
    pub(super) fn leave(&mut self, left: usize) {
        if let Self::Stream(reader) = self {
            reader.taken = reader.chunk.len() - left;
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Progress> {
        match self {
            Self::None => Poll::Pending,
            Self::Request(request) => request.as_mut().poll(cx),
            Self::Stream(reader) => reader.poll(cx),
            Self::Refusal(closed) => closed.as_mut().poll(cx).map(Progress::Closed),
        }
    }
}

impl Progress {
    /// Converts an exception of `fetch` or of a read.
    ///
    /// "If res is an aborted network error, then fail the connection."
    ///
    /// The client ignores the results of requests that it aborts itself. So an `AbortError` means that a `fetch`
    /// function of the caller was aborted. For `window.stop()`, browsers report a plain network error.
    fn failed(thrown: &JsValue) -> Self {
        let name = Reflect::get(thrown, &"name".into());
        match name.is_ok_and(|name| name == "AbortError") {
            true => Self::Closed(Closed::because_of(thrown)),
            false => Self::NetworkError,
        }
    }
}

impl Request {
    fn init(&self, credentials: bool, signal: &AbortSignal) -> Result<RequestInit, JsValue> {
        let headers = self.headers()?;
        let init = init_of(&self.method, &headers, signal);
        init.set_body(self.body.as_ref().unwrap_or(&JsValue::NULL));
        init.set_cache(RequestCache::NoStore);
        init.set_credentials(match credentials {
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
    fn send(
        &self,
        request_options: &RequestOptions,
        signal: &AbortSignal,
    ) -> Result<Promise, JsValue> {
        let init = self.init(request_options.credentials, signal)?;
        let Some(own) = &request_options.fetch else {
            let request = web_sys::Request::new_with_str_and_init(&self.url, &init)?;
            // The signal is passed a second time, because in Node a request that was garbage-collected does not
            // forward its signal.
            let cancel = init_of(&self.method, &request.headers(), signal);
            // With `null`, Bun would send an empty body instead of the body of the request.
            cancel.set_body(&JsValue::UNDEFINED);
            return Ok(fetch(&request, &cancel));
        };
        let sent = own.call2(&JsValue::UNDEFINED, &(&self.url).into(), &init);
        Ok(match sent {
            Ok(response) => Promise::resolve(&response),
            Err(thrown) => Promise::reject(&thrown),
        })
    }
}

/// Returns the options that each request sets explicitly, even if they are the defaults.
///
/// Node looks up missing options along the prototype chain of an object of its own.
fn init_of(method: &str, headers: &Headers, signal: &AbortSignal) -> RequestInit {
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

impl Response {
    /// Passes the response to the state machine, and returns the next step that it decides on.
    pub(super) fn tell(self, machine: &mut Session, now: Duration) -> Attempt {
        let status = self.response.status();
        let headers = self.response.headers();
        let content_type = headers.get("Content-Type").ok().flatten();
        let content_type = content_type.as_ref().map(String::as_bytes);
        let after = headers.get("Retry-After").ok().flatten();
        let after = after.and_then(|value| retry_after(&value));
        machine.handle_response(status, content_type, after, now);
        if machine.is_closed() || (status != 200 && !self.resends) {
            // The only remaining step is to report the reason.
            machine.close();
            while machine.poll_action().is_some() {}
            while machine.poll_change().is_some() {}
            let reason = match status {
                200 => DisconnectReason::ContentType,
                status => DisconnectReason::Status(status),
            };
            return Attempt::Refusal(Box::pin(self.refusal(reason)));
        }
        if status != 200 {
            return Attempt::None;
        }
        Attempt::Stream(self.read())
    }

    fn read(self) -> Reader {
        let body = self.response.body();
        Reader {
            reader: body.and_then(|body| body.get_reader().dyn_into().ok()),
            url: self.response.url(),
            cancel: self.cancel,
            read: None,
            chunk: Vec::new(),
            taken: 0,
        }
    }

    /// Reads the headers and the beginning of the body of a refusal.
    async fn refusal(self, reason: DisconnectReason) -> Closed {
        let (entries, limit) = (self.response.headers().entries(), self.body_limit);
        let mut reader = self.read();
        let controller = reader.cancel.0.clone();
        let _timeout = Timer::new(now() + REFUSAL_BODY_TIMEOUT, move || controller.abort());
        let mut body = Vec::new();
        while body.len() < limit {
            match core::future::poll_fn(|cx| reader.poll(cx)).await {
                Progress::Chunk => body.extend_from_slice(&reader.chunk),
                _ => break,
            }
        }
        body.truncate(limit);
        let mut headers = Vec::new();
        for entry in entries.into_iter().flatten() {
            if let Ok(entry) = entry.dyn_into::<js_sys::Array>()
                && let (Some(name), Some(value)) =
                    (entry.get(0).as_string(), entry.get(1).as_string())
            {
                headers.push((name, value));
            }
        }
        Closed {
            reason: Some(reason),
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            fault: None,
        }
    }
}

impl Closed {
    pub(super) fn by(reason: DisconnectReason) -> Self {
        Self {
            reason: Some(reason),
            ..Self::default()
        }
    }

    fn because_of(thrown: &JsValue) -> Self {
        let fault = js_sys::Object::from(thrown.clone()).to_string();
        Self {
            fault: Some(fault.into()),
            ..Self::default()
        }
    }
}

/// Returns the delay of a `Retry-After` header, which has seconds or a date
/// ([RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
fn retry_after(value: &str) -> Option<Duration> {
    retry_after_seconds(value.as_bytes()).or_else(|| {
        let milliseconds = Date::parse(value) - Date::now();
        Duration::try_from_secs_f64(milliseconds / 1000.0).ok()
    })
}

/// Reads a body one chunk at a time, only when it is polled.
pub(super) struct Reader {
    /// `None` if the response has no body.
    reader: Option<ReadableStreamDefaultReader>,
    /// The URL after all redirects.
    url: String,
    cancel: Cancel,
    read: Option<JsFuture>,
    chunk: Vec<u8>,
    taken: usize,
}

impl Reader {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Progress> {
        let Some(reader) = &self.reader else {
            return Poll::Ready(Progress::End);
        };
        let read = self.read.get_or_insert_with(|| reader.read().into());
        let result = ready!(Pin::new(read).poll(cx));
        self.read = None;
        let result = match result {
            Ok(result) => result,
            Err(thrown) => return Poll::Ready(Progress::failed(&thrown)),
        };
        let value = Reflect::get(&result, &"value".into());
        let Some(bytes) = value
            .ok()
            .and_then(|value| value.dyn_into::<Uint8Array>().ok())
        else {
            return Poll::Ready(Progress::End);
        };
        self.chunk.resize(bytes.length() as usize, 0);
        bytes.copy_to(&mut self.chunk);
        self.taken = 0;
        Poll::Ready(Progress::Chunk)
    }
}
