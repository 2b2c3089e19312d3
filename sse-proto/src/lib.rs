//! Encoder and decoder for [server-sent events][spec] (`text/event-stream`), without I/O and without `std`.
//!
//! Use it to write or read an event stream where no server or client of your choice does: behind a socket, in a
//! test, in a proxy, on a small device. For HTTP servers and clients, see `sse-hyper` and `sse-source`, which are
//! built on it.
//!
//! ```
//! use sse_proto::{Chunk, Decoder, Event, Item};
//!
//! let mut wire = Vec::new();
//! Event::new("two\nlines").try_with_type("update")?.with_id(7).encode(&mut wire);
//! assert_eq!(wire, b"event: update\nid: 7\ndata: two\ndata: lines\n\n");
//!
//! let mut decoder = Decoder::new();
//! let mut chunk = Chunk::new(&wire);
//! while let Some(item) = decoder.decode(&mut chunk)? {
//!     assert!(matches!(item, Item::Event(event) if event.data == "two\nlines"));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - The encoder rejects or splits every line end in a value, so no value can forge another field.
//! - The decoder takes chunks of any size. Its items do not depend on where the stream is split, and its memory is
//!   limited.
//! - [`client`] has the session of a client, without I/O: when to reconnect, where to resume, when to stop.
//!
//! [spec]: https://html.spec.whatwg.org/multipage/server-sent-events.html
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `alloc` (default) | everything except [`SliceDecoder`] and its input and output, which are always available |
//! | `bytes` | `Encoded`, [`Output`] for `BytesMut`, and events that share the memory of a `Bytes` |
//! | `codec` | `EventCodec`, for `tokio_util::codec`; requires `std` |
//! | `gzip` | `Encoded::deflated`: events that are compressed once for many clients; requires `std` |
//! | `json` | data in JSON: `Event::json` and `MessageEvent::json`; events as variants of an enum: `Event::from_enum` and `MessageEvent::to_enum` |
//! | `simd` | validates UTF-8 by SIMD, many times faster for text that is not ASCII; requires `std` |
//! | `stream` | `ItemStream`, which converts a stream of chunks to a stream of items |
//!
//! # Types
//!
//! | to | use |
//! |---|---|
//! | build an event | [`Event`] with an [`EventType`] and an [`EventId`], which hold only text that is valid on the wire |
//! | encode | [`Event::encode`] and [`Comment::encode`], to any [`Output`] |
//! | encode an event once for many clients | `Encoded`, with the feature `bytes` |
//! | end the streams of a server | [`CloseEvent`] |
//! | decode | [`Decoder`]: takes a [`Chunk`], and returns an [`Item`] with a [`MessageEvent`], a comment or a reconnection time |
//! | decode blocks as they were sent, also without data | [`BlockDecoder`]: returns a [`Block`] |
//! | decode without an allocator | [`SliceDecoder`], in memory of the caller |
//! | decode a stream of chunks | `ItemStream`, or `EventCodec` with tokio's `Framed` |
//! | send on a decoded event | [`Event::try_from`](Event#impl-TryFrom%3CMessageEvent%3CT,+I%3E%3E-for-Event), without a copy of owned strings |
//! | write a client | [`client::Session`] and [`client::ClientConfig`] |
//!
//! Errors are [`InvalidValue`] for text that cannot be sent, [`DecodeError`] for a part of a stream that is larger
//! than allowed, [`IdTooLong`], and with the feature `json`, `EnumError`.
//!
//! # Encoding
//!
//! ```
//! use sse_proto::{Event, EventType};
//!
//! // Literals are checked when the program is compiled.
//! const UPDATE: EventType = EventType::from_static("update");
//! assert_eq!(Event::new("a").with_type(UPDATE).to_string(), "event: update\ndata: a\n\n");
//!
//! // A value that would forge a second field is rejected, with the position of the fault.
//! let error = Event::new("a").try_with_type("update\ndata: forged").unwrap_err();
//! assert_eq!(error.to_string(), "event type: LF at byte 6 would end the field");
//! ```
//!
//! # Decoding
//!
//! ```
//! use sse_proto::{Chunk, Decoder, Item};
//!
//! let mut decoder = Decoder::new();
//! let mut seen = Vec::new();
//! for bytes in [&b"id: 7\rda"[..], b"ta: one\r", b"\ndata: two\r\n\r\n: bye\n"] {
//!     let mut chunk = Chunk::new(bytes);
//!     while let Some(item) = decoder.decode(&mut chunk)? {
//!         match item {
//!             Item::Event(event) => seen.push(format!("{}: {:?}", event.event_type, event.data)),
//!             Item::Comment(text) => seen.push(format!("comment:{text}")),
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(seen, ["message: \"one\\ntwo\"", "comment: bye"]);
//! assert_eq!(decoder.last_event_id(), "7");
//! # Ok::<(), sse_proto::DecodeError>(())
//! ```

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(
    clippy::alloc_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "codec", feature = "gzip"))]
extern crate std;

#[cfg(feature = "alloc")]
mod block_decoder;
mod chunk;
#[cfg(feature = "alloc")]
pub mod client;
#[cfg(feature = "alloc")]
mod close_event;
#[cfg(feature = "codec")]
mod codec;
#[cfg(feature = "alloc")]
mod decoder;
#[cfg(feature = "gzip")]
mod deflate;
#[cfg(feature = "bytes")]
mod encoded;
#[cfg(feature = "json")]
mod enum_event;
mod error;
#[cfg(feature = "alloc")]
mod event;
mod item;
mod parser;
mod slice_decoder;
#[cfg(feature = "stream")]
mod stream;

#[cfg(feature = "alloc")]
pub use block_decoder::{Block, BlockDecoder};
pub use chunk::Chunk;
#[cfg(feature = "alloc")]
pub use close_event::CloseEvent;
#[cfg(feature = "codec")]
pub use codec::EventCodec;
#[cfg(feature = "alloc")]
pub use decoder::{DEFAULT_MAX_EVENT_BYTES, Decoder};
#[cfg(feature = "gzip")]
pub use deflate::{GZIP_HEADER, deflate};
#[cfg(feature = "bytes")]
pub use encoded::Encoded;
#[cfg(feature = "json")]
pub use enum_event::EnumError;
pub use error::DecodeError;
#[cfg(feature = "alloc")]
pub use error::{IdTooLong, InvalidValue};
#[cfg(feature = "alloc")]
pub use event::{Comment, Event, EventId, EventType, Output};
pub use item::{Item, MessageEvent};
pub use parser::DEFAULT_MAX_ID_BYTES;
pub use slice_decoder::SliceDecoder;
#[cfg(feature = "stream")]
pub use stream::{ItemStream, StreamError};
