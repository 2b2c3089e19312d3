//! Other decoders, each through the cheapest interface that it documents.
//!
//! A decoder that needs a stream of chunks gets one that is always ready. Its chunks are borrowed slices, or
//! `Bytes` that were created beforehand if the decoder can keep them without a copy.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use futures_core::Stream;

use crate::{feed::Feed, tally::Tally};

mod eventsource_stream;
mod eventsrc;
mod russe;
mod sse_codec;
mod sse_core;
mod sse_parse;
mod sse_stream;
mod sseer;

/// Decoder of another crate.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Name of the crate.
    pub name: &'static str,
    /// Decodes all chunks.
    pub decode: fn(&Feed) -> Tally,
}

/// All peers.
pub const ALL: [Peer; 8] = [
    Peer {
        name: "sse-core",
        decode: sse_core::decode,
    },
    Peer {
        name: "sse-stream",
        decode: sse_stream::decode,
    },
    Peer {
        name: "eventsrc",
        decode: eventsrc::decode,
    },
    Peer {
        name: "sseer",
        decode: sseer::decode,
    },
    Peer {
        name: "sse-parse",
        decode: sse_parse::decode,
    },
    Peer {
        name: "eventsource-stream",
        decode: eventsource_stream::decode,
    },
    Peer {
        name: "sse-codec",
        decode: sse_codec::decode,
    },
    Peer {
        name: "russe",
        decode: russe::decode,
    },
];

/// Takes all items of a stream that is always ready.
pub(crate) fn drain<S: Stream>(stream: S, mut each: impl FnMut(S::Item)) {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(item)) = stream.as_mut().poll_next(&mut context) {
        each(item);
    }
}
