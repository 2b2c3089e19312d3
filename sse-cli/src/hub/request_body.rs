//! Body of a request of HTTP/1.

use core::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::{runtime::Handle, time::timeout};

/// Time for which the rest of a body is read and discarded. Then the connection is closed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Body of a request. When it is dropped before its end, because the request is refused, a task reads and discards the
/// rest. HTTP/2 needs no such task, because it can end a request alone.
//
// > If a server performs an immediate close of a TCP connection, there is a significant risk that the
// > client will not be able to read the last HTTP response. … To avoid the TCP reset problem, servers
// > typically close a connection in stages.
//
// https://www.rfc-editor.org/rfc/rfc9112#section-9.6
pub(crate) struct RequestBody<B: Drain>(Option<B>);

/// Body that can be read to its end in a task.
pub(crate) trait Drain:
    Body<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static
{
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Send + Unpin + 'static> Drain for B {}

impl<B: Drain> RequestBody<B> {
    pub(crate) fn new(body: B) -> Self {
        Self(Some(body))
    }
}

impl<B: Drain> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl<B: Drain> Drop for RequestBody<B> {
    fn drop(&mut self) {
        let rest = self.0.take_if(|body| !body.is_end_stream());
        // There is no runtime after the server has ended.
        let runtime = Handle::try_current();
        if let (Some(rest), Ok(runtime)) = (rest, runtime) {
            runtime.spawn(timeout(DRAIN_TIMEOUT, discard(rest)));
        }
    }
}

async fn discard(mut rest: impl Drain) {
    while let Some(Ok(_)) = rest.frame().await {}
}
