//! Conversion of a stream of chunks to a stream of items.

use alloc::string::String;
use core::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::{Stream, stream::FusedStream};
use pin_project_lite::pin_project;

use crate::{Chunk, DecodeError, Decoder, EventId, Item};

pin_project! {
    /// Stream of the items in a stream of chunks, for example in the body of a response.
    ///
    /// It ends when the stream of chunks ends, or after the first error of that stream. It does not end after an
    /// error of the decoder: the items after an event that was too large are returned. It reads only when it is
    /// polled, and holds at most one chunk.
    ///
    /// Other tasks on the thread can run even if chunks are always ready. After 64 KiB, or after about 1000 items
    /// and chunks, without a pause, the stream returns `Pending` once and wakes its task.
    ///
    /// ```
    /// use core::convert::Infallible;
    /// use futures_util::{StreamExt, stream};
    /// use sse_proto::{Item, ItemStream};
    ///
    /// # futures_executor::block_on(async {
    /// let body = stream::iter(["da", "ta: a\n", "\n: bye\n"].map(Ok::<_, Infallible>));
    /// let mut items = ItemStream::new(body);
    /// assert!(matches!(items.next().await, Some(Ok(Item::Event(event))) if event.data == "a"));
    /// assert!(matches!(items.next().await, Some(Ok(Item::Comment(text))) if text == " bye"));
    /// assert!(items.next().await.is_none());
    /// # });
    /// ```
    #[derive(Debug)]
    pub struct ItemStream<S, B> {
        #[pin]
        chunks: Option<S>,
        chunk: Option<B>,
        taken: usize,
        decoder: Decoder,
        budget: PollBudget,
    }
}

impl<S, B, E> ItemStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    /// Creates a stream of the items in these chunks, with the [default limit](crate::DEFAULT_MAX_EVENT_BYTES).
    pub fn new(chunks: S) -> Self {
        Self::with_decoder(chunks, Decoder::new())
    }

    /// Creates a stream of the items in these chunks, with this decoder.
    pub fn with_decoder(chunks: S, decoder: Decoder) -> Self {
        Self {
            chunks: Some(chunks),
            chunk: None,
            taken: 0,
            decoder,
            budget: PollBudget::default(),
        }
    }

    /// Returns the decoder, for example to read the last event ID.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Returns the decoder. [Reset](Decoder::reset) it before you use it for another connection.
    pub fn into_decoder(self) -> Decoder {
        self.decoder
    }
}

impl<S, B, E> Stream for ItemStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    type Item = Result<Item<String, EventId>, StreamError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            ready!(this.budget.poll(cx));
            if let Some(bytes) = this.chunk {
                let rest = &bytes.as_ref()[*this.taken..];
                // At most the bytes left in the budget, because all of them may be lines that yield no item.
                let part = &rest[..rest.len().min(this.budget.bytes_left)];
                let mut chunk = Chunk::new(part);
                let item = this.decoder.decode_owned(&mut chunk);
                let taken = chunk.taken();
                *this.taken += taken;
                this.budget.spend(taken);
                if let Some(item) = item.transpose() {
                    return Poll::Ready(Some(item.map_err(StreamError::Decode)));
                }
                if taken < rest.len() {
                    continue;
                }
                *this.chunk = None;
            }
            let Some(chunks) = this.chunks.as_mut().as_pin_mut() else {
                return Poll::Ready(None);
            };
            let Poll::Ready(chunk) = chunks.poll_next(cx) else {
                this.budget.renew();
                return Poll::Pending;
            };
            this.budget.spend(0);
            match chunk {
                Some(Ok(chunk)) => (*this.chunk, *this.taken) = (Some(chunk), 0),
                Some(Err(error)) => {
                    this.chunks.set(None);
                    return Poll::Ready(Some(Err(StreamError::Chunks(error))));
                }
                None => this.chunks.set(None),
            }
        }
    }
}

impl<S, B, E> FusedStream for ItemStream<S, B>
where
    S: Stream<Item = Result<B, E>>,
    B: AsRef<[u8]>,
{
    fn is_terminated(&self) -> bool {
        self.chunks.is_none() && self.chunk.is_none()
    }
}

/// Error of an [`ItemStream`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError<E> {
    /// An event could not be decoded. The stream continues.
    Decode(DecodeError),
    /// The stream of chunks failed and has ended.
    Chunks(E),
}

impl<E: fmt::Display> fmt::Display for StreamError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => error.fmt(f),
            Self::Chunks(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for StreamError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Decode(error) => Some(error),
            Self::Chunks(error) => Some(error),
        }
    }
}

/// Number of bytes after which other tasks can run.
const POLL_BUDGET_BYTES: usize = 64 * 1024;
/// Cost of an item or a chunk in addition to its bytes.
const ITEM_COST_BYTES: usize = 64;

/// Work that the stream may still do before other tasks can run. It is a single number, because it is checked for
/// each item.
#[derive(Debug)]
struct PollBudget {
    bytes_left: usize,
}

impl Default for PollBudget {
    fn default() -> Self {
        Self {
            bytes_left: POLL_BUDGET_BYTES,
        }
    }
}

impl PollBudget {
    /// Returns `Pending` once, and wakes the task, if the budget is spent.
    #[inline(always)]
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.bytes_left > 0 {
            return Poll::Ready(());
        }
        self.renew();
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Counts one item or chunk, and the number of bytes that were taken for it.
    #[inline(always)]
    fn spend(&mut self, bytes: usize) {
        self.bytes_left = self.bytes_left.saturating_sub(bytes + ITEM_COST_BYTES);
    }

    /// Renews the budget, because other tasks can run now.
    fn renew(&mut self) {
        *self = Self::default();
    }
}
