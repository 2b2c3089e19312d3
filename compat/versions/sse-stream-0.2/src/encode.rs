//! Encoding, which leaves out values that would forge a field.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use sse_proto::{EventId, EventType};

use crate::{KeepAlive, Sse, SseBody, Timer, wire::wire};

impl From<Sse> for Bytes {
    /// Encodes the fields that the block has. A type or an ID that would forge another field is left out.
    fn from(block: Sse) -> Self {
        let event_type = block.event.and_then(|text| EventType::new(text).ok());
        let id = block.id.and_then(|text| EventId::new(text).ok());
        wire(event_type, block.data, id, block.retry)
    }
}

impl KeepAlive {
    /// Sends this event. The default is an empty comment.
    pub fn event(mut self, event: Sse) -> Self {
        self.wire = event.into();
        self
    }
}

impl<S, E, T> Body for SseBody<S, T>
where
    S: Stream<Item = Result<Sse, E>>,
    T: Timer,
{
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.poll_with(cx, |event| event.map(Bytes::from))
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }

    fn size_hint(&self) -> SizeHint {
        self.remaining()
    }
}
