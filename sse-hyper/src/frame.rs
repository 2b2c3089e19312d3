use core::{mem, time::Duration};
use std::{error::Error, rc::Rc, sync::Arc};

use bytes::{Bytes, BytesMut};
use sse_proto::{Comment, Event};

use self::sealed::{CloseStream, WriteFrame};
use crate::{CloseEvent, Encoded, coding::Coding};

/// Number of bytes at which a frame is full, even if more events are ready.
///
/// So a stream that is always ready neither grows the buffer without limit nor starves other tasks.
const FULL_FRAME_BYTES: usize = 16 * 1024;

/// Maximum length of a frame, in bytes. Longer data is handed to the connection in parts.
const MAX_FRAME_BYTES: usize = 2 * FULL_FRAME_BYTES;

/// Item of a stream that can be sent: an [`Event`] or a type that has one, [`Encoded`] events, or a result of one.
///
/// The trait is sealed. To send a type of your own, implement [`AsEvent`]. An `Err` ends the stream; [`StreamError`]
/// says what else it does.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as a server-sent event",
    label = "the items of this stream are of the type `{Self}`",
    note = "an item is an `Event`, an `Arc<Event>` or another type that implements `AsEvent`, an `Encoded`, or a \
            `Result` of one of these",
    note = "for results of text, such as those of `BroadcastStream`, write `.map_ok(Event::new)`",
    note = "for text, write `.map(Event::new)`",
    note = "the error of a result has to be a `std::error::Error` or a `CloseEvent`: write `.map_err(|error| …)`"
)]
#[expect(private_bounds, reason = "only this crate can ensure whole blocks")]
pub trait IntoFrame: WriteFrame {}

/// Type that has an event, which is sent without a clone.
///
/// Implement it for messages of your own. Then a stream can have items of this type, or an `Arc` of it that is sent to
/// many clients.
///
/// ```
/// use futures_util::stream;
/// use sse_hyper::{AsEvent, Event, EventBody};
/// use std::sync::Arc;
///
/// struct Message {
///     room: u64,
///     event: Event,
/// }
///
/// impl AsEvent for Message {
///     fn as_event(&self) -> &Event {
///         &self.event
///     }
/// }
///
/// let message = Arc::new(Message { room: 7, event: Event::new("hello") });
/// let body = EventBody::new(stream::iter([Arc::clone(&message)]));
/// # drop((body, message.room));
/// ```
pub trait AsEvent {
    /// Returns the event.
    fn as_event(&self) -> &Event;
}

/// Error that ends a stream of results: every type that converts into `Box<dyn Error + Send + Sync>`.
///
/// The client gets all events before the error, then the end of the stream, and reconnects. The trait is sealed.
///
/// - A [`CloseEvent`]: the client gets this event, and nothing is logged. [`CloseEvent::default`] sends no event.
/// - Any other error: with the feature `tracing`, which the feature `axum` turns on, the error is logged at the level
///   `ERROR`. Without the feature, it is dropped.
///
/// Use `map_err` to log the error yourself and to tell the client about it:
///
/// ```
/// use futures_util::{Stream, TryStreamExt};
/// use sse_hyper::{CloseEvent, Event, EventStream, EventType, InvalidValue};
/// use std::io;
///
/// fn report(rows: impl Stream<Item = io::Result<Event>>) -> Result<impl EventStream, InvalidValue> {
///     let failed = EventType::new("failed")?;
///     Ok(rows.map_err(move |error| {
///         eprintln!("rows: {error}");
///         CloseEvent::new(Event::new("try again later").with_type(failed.clone()))
///     }))
/// }
/// # let rows = futures_util::stream::iter([Ok(Event::new("a")), Err(io::Error::other("disk")), Ok(Event::new("b"))]);
/// # let body = sse_hyper::EventBody::new(report(rows)?);
/// # let bytes = futures_executor::block_on(http_body_util::BodyExt::collect(body)).unwrap().to_bytes();
/// # assert_eq!(bytes, ":\n\ndata: a\n\nevent: failed\ndata: try again later\n\n");
/// # Ok::<(), InvalidValue>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot end a stream of events",
    label = "the errors of this stream are of the type `{Self}`",
    note = "the error has to be a `std::error::Error` or a `CloseEvent`: write `.map_err(|error| …)`"
)]
#[expect(private_bounds, reason = "only this crate can ensure whole blocks")]
pub trait StreamError: CloseStream {}

/// Bytes that are ready to be sent.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    coding: Coding,
    /// Bytes encoded for this stream.
    own: BytesMut,
    /// Number of the bytes of `own` that are in the coding of the stream already. The others are text.
    coded: usize,
    /// Bytes that are sent without a copy, for example encoded once for many streams. Empty if `own` is not.
    shared: Bytes,
}

impl Frame {
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

    /// Creates an empty frame of a stream with this coding.
    pub(crate) fn new(coding: Coding) -> Self {
        Self {
            coding,
            ..Self::default()
        }
    }

    /// Creates the first frame of a stream with this coding.
    pub(crate) fn first(coding: Coding) -> Self {
        let header = coding.header();
        let mut first = Self {
            own: BytesMut::from(header),
            coded: header.len(),
            ..Self::new(coding)
        };
        Comment::default().encode(first.own());
        first
    }

    pub(crate) fn coding(&self) -> Coding {
        self.coding
    }

    /// Returns the buffer to append text to. Shared bytes are copied into it first.
    pub(crate) fn own(&mut self) -> &mut BytesMut {
        if !self.shared.is_empty() {
            self.own = BytesMut::from(mem::take(&mut self.shared));
            self.coded = self.own.len();
        }
        &mut self.own
    }

    /// Appends shared text.
    pub(crate) fn share_text(&mut self, text: &Bytes) {
        match self.coding {
            Coding::Identity => self.share_coded(text.clone()),
            #[cfg(feature = "gzip")]
            Coding::Gzip => self.own().extend_from_slice(text),
        }
    }

    /// Appends bytes that are in the coding of the stream.
    fn share_coded(&mut self, bytes: Bytes) {
        if self.is_empty() {
            self.shared = bytes;
        } else {
            self.own();
            self.encode();
            self.own.extend_from_slice(&bytes);
            self.coded = self.own.len();
        }
    }

    /// Encodes the text at the end of `own`.
    fn encode(&mut self) {
        let text = self.own.get(self.coded..).unwrap_or_default();
        if text.is_empty() {
            return;
        }
        if let Some(bytes) = self.coding.encode(text) {
            self.own.truncate(self.coded);
            self.own.extend_from_slice(&bytes);
        }
        self.coded = self.own.len();
    }

    /// Takes the bytes of the next frame: everything, or a part of a large event.
    ///
    /// A large event is split, because the connection copies each frame and keeps the copy for a client that does not
    /// read.
    pub(crate) fn take(&mut self) -> Bytes {
        if self.shared.is_empty() {
            self.encode();
            self.coded = 0;
            self.shared = mem::take(&mut self.own).freeze();
        }
        if self.shared.len() <= MAX_FRAME_BYTES {
            mem::take(&mut self.shared)
        } else {
            self.shared.split_to(FULL_FRAME_BYTES)
        }
    }
}

impl Frame {
    /// Returns all bytes.
    pub(crate) fn into_bytes(mut self) -> Bytes {
        self.encode();
        match self.shared.is_empty() {
            true => self.own.freeze(),
            false => self.shared,
        }
    }
}

impl From<BytesMut> for Frame {
    fn from(own: BytesMut) -> Self {
        Self {
            own,
            ..Self::default()
        }
    }
}

/// Result of writing an item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// One block or more was appended.
    Blocks,
    /// The item was empty.
    Nothing,
    /// The item was an error: the stream ends.
    End,
}

/// Private methods of the sealed traits.
pub(crate) mod sealed {
    use super::{CloseEvent, Duration, Frame, Written};

    pub(crate) trait WriteFrame {
        /// Appends the item to the frame.
        ///
        /// The block of the first event gets the reconnection time `retry`, unless it has its own. `last_len` is the
        /// length of the last frame in bytes.
        fn write(self, frame: &mut Frame, retry: Option<Duration>, last_len: usize) -> Written;
    }

    pub(crate) trait CloseStream {
        /// Returns the last event of the stream. Logs an error that is not meant for the client.
        fn close_event(self) -> Option<CloseEvent>;
    }
}

impl AsEvent for Event {
    #[inline]
    fn as_event(&self) -> &Event {
        self
    }
}

/// Implements the trait for pointers to a type that has an event.
macro_rules! as_event_of_target {
    ($($pointer:ty),*) => {$(
        impl<T: AsEvent + ?Sized> AsEvent for $pointer {
            #[inline]
            fn as_event(&self) -> &Event {
                (**self).as_event()
            }
        }
    )*};
}

as_event_of_target!(&T, Box<T>, Rc<T>, Arc<T>);

#[diagnostic::do_not_recommend]
impl<T: AsEvent> IntoFrame for T {}

#[diagnostic::do_not_recommend]
impl<T: AsEvent> WriteFrame for T {
    #[inline]
    fn write(self, frame: &mut Frame, retry: Option<Duration>, last_len: usize) -> Written {
        let event = self.as_event();
        let frame = frame.own();
        if frame.is_empty() {
            frame.reserve(last_len);
        }
        event.encode_with(event.id(), event.retry().or(retry), frame);
        Written::Blocks
    }
}

impl IntoFrame for Encoded {}

impl WriteFrame for Encoded {
    fn write(self, frame: &mut Frame, retry: Option<Duration>, _: usize) -> Written {
        if self.is_empty() {
            return Written::Nothing;
        }
        if let Some(retry) = retry {
            // The line becomes part of the first block. If that has its own `retry`, the second line counts.
            let milliseconds = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
            let line = format!("retry: {milliseconds}\n");
            frame.own().extend_from_slice(line.as_bytes());
        }
        frame.share_coded(frame.coding.shared(self));
        Written::Blocks
    }
}

#[diagnostic::do_not_recommend]
impl<T: IntoFrame, E: StreamError> IntoFrame for Result<T, E> {}

#[diagnostic::do_not_recommend]
impl<T: WriteFrame, E: CloseStream> WriteFrame for Result<T, E> {
    #[inline]
    fn write(self, frame: &mut Frame, retry: Option<Duration>, last_len: usize) -> Written {
        match self {
            Ok(item) => item.write(frame, retry, last_len),
            Err(error) => {
                if let Some(close_event) = error.close_event() {
                    close_event.encode(fastrand::u64(..), frame.own());
                }
                Written::End
            }
        }
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<Box<dyn Error + Send + Sync>>> StreamError for E {}

#[diagnostic::do_not_recommend]
impl<E: Into<Box<dyn Error + Send + Sync>>> CloseStream for E {
    #[cold]
    fn close_event(self) -> Option<CloseEvent> {
        match self.into().downcast() {
            Ok(close_event) => Some(*close_event),
            Err(error) => {
                #[cfg(feature = "tracing")]
                tracing::error!(
                    error = &*error as &(dyn Error + 'static),
                    "event stream ended by an error"
                );
                drop(error);
                None
            }
        }
    }
}
