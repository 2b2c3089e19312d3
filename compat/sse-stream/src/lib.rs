//! Replacement for [sse-stream] 0.3, on sse-proto.
//!
//! It has the same public items, so programs use it by `[patch.crates-io]`, without a change. `compat/README.md` lists
//! what it does differently.
//!
//! ```
//! use bytes::Bytes;
//! use futures_util::{StreamExt, stream};
//! use sse_stream::{Sse, SseByteStream};
//!
//! # futures_util::FutureExt::now_or_never(async {
//! let wire = Sse::default().id("7").data("a").encode().unwrap();
//! let mut events = SseByteStream::new(stream::iter([Ok::<_, std::io::Error>(wire)]));
//! assert_eq!(events.next().await.unwrap().unwrap().id.as_deref(), Some("7"));
//! # }).unwrap();
//! ```
//!
//! [sse-stream]: https://crates.io/crates/sse-stream

mod block;
mod body;
mod encode;
mod error;
mod keep_alive;
mod stream;
mod timer;
mod wire;

pub use block::Sse;
pub use body::SseBody;
pub use error::{BodyError, EncodeError, Error};
pub use keep_alive::KeepAlive;
pub use stream::{ByteStreamBody, SseByteStream, SseStream};
pub use timer::{NeverTimer, Timer};
