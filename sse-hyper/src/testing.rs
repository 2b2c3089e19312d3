//! Helpers for unit tests of handlers.

use core::{fmt, future::poll_fn, pin::Pin};
use std::collections::VecDeque;

use bytes::Buf;
use http::{Response, StatusCode, header::CONTENT_TYPE};
use http_body::Body;
use sse_proto::{Chunk, Decoder, Event, Item};

/// Reader of the events in a response, for unit tests of handlers without a socket.
///
/// It decodes like a client: comments are skipped, and an event without an ID has the last event ID of the stream.
/// The reconnection time of an event is not read.
///
/// ```
/// # #[cfg(feature = "axum")]
/// # mod example {
/// # use axum::{Router, body::Body, extract::Request, response::IntoResponse, routing::get};
/// # use sse_hyper::{Event, EventStreamRequest, testing::EventReader};
/// # use tower::ServiceExt;
/// # async fn events(sse: EventStreamRequest) -> impl IntoResponse {
/// #     sse.respond(futures_util::stream::iter([Event::new("hello")]))
/// # }
/// # fn router() -> Router { Router::new().route("/events", get(events)) }
/// #[tokio::test]
/// async fn the_handler_says_hello() {
///     let request = Request::get("/events").body(Body::empty()).unwrap();
///     let response = router().oneshot(request).await.unwrap();
///     assert_eq!(EventReader::new(response).collect().await, [Event::new("hello")]);
/// }
/// # }
/// ```
///
/// A stream that never ends is read event by event, with [`next`](Self::next).
pub struct EventReader<B> {
    body: Pin<Box<B>>,
    decoder: Decoder,
    decoded: VecDeque<Event>,
}

impl<B> EventReader<B>
where
    B: Body<Error: fmt::Debug>,
{
    /// Creates a reader of the events in this response.
    ///
    /// # Panics
    ///
    /// Panics if the status is not `200 OK`, or if the content type is not `text/event-stream`.
    #[track_caller]
    pub fn new(response: Response<B>) -> Self {
        let content_type = response.headers().get(CONTENT_TYPE);
        assert_eq!(response.status(), StatusCode::OK, "status");
        assert_eq!(
            content_type.map(|value| value.as_bytes()),
            Some(&b"text/event-stream"[..]),
            "content type"
        );
        Self {
            body: Box::pin(response.into_body()),
            decoder: Decoder::new(),
            decoded: VecDeque::new(),
        }
    }

    /// Returns the next event, or `None` at the end of the stream.
    ///
    /// # Panics
    ///
    /// Panics if the body fails, or if an event is too large for the decoder's default limit.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.decoded.pop_front() {
                return Some(event);
            }
            let frame = poll_fn(|cx| self.body.as_mut().poll_frame(cx)).await?;
            if let Ok(mut data) = frame.expect("body of the response").into_data() {
                self.decode(&data.copy_to_bytes(data.remaining()));
            }
        }
    }

    /// Returns all events up to the end of the stream.
    ///
    /// # Panics
    ///
    /// Panics like [`next`](Self::next).
    pub async fn collect(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    fn decode(&mut self, bytes: &[u8]) {
        let mut chunk = Chunk::new(bytes);
        while let Some(item) = self.decoder.decode(&mut chunk).expect("event stream") {
            if let Item::Event(event) = item {
                self.decoded
                    .push_back(Event::try_from(event).expect("event of a decoder"));
            }
        }
    }
}

impl<B> fmt::Debug for EventReader<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventReader")
            .field("decoded", &self.decoded)
            .finish_non_exhaustive()
    }
}
