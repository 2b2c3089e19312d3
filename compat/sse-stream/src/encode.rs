//! Encoding, with an error for values that would forge a field.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use sse_proto::{EventId, EventType};

use crate::{BodyError, EncodeError, KeepAlive, Sse, SseBody, Timer, wire::wire};

impl Sse {
    /// Encodes the fields that it has.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the type or the ID would forge another field.
    pub fn encode(self) -> Result<Bytes, EncodeError> {
        let event_type = self.event.map(EventType::new).transpose();
        let event_type = event_type.map_err(|_| EncodeError::InvalidEvent)?;
        let id = self.id.map(EventId::new).transpose();
        let id = id.map_err(|_| EncodeError::InvalidId)?;
        Ok(wire(event_type, self.data, id, self.retry))
    }
}

impl TryFrom<Sse> for Bytes {
    type Error = EncodeError;

    fn try_from(block: Sse) -> Result<Self, EncodeError> {
        block.encode()
    }
}

impl KeepAlive {
    /// Sends this event. The default is an empty comment.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] if the type or the ID would forge another field.
    pub fn event(mut self, event: Sse) -> Result<Self, EncodeError> {
        self.wire = event.encode()?;
        Ok(self)
    }
}

impl<S, T> SseBody<S, T> {
    /// Returns whether it sends keep-alives.
    pub fn has_keep_alive(&self) -> bool {
        self.timer.is_some()
    }
}

impl<S, E, T> Body for SseBody<S, T>
where
    S: Stream<Item = Result<Sse, E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
    T: Timer,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.poll_with(cx, |event| match event {
            Ok(event) => event.encode().map_err(BodyError::Encode),
            Err(error) => Err(BodyError::Stream(error.into())),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }

    fn size_hint(&self) -> SizeHint {
        self.remaining()
    }
}
