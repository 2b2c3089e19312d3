//! Replacement for [sse-stream] 0.2, on sse-proto.
//!
//! It has the same public items, so programs use it by `[patch.crates-io]`, without a change. `compat/README.md` lists
//! what it does differently. Version 0.3 is in `compat/sse-stream`, with which it shares its files.
//!
//! ```
//! use bytes::Bytes;
//! use futures_util::{StreamExt, stream};
//! use sse_stream::{Sse, SseStream};
//!
//! # futures_util::FutureExt::now_or_never(async {
//! let wire = Bytes::from(Sse::default().id("7").data("a"));
//! let mut events = SseStream::from_bytes_stream(stream::iter([Ok::<_, std::io::Error>(wire)]));
//! assert_eq!(events.next().await.unwrap().unwrap().id.as_deref(), Some("7"));
//! # }).unwrap();
//! ```
//!
//! [sse-stream]: https://crates.io/crates/sse-stream

#[path = "../../../sse-stream/src/block.rs"]
mod block;
#[path = "../../../sse-stream/src/body.rs"]
mod body;
mod encode;
mod error;
#[path = "../../../sse-stream/src/keep_alive.rs"]
mod keep_alive;
// Version 0.3 exports more of it.
#[expect(unreachable_pub)]
#[path = "../../../sse-stream/src/stream.rs"]
mod stream;
#[path = "../../../sse-stream/src/timer.rs"]
mod timer;
#[path = "../../../sse-stream/src/wire.rs"]
mod wire;

use bytes::Buf;
use futures_util::Stream;

pub use block::Sse;
pub use body::SseBody;
pub use error::Error;
pub use keep_alive::KeepAlive;
pub use stream::{ByteStreamBody, SseStream};
pub use timer::{NeverTimer, Timer};

impl<S, D, E> SseStream<ByteStreamBody<S, D>>
where
    S: Stream<Item = Result<D, E>>,
    D: Buf,
{
    /// Creates a stream of the blocks in these buffers.
    #[deprecated = "use from_bytes_stream"]
    pub fn from_byte_stream(stream: S) -> Self {
        Self::from_bytes_stream(stream)
    }
}
