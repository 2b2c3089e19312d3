//! Transport without a network, which gives the answers of a script one after the other.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderName, Request, Response};
use launchdarkly_sdk_transport::{ByteStream, HttpTransport, ResponseFuture, TransportError};
use tokio::time::Instant;

/// Answer to a request. After the last one, each request fails.
pub(crate) struct Answer(Result<Response<ByteStream>, TransportError>);

impl Answer {
    /// Returns an event stream of these chunks.
    pub(crate) fn stream(chunks: Vec<Vec<u8>>) -> Self {
        Self::body(stream::iter(chunks))
    }

    /// Returns an event stream with this body.
    pub(crate) fn body(chunks: impl Stream<Item = Vec<u8>> + Send + Sync + 'static) -> Self {
        let body: ByteStream = Box::pin(chunks.map(|chunk| Ok(Bytes::from(chunk))));
        Self(Ok(Response::new(body))).header("content-type", "text/event-stream")
    }

    /// Returns a response with this status and no body.
    #[allow(dead_code, reason = "not each test uses it")]
    pub(crate) fn status(status: u16) -> Self {
        let mut answer = Self::stream(Vec::new());
        if let Ok(response) = &mut answer.0 {
            response.headers_mut().clear();
            *response.status_mut() = status.try_into().unwrap();
        }
        answer
    }

    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        if let Ok(response) = &mut self.0 {
            let name = HeaderName::from_static(name);
            response
                .headers_mut()
                .insert(name, value.try_into().unwrap());
        }
        self
    }

    #[allow(dead_code, reason = "not each test uses it")]
    pub(crate) fn network_error() -> Self {
        Self(Err(TransportError::new(io::Error::other("refused"))))
    }
}

/// Request, with the time of the attempt.
pub(crate) type SentRequest = (Instant, Request<Option<Bytes>>);

#[derive(Clone)]
pub(crate) struct Scripted {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<SentRequest>>>,
}

impl Scripted {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            requests: Arc::default(),
        }
    }

    /// Returns the requests, with the time of each.
    #[allow(dead_code, reason = "not each test uses it")]
    pub(crate) fn requests(&self) -> Vec<SentRequest> {
        self.requests.lock().unwrap().clone()
    }
}

impl HttpTransport for Scripted {
    fn request(&self, request: Request<Option<Bytes>>) -> ResponseFuture {
        self.requests
            .lock()
            .unwrap()
            .push((Instant::now(), request));
        let answer = self.answers.lock().unwrap().pop_front();
        let Answer(response) = answer.unwrap_or_else(Answer::network_error);
        Box::pin(std::future::ready(response))
    }
}
