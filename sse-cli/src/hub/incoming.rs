//! The body of a request. If the request is refused before the end of its body, the rest is read for a while.
//!
//! > If a server performs an immediate close of a TCP connection, there is a significant risk that the
//! > client will not be able to read the last HTTP response. … To avoid the TCP reset problem, servers
//! > typically close a connection in stages.
//!
//! [RFC 9112, 9.6](https://www.rfc-editor.org/rfc/rfc9112#section-9.6)

use core::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body;
use tokio::{runtime::Handle, time::timeout};

/// Time for which the rest of a body is read and discarded. Then the connection is closed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Body of hyper. When it is dropped before its end, a task reads the rest.
pub(crate) struct Incoming(Option<body::Incoming>);

impl Incoming {
    pub(crate) fn new(body: body::Incoming) -> Self {
        Self(Some(body))
    }
}

impl Body for Incoming {
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

impl Drop for Incoming {
    fn drop(&mut self) {
        let rest = self.0.take_if(|body| !body.is_end_stream());
        // There is no runtime after the server has ended.
        let runtime = Handle::try_current();
        if let (Some(rest), Ok(runtime)) = (rest, runtime) {
            runtime.spawn(timeout(DRAIN_TIMEOUT, read(rest)));
        }
    }
}

async fn read(mut rest: body::Incoming) {
    while let Some(Ok(_)) = rest.frame().await {}
}
