//! Server for tests of programs that use this crate, without a network.
//!
//! A [`ScriptedServer`] answers each request with the next response of a script, and records the requests. Nothing in it
//! waits for I/O, so with tokio's paused time a test does not wait for the delays between attempts:
//!
//! ```
//! use futures_util::StreamExt;
//! use sse_source::{
//!     EventSource,
//!     testing::{ScriptedResponse, ScriptedServer},
//! };
//!
//! # /*
//! #[tokio::test(start_paused = true)]
//! # */
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() { resumes_after_the_last_event().await }
//! async fn resumes_after_the_last_event() {
//!     let server = ScriptedServer::new([
//!         ScriptedResponse::stream("id: 1\ndata: a\n\n"),
//!         ScriptedResponse::network_error(),
//!         ScriptedResponse::stream("id: 2\ndata: b\n\n").stays_open(),
//!     ]);
//!     let source = EventSource::get("http://test/events").transport(server.transport());
//!     let mut events = source.build().unwrap().events_only();
//!     assert_eq!(events.next().await.unwrap().unwrap().data, "a");
//!     assert_eq!(events.next().await.unwrap().unwrap().data, "b");
//!     assert_eq!(server.requests()[2].headers()["last-event-id"], "1");
//! }
//! ```
//!
//! A program that needs a URL instead of a [`Transport`] can be tested with any HTTP server that sends
//! `Content-Type: text/event-stream`, for example axum's on `127.0.0.1:0`.

use core::{
    pin::Pin,
    task::{Context, Poll},
};
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};

use crate::Transport;

/// Server for tests: answers each request with the next response of a script, and records the requests.
///
/// After the last response of the script, the status is 204, which ends an event source. Clones share the script and the
/// requests.
#[derive(Clone, Debug)]
pub struct ScriptedServer {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    script: VecDeque<ScriptedResponse>,
    requests: Vec<Request<Bytes>>,
}

impl ScriptedServer {
    /// Creates a server that sends these responses, one for each request.
    pub fn new(script: impl IntoIterator<Item = ScriptedResponse>) -> Self {
        let state = State {
            script: script.into_iter().collect(),
            requests: Vec::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Returns a transport that sends all requests to this server, whatever their URI.
    pub fn transport(&self) -> Transport {
        let server = self.clone();
        Transport::from_service(tower::service_fn(move |request: Request<Full<Bytes>>| {
            let server = server.clone();
            async move {
                let (head, body) = request.into_parts();
                let Ok(body) = body.collect().await;
                server.respond(Request::from_parts(head, body.to_bytes()))
            }
        }))
    }

    /// Returns the requests up to now, in order, with their bodies.
    pub fn requests(&self) -> Vec<Request<Bytes>> {
        self.state().requests.clone()
    }

    fn respond(&self, request: Request<Bytes>) -> io::Result<Response<ScriptedBody>> {
        let mut state = self.state();
        state.requests.push(request);
        let response = state.script.pop_front();
        response
            .unwrap_or_else(|| ScriptedResponse::status(StatusCode::NO_CONTENT, ""))
            .0
            .ok_or_else(|| io::ErrorKind::ConnectionRefused.into())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Response of a [`ScriptedServer`].
#[derive(Clone, Debug)]
#[must_use = "a response has no effect unless it is part of a script"]
//
// `None` is a network error.
pub struct ScriptedResponse(Option<Response<ScriptedBody>>);

impl ScriptedResponse {
    /// Creates a response with status 200, `Content-Type: text/event-stream` and this body, which then ends.
    pub fn stream(body: impl Into<Bytes>) -> Self {
        let event_stream = HeaderValue::from_static("text/event-stream");
        Self::status(StatusCode::OK, body).header(CONTENT_TYPE, event_stream)
    }

    /// Creates a response with this status and this body, for example an error.
    pub fn status(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(ScriptedBody {
            data: Some(body.into()),
            end: End::Complete,
        });
        *response.status_mut() = status;
        Self(Some(response))
    }

    /// Creates a network error: the connection is refused, and there is no response.
    pub fn network_error() -> Self {
        Self(None)
    }

    /// Sets a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if let Some(response) = &mut self.0 {
            response.headers_mut().insert(name, value);
        }
        self
    }

    /// Keeps the connection open after the body, so the stream does not end.
    pub fn stays_open(self) -> Self {
        self.ends(End::Never)
    }

    /// Breaks the connection after the body, which is a network error.
    pub fn breaks_off(self) -> Self {
        self.ends(End::ConnectionReset)
    }

    fn ends(mut self, end: End) -> Self {
        if let Some(response) = &mut self.0 {
            response.body_mut().end = end;
        }
        self
    }
}

#[derive(Clone, Debug)]
struct ScriptedBody {
    data: Option<Bytes>,
    end: End,
}

/// End of a body, after its data.
#[derive(Clone, Copy, Debug)]
enum End {
    Complete,
    ConnectionReset,
    Never,
}

impl Body for ScriptedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.end {
            End::Complete => Poll::Ready(None),
            End::ConnectionReset => {
                self.end = End::Complete;
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
            }
            // The stream is polled again if its timer or its handle wakes the task.
            End::Never => Poll::Pending,
        }
    }
}
