//! Streams of the blocks in bytes.

use std::{
    error::Error as StdError,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use futures_util::{
    Stream, TryStream, TryStreamExt,
    stream::{FusedStream, MapOk},
};
use http_body::{Body, Frame};
use http_body_util::{BodyDataStream, StreamBody};
use pin_project_lite::pin_project;
use sse_proto::{BlockDecoder, Chunk};

use crate::{Error, Sse};

/// Bytes and buffers without a block after which other tasks of the thread can run.
const BYTES_PER_POLL: usize = 256 * 1024;
const BUFFERS_PER_POLL: usize = 64;

pin_project! {
    /// Stream of the blocks in a body.
    ///
    /// It returns each block, also one without data. It ends when the body ends, and after an error.
    #[derive(Debug)]
    pub struct SseStream<B: Body> {
        #[pin]
        inner: SseByteStream<BodyDataStream<B>>,
    }
}

pin_project! {
    /// Stream of the blocks in a stream of buffers.
    ///
    /// It returns each block, also one without data. It ends when the buffers end, and after an error.
    pub struct SseByteStream<S: TryStream> {
        #[pin]
        buffers: S,
        buffer: Option<S::Ok>,
        decoder: BlockDecoder,
        has_ended: bool,
    }
}

/// Body that [`SseStream::from_bytes_stream`] makes of a stream of buffers.
pub type ByteStreamBody<S, D> = StreamBody<MapOk<S, fn(D) -> Frame<D>>>;

impl<B: Body> SseStream<B> {
    /// Creates a stream of the blocks in this body, without its trailers.
    pub fn new(body: B) -> Self {
        Self {
            inner: SseByteStream::new(BodyDataStream::new(body)),
        }
    }
}

impl<S, D, E> SseStream<ByteStreamBody<S, D>>
where
    S: Stream<Item = Result<D, E>>,
    D: Buf,
{
    /// Creates a stream of the blocks in these buffers. [`SseByteStream::new`] does so without a body.
    pub fn from_bytes_stream(stream: S) -> Self {
        let frame: fn(D) -> Frame<D> = Frame::data;
        Self::new(StreamBody::new(stream.map_ok(frame)))
    }
}

impl<S: TryStream> SseByteStream<S> {
    /// Creates a stream of the blocks in these buffers.
    pub fn new(stream: S) -> Self {
        Self {
            buffers: stream,
            buffer: None,
            decoder: BlockDecoder::new(),
            has_ended: false,
        }
    }
}

impl<B: Body> Stream for SseStream<B>
where
    B::Error: StdError + Send + Sync + 'static,
{
    type Item = Result<Sse, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().inner.poll_next(cx)
    }
}

impl<B: Body> FusedStream for SseStream<B>
where
    B::Error: StdError + Send + Sync + 'static,
{
    fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }
}

impl<S> Stream for SseByteStream<S>
where
    S: TryStream,
    S::Ok: Buf,
    S::Error: StdError + Send + Sync + 'static,
{
    type Item = Result<Sse, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if *this.has_ended {
            return Poll::Ready(None);
        }
        let (mut bytes, mut buffers) = (0, 0);
        while bytes < BYTES_PER_POLL && buffers < BUFFERS_PER_POLL {
            if let Some(buffer) = this.buffer.as_mut().filter(|buffer| buffer.has_remaining()) {
                let part = buffer.chunk();
                let mut chunk = Chunk::new(&part[..part.len().min(BYTES_PER_POLL)]);
                let block = this.decoder.decode(&mut chunk);
                let taken = chunk.taken();
                buffer.advance(taken);
                bytes += taken;
                match block {
                    Ok(None) => continue,
                    Ok(Some(block)) => return Poll::Ready(Some(Ok(block.into()))),
                    Err(error) => {
                        *this.has_ended = true;
                        return Poll::Ready(Some(Err(Error::Body(error.into()))));
                    }
                }
            }
            *this.buffer = None;
            match ready!(this.buffers.as_mut().try_poll_next(cx)) {
                Some(Ok(buffer)) => *this.buffer = Some(buffer),
                Some(Err(error)) => {
                    *this.has_ended = true;
                    return Poll::Ready(Some(Err(Error::Body(error.into()))));
                }
                None => {
                    *this.has_ended = true;
                    return Poll::Ready(None);
                }
            }
            buffers += 1;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S> FusedStream for SseByteStream<S>
where
    S: TryStream,
    S::Ok: Buf,
    S::Error: StdError + Send + Sync + 'static,
{
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<S: TryStream> fmt::Debug for SseByteStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SseByteStream")
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
