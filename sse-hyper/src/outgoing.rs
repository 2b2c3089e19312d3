use core::{borrow::Borrow, mem, time::Duration};

use bytes::{Bytes, BytesMut};
use sse_proto::Event;

use self::sealed::Put;
use crate::Encoded;

/// A frame is closed when it holds this many bytes, even if more events are ready: so that a stream
/// that is always ready neither grows the buffer without bound nor starves its neighbours.
const FULL_FRAME: usize = 16 * 1024;

/// The most bytes of a frame. What is longer is handed to the connection in parts.
const LARGEST_FRAME: usize = 2 * FULL_FRAME;

/// Item of a stream that becomes a body: an [`Event`], a type that lends one, such as an `Arc<Event>`, or
/// [`Encoded`] events. Nothing else can be sent.
///
/// A stream of results becomes a stream of events by [`until_error`](crate::until_error).
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
#[expect(private_bounds, reason = "nobody else can say what is a whole block")]
pub trait Outgoing: Put {}

#[diagnostic::do_not_recommend]
impl<T: Put> Outgoing for T {}

/// What is ready to be sent.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// Encoded here.
    own: BytesMut,
    /// Encoded for many, and sent as it is. Only if there is nothing of our own.
    shared: Bytes,
}

impl Ready {
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.own.len() + self.shared.len()
    }

    /// Whether more should go with it. What is shared goes out alone, for more would copy it.
    pub(crate) fn takes_more(&self) -> bool {
        self.own.len() < FULL_FRAME && self.shared.is_empty()
    }

    /// The same as a buffer to write to.
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

    /// Takes what goes out next. Of a large event that is a part, and the rest stays: a connection
    /// copies what it is given, and keeps the copy for a client that does not read.
    pub(crate) fn take(&mut self) -> Bytes {
        if self.shared.is_empty() {
            self.shared = mem::take(&mut self.own).freeze();
        }
        if self.shared.len() <= LARGEST_FRAME {
            mem::take(&mut self.shared)
        } else {
            self.shared.split_to(FULL_FRAME)
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

/// What the trait can do, for this crate alone.
pub(crate) mod sealed {
    use super::{Borrow, Duration, Encoded, Event, Ready};

    pub(crate) trait Put {
        /// Adds this to the frame, with a reconnection time in the block of its first event, unless
        /// that has one of its own. The last frame was so long. Whether there was anything to add.
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
                // A line of the same block. Of two in it, the second counts.
                let milliseconds = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
                let line = format!("retry: {milliseconds}\n");
                frame.own().extend_from_slice(line.as_bytes());
            }
            frame.share(self.into_bytes());
            true
        }
    }
}
