//! Stream of the events in a stream of bytes.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_core::Stream;
use pin_project_lite::pin_project;
use sse_proto::{Chunk, DecodeError, Decoder, EventId, Item};

use crate::{Event, EventStreamError};

/// Chunks without an event after which other tasks of the thread can run.
const CHUNKS_PER_POLL: usize = 64;

pin_project! {
    /// Stream of the events in a stream of bytes.
    ///
    /// An event has at most 16 MiB; a larger one is an error, after which the stream continues. It also continues after
    /// an error of the stream of bytes, until that one ends.
    #[derive(Debug)]
    pub struct EventStream<S> {
        #[pin]
        chunks: S,
        has_ended: bool,
        events: Events,
    }
}

impl<S> EventStream<S> {
    /// Creates a stream of the events in these chunks.
    pub fn new(chunks: S) -> Self {
        Self {
            chunks,
            has_ended: false,
            events: Events {
                decoder: Decoder::new().comments(false),
                rest: Vec::new(),
                taken: 0,
                retry: None,
            },
        }
    }

    /// Sets the last event ID, which the next events have until the stream sets another one.
    ///
    /// It stays as it is if no stream can set this ID: one with NUL, CR or LF, or one of more than 16 KiB.
    pub fn set_last_event_id(&mut self, id: impl Into<String>) {
        if let Ok(id) = EventId::new(id.into()) {
            // The previous ID is kept if this one is too long.
            let _ = self.events.decoder.set_last_event_id(&id);
        }
    }

    /// Returns the last event ID, or an empty string. A block without data also sets it.
    pub fn last_event_id(&self) -> &str {
        self.events.decoder.last_event_id()
    }
}

impl<S, B, E> Stream for EventStream<S>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    type Item = Result<Event, EventStreamError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if let Some(event) = this.events.next_of_rest() {
            return Poll::Ready(Some(event.map_err(Into::into)));
        }
        if *this.has_ended {
            return Poll::Ready(None);
        }
        for _ in 0..CHUNKS_PER_POLL {
            let event = match ready!(this.chunks.as_mut().poll_next(cx)) {
                Some(Ok(bytes)) => this.events.next_of_chunk(bytes.as_ref()),
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(EventStreamError::Transport(error))));
                }
                None => {
                    *this.has_ended = true;
                    return Poll::Ready(None);
                }
            };
            if let Some(event) = event {
                return Poll::Ready(Some(event.map_err(Into::into)));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Decoder with the bytes that it has not taken yet.
///
/// The type of the chunks is no parameter of [`EventStream`], so it cannot keep a chunk. It copies what follows the
/// first event of one.
#[derive(Debug)]
struct Events {
    decoder: Decoder,
    rest: Vec<u8>,
    taken: usize,
    /// Reconnection time that came since the previous event.
    retry: Option<Duration>,
}

impl Events {
    /// Returns the next event that a previous chunk has.
    fn next_of_rest(&mut self) -> Option<Result<Event, DecodeError>> {
        if self.taken == self.rest.len() {
            return None;
        }
        let mut chunk = Chunk::new(&self.rest[self.taken..]);
        let event = next_event(&mut self.decoder, &mut chunk, &mut self.retry);
        self.taken += chunk.taken();
        event
    }

    /// Returns the first event of a chunk, and keeps the rest. All previous chunks must have been taken.
    fn next_of_chunk(&mut self, bytes: &[u8]) -> Option<Result<Event, DecodeError>> {
        let mut chunk = Chunk::new(bytes);
        let event = next_event(&mut self.decoder, &mut chunk, &mut self.retry);
        self.rest.clear();
        self.rest.extend_from_slice(chunk.rest());
        self.taken = 0;
        event
    }
}

/// Decodes up to the next event.
fn next_event(
    decoder: &mut Decoder,
    chunk: &mut Chunk<'_>,
    retry: &mut Option<Duration>,
) -> Option<Result<Event, DecodeError>> {
    loop {
        return match decoder.decode_owned(chunk).transpose()? {
            Ok(Item::Event(event)) => Some(Ok(Event {
                event: event.event_type,
                data: event.data,
                id: event.last_event_id.as_str().to_owned(),
                retry: retry.take(),
            })),
            Ok(Item::Retry(time)) => {
                *retry = Some(time);
                continue;
            }
            Ok(_) => continue,
            Err(error) => Some(Err(error)),
        };
    }
}
