//! Output of the bytes of a stream as they arrive.

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Response, StatusCode, header::CONTENT_TYPE};
use http_body::{Body, Frame};
use sse_proto::client::is_event_stream;
use sse_source::{BoxError, Transport};
use tower::ServiceExt;

use crate::stdout;

/// Returns a transport that writes the event streams of the inner one to stdout.
pub(crate) fn transport(inner: Transport) -> Transport {
    let response = |response: Response<_>| {
        // Other responses, such as error pages, do not go to stdout.
        let content_type = response.headers().get(CONTENT_TYPE);
        let is_stream = response.status() == StatusCode::OK
            && content_type.is_some_and(|value| is_event_stream(value.as_bytes()));
        response.map(|body| Tee { body, is_stream })
    };
    Transport::from_service(inner.map_response(response))
}

struct Tee<B> {
    body: B,
    is_stream: bool,
}

impl<B: Body<Data = Bytes, Error = BoxError> + Unpin> Body for Tee<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx)?);
        if let Some(bytes) = frame.as_ref().and_then(Frame::data_ref)
            && self.is_stream
        {
            stdout::write(bytes)?;
        }
        Poll::Ready(frame.map(Ok))
    }
}
