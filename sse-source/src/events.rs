use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_core::Stream;
use http::HeaderMap;
use http_body_util::BodyDataStream;
use sse_proto::{ItemStream, StreamError, connection::is_event_stream};

use crate::{
    Builder, Error, Item,
    refusal::Refusal,
    transport::{Body, Route},
};

/// The events and comments of one response, from [`Builder::send`]. It ends with the response, or with
/// the error that broke it.
pub struct Events {
    headers: HeaderMap,
    items: Pin<Box<ItemStream<BodyDataStream<Body>, Bytes>>>,
}

impl Events {
    pub(crate) async fn send(mut builder: Builder) -> Result<Self, Error> {
        let decoder = builder.settings.decoder();
        let last_event_id = builder.last_event_id.take();
        let template = builder
            .template()
            .map_err(|error| Error::Request(error.into()))?;
        let transport = template.transport.clone();
        let last_event_id = last_event_id.map_or_else(String::new, |id| id.to_string());
        let request = template.make(last_event_id).await.map_err(Error::Request)?;
        let response = transport.send(request, &Route::default()).await;
        let response = response.map_err(Error::Network)?;

        let content_type = response.headers().get(http::header::CONTENT_TYPE);
        let is_stream = content_type.is_some_and(|value| is_event_stream(value.as_bytes()));
        if response.status() != 200 || !is_stream {
            return Err(Error::Refused(Refusal::new(response).await));
        }
        let (head, body) = response.into_parts();
        Ok(Self {
            headers: head.headers,
            items: Box::pin(ItemStream::with_decoder(BodyDataStream::new(body), decoder)),
        })
    }

    /// The headers of the response.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

impl Stream for Events {
    type Item = Result<Item, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            return Poll::Ready(Some(match ready!(self.items.as_mut().poll_next(cx)) {
                None => return Poll::Ready(None),
                Some(Ok(decoded)) => match Item::from_decoded(decoded) {
                    Some(item) => Ok(item),
                    None => continue,
                },
                Some(Err(StreamError::Chunks(error))) => Err(Error::Network(error)),
                Some(Err(StreamError::Decode(error))) => Ok(Item::TooLarge(error)),
                Some(Err(_)) => continue,
            }));
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
