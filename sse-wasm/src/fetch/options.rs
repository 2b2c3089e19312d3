use core::future::Future;
use std::rc::Rc;

use js_sys::{Function, Uint8Array};
use sse_proto::EventId;
use wasm_bindgen::JsValue;

use crate::{Builder, wishes::Request};

/// For `fetch` only.
impl Builder {
    /// Sends requests by this method. With another than `GET` and `HEAD` a request is sent once, unless
    /// [`with_resend`](Self::with_resend) asks for more.
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

    /// Closes when this signal is aborted. Of tabs that share a connection, only this one leaves.
    pub fn with_signal(mut self, signal: web_sys::AbortSignal) -> Self {
        self.wishes.signal = Some(signal);
        self
    }

    /// Cancels the request while nobody sees the page, and goes on behind the last event when
    /// somebody does. Nothing of it in a worker, or for a request that is [sent once](Self::with_resend) and under way.
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

    /// Sets if a request is sent again after it failed or its stream ended. If it is not set, `GET` and `HEAD` are, and
    /// any other method is not: sending it again may repeat what it did, and a language model would be paid twice.
    ///
    /// A request that is sent once ends with [`Item::Closed`](crate::Item::Closed). Its reason is
    /// [`Reason::End`](crate::Reason::End) if the server ended the stream in order, and otherwise what cut it. A hidden
    /// page does not pause it, because it could not go on. [`Handle::reconnect`](crate::Handle::reconnect) sends it
    /// again.
    pub fn with_resend(mut self, resend: bool) -> Self {
        self.wishes.resend = Some(resend);
        self
    }

    /// Wants to know status, headers and body when the server refuses, so
    /// [`open`](Self::open) takes `fetch`.
    pub fn with_status(mut self) -> Self {
        self.wishes.status = true;
        self
    }
}
