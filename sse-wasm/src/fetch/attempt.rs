//! One `fetch` request, from its preparation to the last byte of its response.

use core::{
    cell::Cell,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::rc::Rc;

use js_sys::{Date, Reflect, Uint8Array};
use sse_proto::client::{DisconnectReason, Session, Verdict, retry_after_seconds};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, ReadableStreamDefaultReader};

use super::request::RequestOptions;
use crate::{
    Closed,
    clock::{Timer, now},
};

/// Maximum time to read the body of an error response.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// The current step of a request. Dropping it cancels the request.
pub(super) enum Attempt {
    None,
    Request(Pin<Box<dyn Future<Output = Progress>>>),
    Stream(Reader),
    /// The body of a response that is not an event stream.
    ErrorResponse(Pin<Box<dyn Future<Output = Closed>>>),
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
    cancel: CancelGuard,
    max_error_body_bytes: usize,
    is_resent: bool,
}

/// Aborts the request when it is dropped.
struct CancelGuard(AbortController);

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Attempt {
    /// Sends a request, and sets `is_resent` to whether another request may follow it.
    pub(super) fn connect(
        mut options: RequestOptions,
        last_event_id: &str,
        is_resent: Rc<Cell<bool>>,
    ) -> Self {
        let mut request = core::mem::take(&mut options.request);
        if !last_event_id.is_empty() {
            // "Encoded as UTF-8": a `fetch` header is a byte string, so each `char` stands for one byte.
            let value = last_event_id.bytes().map(char::from).collect();
            request.headers.push(("Last-Event-ID".to_owned(), value));
        }
        Self::Request(Box::pin(async move {
            if let Some(map_request) = &options.map_request {
                match map_request(request).await {
                    Ok(mapped) => request = mapped,
                    Err(exception) => {
                        return Progress::Closed(Closed::from_exception(&exception));
                    }
                }
            }
            // The function can have changed the method.
            is_resent.set(options.is_resent(&request));
            #[cfg(feature = "share")]
            if options.is_shared && !is_resent.get() {
                return Progress::Closed(Closed {
                    exception: Some(crate::Error::NeedsResend.to_string()),
                    ..Closed::default()
                });
            }
            let Ok(controller) = AbortController::new() else {
                return Progress::NetworkError;
            };
            let cancel = CancelGuard(controller);
            let promise = match request.send(&options, &cancel.0.signal()) {
                Ok(promise) => promise,
                Err(exception) => return Progress::Closed(Closed::from_exception(&exception)),
            };
            match JsFuture::from(promise).await {
                Ok(response) => Progress::Response(Response {
                    response: response.unchecked_into(),
                    cancel,
                    max_error_body_bytes: options.max_error_body_bytes,
                    is_resent: is_resent.get(),
                }),
                Err(exception) => Progress::from_exception(&exception),
            }
        }))
    }

    /// Returns the bytes of the stream that were read and are not decoded yet.
    pub(super) fn chunk(&self) -> Option<&[u8]> {
        match self {
            Self::Stream(reader) => {
                let chunk = &reader.chunk[reader.decoded..];
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

    /// Marks the chunk as decoded, except for this number of bytes at its end.
    pub(super) fn set_remaining(&mut self, remaining: usize) {
        if let Self::Stream(reader) = self {
            reader.decoded = reader.chunk.len() - remaining;
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Progress> {
        match self {
            Self::None => Poll::Pending,
            Self::Request(request) => request.as_mut().poll(cx),
            Self::Stream(reader) => reader.poll(cx),
            Self::ErrorResponse(closed) => closed.as_mut().poll(cx).map(Progress::Closed),
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
    fn from_exception(exception: &JsValue) -> Self {
        let name = Reflect::get(exception, &"name".into());
        match name.is_ok_and(|name| name == "AbortError") {
            true => Self::Closed(Closed::from_exception(exception)),
            false => Self::NetworkError,
        }
    }
}

impl Response {
    /// Passes the response to the session, and returns the next step that the session decides on.
    pub(super) fn handle(self, session: &mut Session, now: Duration) -> Attempt {
        let status = self.response.status();
        let headers = self.response.headers();
        let content_type = headers.get("Content-Type").ok().flatten();
        let content_type = content_type.as_ref().map(String::as_bytes);
        let (reason, is_retried) = match session.handle_response(status, content_type, now) {
            Verdict::Stream => return Attempt::Stream(self.into_reader()),
            Verdict::Unexpected { reason, is_retried } => (reason, is_retried && self.is_resent),
            _ => return Attempt::None,
        };
        let retry_after = headers.get("Retry-After").ok().flatten();
        let retry_after = retry_after.and_then(|value| parse_retry_after(&value));
        session.handle_unexpected_response(reason, is_retried, retry_after, now);
        match is_retried {
            true => Attempt::None,
            // The only remaining step is to report the reason.
            false => Attempt::ErrorResponse(Box::pin(self.read_error(reason))),
        }
    }

    fn into_reader(self) -> Reader {
        let body = self.response.body();
        Reader {
            reader: body.and_then(|body| body.get_reader().dyn_into().ok()),
            url: self.response.url(),
            cancel: self.cancel,
            read: None,
            chunk: Vec::new(),
            decoded: 0,
        }
    }

    /// Reads the headers and the beginning of the body of an error response.
    async fn read_error(self, reason: DisconnectReason) -> Closed {
        let (entries, limit) = (self.response.headers().entries(), self.max_error_body_bytes);
        let mut reader = self.into_reader();
        let controller = reader.cancel.0.clone();
        let _timeout = Timer::new(now() + ERROR_BODY_TIMEOUT, move || controller.abort());
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
            exception: None,
        }
    }
}

impl Closed {
    pub(super) fn from_reason(reason: DisconnectReason) -> Self {
        Self {
            reason: Some(reason),
            ..Self::default()
        }
    }

    fn from_exception(exception: &JsValue) -> Self {
        let text = js_sys::Object::from(exception.clone()).to_string();
        Self {
            exception: Some(text.into()),
            ..Self::default()
        }
    }
}

/// Returns the delay of a `Retry-After` header, which has seconds or a date
/// ([RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
fn parse_retry_after(value: &str) -> Option<Duration> {
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
    cancel: CancelGuard,
    read: Option<JsFuture>,
    chunk: Vec<u8>,
    /// Number of bytes of the chunk that are decoded.
    decoded: usize,
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
            Err(exception) => return Poll::Ready(Progress::from_exception(&exception)),
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
        self.decoded = 0;
        Poll::Ready(Progress::Chunk)
    }
}
