//! The codec of [server-sent events][spec] (`text/event-stream`), without I/O and without `std`.
//!
//! [spec]: https://html.spec.whatwg.org/multipage/server-sent-events.html
//!
//! # Map
//!
//! ```text
//!          writing                                 reading
//!
//!  EventType  EventId                   Chunk: bytes, cut anywhere
//!       \      /                             │
//!        Event ── encode ──▶  wire  ──▶   Parser    (line ▸ field ▸ block)
//!                               │             │
//!        Comment ── encode ─────┘     Decoder │ SliceDecoder
//!                                             ▼
//!                          Item: Event(MessageEvent) · Retry · Comment
//! ```
//!
//! - [`Event`] (`event.rs`): an event that can be kept and sent. [`EventType`] and [`EventId`] hold
//!   only what the wire can carry, so nothing that is encoded can forge a field.
//! - [`Event::encode`], [`Comment::encode`], [`encode_into`] (`encode.rs`): the bytes, into any [`Output`].
//! - `parse.rs`: the algorithm, in one place, with a note to its reader. Below it lie `line.rs`,
//!   where lines end, `field.rs`, what a line means, and `store.rs`, what is held.
//! - [`Decoder`] (`decode.rs`): a [`Chunk`] in; [`Item`]s out, lent, as text or as bytes.
//!   [`SliceDecoder`] (`decode_slice.rs`): the same in memory of the caller's.
//! - [`connection`]: the state between connections, without I/O: what a response means, when to connect
//!   again and when to stop.
//!
//! # Features
//!
//! - `alloc` (default): everything but [`SliceDecoder`].
//! - `simd`: looks for faults in UTF-8 by SIMD, many times faster where text is not ASCII. Takes
//!   `std`, to ask the processor what it can.
//! - `serde`: data as JSON, `Event::json` and `MessageEvent::json`.
//! - `bytes`: [`Output`] for `BytesMut`, and events that share the memory of a `Bytes`.
//! - `stream`: `ItemStream`, from a stream of chunks to a stream of items.
//! - `codec`: `EventCodec`, for `tokio_util::codec`. Takes `std`.
//!
//! # Grammar
//!
//! What both sides speak ([9.2.5, Parsing an event stream][parsing]):
//!
//! ```text
//! stream        = [ bom ] *event
//! event         = *( comment / field ) end-of-line
//! comment       = colon *any-char end-of-line
//! field         = 1*name-char [ colon [ space ] *any-char ] end-of-line
//! end-of-line   = ( cr lf / cr / lf )
//!
//! ; characters
//! lf            = %x000A ; U+000A LINE FEED (LF)
//! cr            = %x000D ; U+000D CARRIAGE RETURN (CR)
//! space         = %x0020 ; U+0020 SPACE
//! colon         = %x003A ; U+003A COLON (:)
//! bom           = %xFEFF ; U+FEFF BYTE ORDER MARK
//! name-char     = %x0000-0009 / %x000B-000C / %x000E-0039 / %x003B-10FFFF
//!                 ; a scalar value other than U+000A LINE FEED (LF), U+000D CARRIAGE RETURN (CR), or U+003A COLON (:)
//! any-char      = %x0000-0009 / %x000B-000C / %x000E-10FFFF
//!                 ; a scalar value other than U+000A LINE FEED (LF) or U+000D CARRIAGE RETURN (CR)
//! ```
//!
//! [parsing]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
//!
//! # Writing
//!
//! ```
//! use sse_proto::{Event, EventId, EventType};
//!
//! let event = Event::new("two\nlines")
//!     .with_type(EventType::new("update")?)
//!     .with_id(EventId::from(7));
//!
//! let mut wire = Vec::new();
//! event.encode(&mut wire);
//! assert_eq!(wire, b"event: update\nid: 7\ndata: two\ndata: lines\n\n");
//!
//! // What would forge a second field is refused, with the place of the fault.
//! let forged = EventType::new("update\ndata: forged").unwrap_err();
//! assert_eq!(forged.to_string(), "event type: LF at byte 6 would end the field");
//! # Ok::<(), sse_proto::InvalidValue>(())
//! ```
//!
//! # Reading
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
#![warn(
    clippy::alloc_instead_of_core,
    clippy::std_instead_of_alloc,
    clippy::std_instead_of_core
)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "codec")]
extern crate std;

mod chunk;
#[cfg(feature = "codec")]
mod codec;
#[cfg(feature = "alloc")]
pub mod connection;
#[cfg(feature = "alloc")]
mod decimal;
#[cfg(feature = "alloc")]
mod decode;
#[cfg(feature = "bytes")]
mod decode_shared;
mod decode_slice;
#[cfg(feature = "alloc")]
mod encode;
mod error;
#[cfg(feature = "alloc")]
mod event;
mod field;
#[cfg(feature = "alloc")]
mod invalid_value;
mod item;
#[cfg(feature = "serde")]
mod json;
mod line;
mod parse;
#[cfg(feature = "alloc")]
mod shared_text;
mod store;
#[cfg(feature = "stream")]
mod stream;
#[cfg(feature = "alloc")]
mod text;
#[cfg(feature = "stream")]
mod turn;

pub use chunk::Chunk;
#[cfg(feature = "codec")]
pub use codec::EventCodec;
#[cfg(feature = "alloc")]
pub use decode::{DEFAULT_LIMIT, Decoder};
pub use decode_slice::SliceDecoder;
#[cfg(feature = "alloc")]
pub use encode::{Comment, Output, encode_into};
pub use error::DecodeError;
#[cfg(feature = "alloc")]
pub use error::IdTooLong;
#[cfg(feature = "alloc")]
pub use event::{Event, EventId, EventType};
#[cfg(feature = "alloc")]
pub use invalid_value::InvalidValue;
pub use item::{Item, MessageEvent};
pub use parse::DEFAULT_MAX_ID_BYTES;
#[cfg(feature = "stream")]
pub use stream::{ItemStream, StreamError};
