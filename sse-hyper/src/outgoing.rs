use core::{borrow::Borrow, mem, time::Duration};

use bytes::{Bytes, BytesMut};
use sse_proto::Event;

use self::sealed::Put;
use crate::Encoded;

/// Number of bytes at which a frame is full, even if more events are ready.
///
/// So a stream that is always ready neither grows the buffer without limit nor starves other tasks.
const FULL_FRAME_BYTES: usize = 16 * 1024;

/// Maximum length of a frame, in bytes. Longer data is handed to the connection in parts.
const MAX_FRAME_BYTES: usize = 2 * FULL_FRAME_BYTES;

/// Item of a stream that can be sent: an [`Event`], a type that borrows as one, or [`Encoded`] events.
///
/// An example of the second is an `Arc<Event>`. No other type can be sent. To send a stream of results, use
/// [`until_error`](crate::until_error).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as a server-sent event",
    label = "the items of this stream are of the type `{Self}`",
    note = "an item is an `Event`, an `Arc<Event>` or another type that implements `Borrow<Event>`, or `Encoded`",
    note = "for items of the type `Result<Event, E>`, write `until_error(stream, |error| …)`: the stream ends at the \
            first error",
    note = "for other results, such as those of `BroadcastStream`, first write \
            `.map(|item| item.map(Event::new))`",
    note = "for text, write `.map(Event::new)`"
)]
#[expect(private_bounds, reason = "only this crate can ensure whole blocks")]
pub trait IntoFrame: Put {}

#[diagnostic::do_not_recommend]
impl<T: Put> IntoFrame for T {}

/// Bytes that are ready to be sent.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// Bytes encoded for this stream.
    own: BytesMut,
    /// Bytes that are sent without a copy, for example encoded once for many streams. Empty if `own` is not.
    shared: Bytes,
}

impl Ready {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.own.len() + self.shared.len()
    }

    /// Returns whether more may be added. Shared bytes are sent alone, because to add to them would copy them.
    pub(crate) fn takes_more(&self) -> bool {
        self.own.len() < FULL_FRAME_BYTES && self.shared.is_empty()
    }

    /// Returns the buffer to append to. Shared bytes are copied into it first.
    pub(crate) fn own(&mut self) -> &mut BytesMut {
        if !self.shared.is_empty() {
            self.own = BytesMut::from(mem::take(&mut self.shared));
        }
        &mut self.own
    }

    fn share(&mut self, bytes: Bytes) {
        if self.is_empty() {
            self.shared = bytes;
        } else {
            self.own().extend_from_slice(&bytes);
        }
    }

    /// Takes the bytes of the next frame: everything, or a part of a large event.
    ///
    /// A large event is split, because the connection copies each frame and keeps the copy for a client that does not
    /// read.
    pub(crate) fn take(&mut self) -> Bytes {
        if self.shared.is_empty() {
            self.shared = mem::take(&mut self.own).freeze();
        }
        if self.shared.len() <= MAX_FRAME_BYTES {
            mem::take(&mut self.shared)
        } else {
            self.shared.split_to(FULL_FRAME_BYTES)
        }
    }
}

impl From<BytesMut> for Ready {
    fn from(own: BytesMut) -> Self {
        Self {
            own,
            shared: Bytes::new(),
        }
    }
}

/// Private methods of the sealed trait.
pub(crate) mod sealed {
    use super::{Borrow, Duration, Encoded, Event, Ready};

    pub(crate) trait Put {
        /// Appends the item to the frame. Returns whether there was anything to append.
        ///
        /// The block of the first event gets the reconnection time `retry`, unless it has its own. `last` is the
        /// length of the last frame in bytes.
        fn put(self, frame: &mut Ready, retry: Option<Duration>, last: usize) -> bool;
    }

    #[diagnostic::do_not_recommend]
    impl<T: Borrow<Event>> Put for T {
        #[inline]
        fn put(self, frame: &mut Ready, retry: Option<Duration>, last: usize) -> bool {
            let event: &Event = self.borrow();
            let frame = frame.own();
            if frame.is_empty() {
                frame.reserve(last);
            }
            event.encode_with(event.id(), event.retry().or(retry), frame);
            true
        }
    }

    impl Put for Encoded {
        fn put(self, frame: &mut Ready, retry: Option<Duration>, _: usize) -> bool {
            if self.is_empty() {
                return false;
            }
            if let Some(retry) = retry {
                // The line becomes part of the first block. If that has its own `retry`, the second line counts.
                let milliseconds = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
                let line = format!("retry: {milliseconds}\n");
                frame.own().extend_from_slice(line.as_bytes());
            }
            frame.share(self.into_bytes());
            true
        }
    }
}
