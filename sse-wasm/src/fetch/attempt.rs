//! One request, from its preparation to the last byte of its response.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use js_sys::{Date, Promise, Reflect, Uint8Array};
use sse_proto::connection::{Connection as Machine, Reason};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, ReadableStreamDefaultReader, RequestCache, RequestCredentials,
    RequestInit,
};

use super::{Request, Wishes};
use crate::Closed;

/// How much of the body is read to see what the server says.
const ENOUGH: usize = 4 * 1024;

#[wasm_bindgen]
extern "C" {
    /// That of the window or the worker.
    #[wasm_bindgen(js_name = fetch)]
    fn fetch(request: &web_sys::Request) -> Promise;
}

/// What is under way. Dropping it cancels it.
pub(super) enum Attempt {
    None,
    Request(Pin<Box<dyn Future<Output = Progress>>>),
    Stream(Reader),
    Refusal(Pin<Box<dyn Future<Output = Closed>>>),
}

/// How far it came.
pub(super) enum Progress {
    Response(Response),
    Chunk,
    End,
    NetworkError,
    Closed(Closed),
}

/// A response, and what cancels it.
pub(super) struct Response {
    response: web_sys::Response,
    cancel: Cancel,
}

struct Cancel(AbortController);

impl Drop for Cancel {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Attempt {
    pub(super) fn connect(wishes: Wishes, last_event_id: &str) -> Self {
        let mut request = wishes.request;
        if !last_event_id.is_empty() {
            // "Encoded as UTF-8": a header of `fetch` is a string of bytes.
            let value = last_event_id.bytes().map(char::from).collect();
            request.headers.push(("Last-Event-ID".to_owned(), value));
        }
        Self::Request(Box::pin(async move {
            if let Some(prepare) = wishes.prepare {
                match prepare(request).await {
                    Ok(prepared) => request = prepared,
                    Err(thrown) => return Progress::Closed(Closed::because_of(&thrown)),
                }
            }
            let Ok(controller) = AbortController::new() else {
                return Progress::NetworkError;
            };
            let request = match request.to_browser(wishes.credentials, &controller.signal()) {
                Ok(request) => request,
                Err(thrown) => return Progress::Closed(Closed::because_of(&thrown)),
            };
            let cancel = Cancel(controller);
            match JsFuture::from(fetch(&request)).await {
                Ok(response) => Progress::Response(Response {
                    response: response.unchecked_into(),
                    cancel,
                }),
                Err(_) => Progress::NetworkError,
            }
        }))
    }

    /// What was read of the stream and is not decoded yet.
    pub(super) fn chunk(&self) -> Option<&[u8]> {
        match self {
            Self::Stream(reader) => {
                let chunk = &reader.chunk[reader.taken..];
                (!chunk.is_empty()).then_some(chunk)
            }
            _ => None,
        }
    }

    /// All of it but so many bytes was decoded.
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

impl Request {
    /// The browser's, which throws if there is something that it does not take. Left to `fetch`, that
    /// could not be told from a network that fails.
    fn to_browser(
        &self,
        credentials: bool,
        signal: &AbortSignal,
    ) -> Result<web_sys::Request, JsValue> {
        let init = RequestInit::new();
        init.set_signal(Some(signal));
        init.set_cache(RequestCache::NoStore);
        init.set_credentials(match credentials {
            true => RequestCredentials::Include,
            false => RequestCredentials::SameOrigin,
        });
        if !self.method.is_empty() {
            init.set_method(&self.method);
        }
        let headers = web_sys::Headers::new()?;
        for (name, value) in &self.headers {
            headers.append(name, value)?;
        }
        if !headers.has("Accept")? {
            headers.set("Accept", "text/event-stream")?;
        }
        init.set_headers(&headers);
        if let Some(body) = &self.body {
            init.set_body(body);
        }
        web_sys::Request::new_with_str_and_init(&self.url, &init)
    }
}

impl Response {
    /// Tells the machine, and goes on with the response as it decides.
    pub(super) fn tell(self, machine: &mut Machine, now: Duration) -> Attempt {
        let status = self.response.status();
        let headers = self.response.headers();
        let content_type = headers.get("Content-Type").ok().flatten();
        let content_type = content_type.as_ref().map(String::as_bytes);
        let after = headers.get("Retry-After").ok().flatten();
        let after = after.and_then(|value| retry_after(&value));
        machine.on_response(status, content_type, after, now);
        if machine.is_closed() {
            // There is no more to do than to say why.
            while machine.poll_action().is_some() {}
            let reason = match status {
                200 => Reason::ContentType,
                status => Reason::Status(status),
            };
            return Attempt::Refusal(Box::pin(self.refusal(reason)));
        }
        if status != 200 {
            return Attempt::None;
        }
        Attempt::Stream(Reader {
            reader: self.reader(),
            cancel: self.cancel,
            read: None,
            chunk: Vec::new(),
            taken: 0,
        })
    }

    fn reader(&self) -> Option<ReadableStreamDefaultReader> {
        let reader = self.response.body()?.get_reader();
        reader.dyn_into().ok()
    }

    async fn refusal(self, reason: Reason) -> Closed {
        let mut reader = Reader {
            reader: self.reader(),
            cancel: self.cancel,
            read: None,
            chunk: Vec::new(),
            taken: 0,
        };
        let mut body = Vec::new();
        while body.len() < ENOUGH {
            match core::future::poll_fn(|cx| reader.poll(cx)).await {
                Progress::Chunk => body.extend_from_slice(&reader.chunk),
                _ => break,
            }
        }
        body.truncate(ENOUGH);
        let mut headers = Vec::new();
        for entry in self.response.headers().entries().into_iter().flatten() {
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
    fn because_of(thrown: &JsValue) -> Self {
        let fault = js_sys::Object::from(thrown.clone()).to_string();
        Self {
            fault: Some(fault.into()),
            ..Self::default()
        }
    }
}

/// `Retry-After`: seconds, or a date
/// ([RFC 9110, 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
fn retry_after(value: &str) -> Option<Duration> {
    #[expect(clippy::disallowed_methods, reason = "a sign before it does no harm")]
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let milliseconds = Date::parse(value) - Date::now();
    Duration::try_from_secs_f64(milliseconds / 1000.0).ok()
}

/// Reads a body, a chunk at a time, and only when it is asked to.
pub(super) struct Reader {
    /// A response may be without a body.
    reader: Option<ReadableStreamDefaultReader>,
    #[expect(dead_code, reason = "dropping it cancels")]
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
        let Ok(result) = result else {
            return Poll::Ready(Progress::NetworkError);
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
