//! The bytes of a stream as they come.

use core::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Response, StatusCode, header::CONTENT_TYPE};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sse_proto::connection::is_event_stream;
use sse_source::{BoxError, Transport};
use tower::ServiceExt;

use crate::stdout;

/// A transport that writes to stdout what goes through it.
///
/// It does not ask for compression, so these are the bytes that the server wrote.
pub(crate) fn transport() -> Transport {
    let connector = HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_all_versions()
        .build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    Transport::from_service(client.map_response(tap))
}

fn tap(response: Response<Incoming>) -> Response<Tap> {
    // What is no event stream is not for stdout.
    let content_type = response.headers().get(CONTENT_TYPE);
    let is_stream = response.status() == StatusCode::OK
        && content_type.is_some_and(|value| is_event_stream(value.as_bytes()));
    response.map(|body| Tap { body, is_stream })
}

struct Tap {
    body: Incoming,
    is_stream: bool,
}

impl Body for Tap {
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
