//! Encoder and decoder for [server-sent events][spec] (`text/event-stream`), without I/O and without `std`.
//!
//! - The encoder rejects or splits every line end in a value, so no value can forge another field.
//! - The decoder takes chunks of any size. Its items do not depend on where the stream is split, and its memory is
//!   limited.
//! - [`client`] has the state machine of a client: when to reconnect, where to resume, when to stop.
//!
//! ```
//! use sse_proto::{Chunk, Decoder, Event, Item};
//!
//! let mut wire = Vec::new();
//! Event::new("two\nlines").encode(&mut wire);
//! assert_eq!(wire, b"data: two\ndata: lines\n\n");
//!
//! let mut decoder = Decoder::new();
//! let mut chunk = Chunk::new(&wire);
//! while let Some(item) = decoder.decode(&mut chunk)? {
//!     assert!(matches!(item, Item::Event(event) if event.data == "two\nlines"));
//! }
//! # Ok::<(), sse_proto::DecodeError>(())
//! ```
//!
//! [spec]: https://html.spec.whatwg.org/multipage/server-sent-events.html
//!
//! # Encoding
//!
//! [`EventType`] and [`EventId`] contain only text that is valid on the wire.
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
//! // A value that would forge a second field is rejected, with the position of the fault.
//! let forged = EventType::new("update\ndata: forged").unwrap_err();
//! assert_eq!(forged.to_string(), "event type: LF at byte 6 would end the field");
//! # Ok::<(), sse_proto::InvalidValue>(())
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
//!
//! # Types
//!
//! ```text
//!          encoding                                decoding
//!
//!  EventType  EventId                   Chunk: bytes, split anywhere
//!       \      /                             │
//!        Event ── encode ──▶  wire  ──▶   Parser    (line ▸ field ▸ block)
//!                               │             │
//!        Comment ── encode ─────┘     Decoder │ SliceDecoder
//!                                             ▼
//!                          Item: Event(MessageEvent) · Retry · Comment
//! ```
//!
//! - [`Event`] is an event that can be stored and sent.
//! - [`Event::encode`], [`Comment::encode`] and [`encode_into`] append bytes to any [`Output`].
//! - [`Decoder`] takes a [`Chunk`] and returns borrowed [`Item`]s, as text or as bytes. [`SliceDecoder`] returns
//!   bytes and uses only memory of the caller.
//! - [`client`] has no I/O: the caller reports responses, data and errors, and gets actions and timeouts.
//!
//! # Features
//!
//! - `alloc` (default): everything except [`SliceDecoder`], which is always available.
//! - `simd`: validates UTF-8 by SIMD, which is many times faster for text that is not ASCII. Requires `std`, to
//!   detect the features of the processor.
//! - `serde`: data in JSON, `Event::json` and `MessageEvent::json`.
//! - `bytes`: [`Output`] for `BytesMut`, and events that share the memory of a `Bytes`.
//! - `stream`: `ItemStream`, which converts a stream of chunks to a stream of items.
//! - `codec`: `EventCodec`, for `tokio_util::codec`. Requires `std`.
//!
//! # Grammar
//!
//! The standard defines an event stream as follows ([9.2.5, Parsing an event stream][parsing]):
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
#[cfg(feature = "alloc")]
pub mod client;
#[cfg(feature = "codec")]
mod codec;
#[cfg(feature = "alloc")]
mod decoder;
mod error;
#[cfg(feature = "alloc")]
mod event;
mod item;
mod parser;
mod slice_decoder;
#[cfg(feature = "stream")]
mod stream;

pub use chunk::Chunk;
#[cfg(feature = "codec")]
pub use codec::EventCodec;
#[cfg(feature = "alloc")]
pub use decoder::{DEFAULT_MAX_EVENT_BYTES, Decoder};
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
