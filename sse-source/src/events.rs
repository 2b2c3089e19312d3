use core::{
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::{Stream, stream::FusedStream};
use http::{HeaderMap, Uri};

use crate::{Error, EventSource, Item};

/// Stream of the events of one response, from [`Builder::send`](crate::Builder::send).
///
/// It returns the items of an [`EventSource`] between its first `Open` and its first `Disconnected`. It ends with the
/// response, or with the error that broke it.
pub struct Events {
    uri: Uri,
    headers: HeaderMap,
    source: EventSource,
}

impl Events {
    /// Waits for the response of a source that connects once.
    pub(crate) async fn connect(mut source: EventSource) -> Result<Self, Error> {
        loop {
            match poll_fn(|cx| Pin::new(&mut source).poll_next(cx)).await {
                Some(Ok(Item::Open(open))) => {
                    return Ok(Self {
                        uri: open.uri,
                        headers: open.headers,
                        source,
                    });
                }
                Some(Err(error)) => return Err(error),
                // Before `Open`, such a source has no other items.
                Some(Ok(_)) | None => {}
            }
        }
    }

    /// Returns the URI that sent the response, after redirects.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the headers of the response.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

impl Stream for Events {
    type Item = Result<Item, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
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
            .field("uri", &self.uri)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
