use core::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::{Stream, stream::FusedStream};
use http::{HeaderMap, Response, Uri};
use http_body::Body;

use crate::{
    Error, EventSource, Item,
    item::ResponseHead,
    transport::{BoxError, boxed},
};

/// Stream of the [`Item`]s of one response, from [`Builder::send`](crate::Builder::send) or
/// [`from_response`](Self::from_response).
///
/// It ends with the response, or with the error that broke it. Its items are those of an [`EventSource`] without
/// [`Item::Open`] and [`Item::Disconnected`]. [`events_only`](Self::events_only) leaves out all that are not events.
/// Dropping it ends the connection.
#[must_use = "streams do nothing unless they are polled"]
pub struct Events {
    head: Box<ResponseHead>,
    source: EventSource,
    /// Set while the request may be repeated: before the first event, with retries.
    hides_retries: bool,
}

impl Events {
    /// Returns the events of a response that another HTTP client has received.
    ///
    /// The body must be decoded: a response with a `Content-Encoding` is not an event stream. The limits are those of
    /// [`ClientConfig`](crate::ClientConfig). For a `reqwest::Response`, use `Events::from_reqwest`, with the feature
    /// `reqwest`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), sse_source::Error> {
    /// use futures_util::StreamExt;
    /// use sse_source::Events;
    ///
    /// let response = http::Response::builder()
    ///     .header("content-type", "text/event-stream")
    ///     .body("data: hello\n\n".to_owned())
    ///     .unwrap();
    /// let mut events = Events::from_response(response).await?.events_only();
    /// assert_eq!(events.next().await.unwrap()?.data, "hello");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`Error::UnexpectedResponse`] if the status is not 200, or the response has another `Content-Type` than
    /// `text/event-stream`. It has the first 64 KiB of the body, which must arrive within 5 s.
    pub async fn from_response<B>(response: Response<B>) -> Result<Self, Error>
    where
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        Self::connect(EventSource::from_response(response.map(boxed))).await
    }

    /// Waits for the response of a source that connects once.
    pub(crate) async fn connect(mut source: EventSource) -> Result<Self, Error> {
        let hides_retries = source.has_retries();
        loop {
            match poll_fn(|cx| Pin::new(&mut source).poll_next(cx)).await {
                Some(Ok(Item::Open(head))) => {
                    return Ok(Self {
                        head,
                        source,
                        hides_retries,
                    });
                }
                Some(Err(error)) => return Err(error),
                // A failed attempt that is retried.
                Some(Ok(_)) | None => {}
            }
        }
    }

    /// Returns the URI that sent the response, after redirects. It is `/` if the response came from
    /// [`from_response`](Self::from_response).
    pub fn uri(&self) -> &Uri {
        &self.head.uri
    }

    /// Returns the headers of the response.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Polls for the next item while the request may be repeated.
    #[cold]
    fn poll_before_first_event(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Item, Error>>> {
        loop {
            match ready!(Pin::new(&mut self.source).poll_next(cx)) {
                Some(Ok(Item::Open(head))) => self.head = head,
                Some(Ok(Item::Disconnected(_))) => {}
                item => {
                    if let Some(Ok(Item::Event(_) | Item::TooLarge(_))) = item {
                        self.hides_retries = false;
                        self.source.end_retries();
                    }
                    return Poll::Ready(item);
                }
            }
        }
    }
}

impl Stream for Events {
    type Item = Result<Item, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.hides_retries {
            return self.poll_before_first_event(cx);
        }
        Pin::new(&mut self.source).poll_next(cx)
    }
}

impl FusedStream for Events {
    fn is_terminated(&self) -> bool {
        self.source.is_terminated()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("uri", &self.head.uri)
            .field("headers", &self.head.headers)
            .finish_non_exhaustive()
    }
}
