//! Other decoders, each through the cheapest interface that it documents.
//!
//! Those that want a stream of chunks get one that is always ready, made of what they like best:
//! borrowed slices, or `Bytes` that were made beforehand where they can keep them without a copy.

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

/// A decoder that is not ours.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The crate.
    pub name: &'static str,
    /// Decodes all chunks.
    pub decode: fn(&Feed) -> Tally,
}

/// All of them.
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
