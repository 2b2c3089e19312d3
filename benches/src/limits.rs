//! What the machine allows: things that a decoder has to do at the least, or need not do at all.

use std::{hint::black_box, str};

use crate::feed::Feed;

/// Something to compare with that decodes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// What the tables call it.
    pub name: &'static str,
    /// Does it once over all chunks.
    pub run: fn(&Feed, &mut Vec<u8>),
}

/// The one that the ratios are of.
pub const MEMCHR: Limit = Limit {
    name: "memchr LF",
    run: memchr_lf,
};

/// All of them.
pub const ALL: [Limit; 5] = [
    MEMCHR,
    Limit {
        name: "memchr2 LF, CR",
        run: memchr_lf_cr,
    },
    Limit {
        name: "memcpy",
        run: memcpy,
    },
    Limit {
        name: "from_utf8",
        run: from_utf8,
    },
    Limit {
        name: "simdutf8",
        run: simd_utf8,
    },
];

/// Goes from line end to line end.
fn memchr_lf(feed: &Feed, _: &mut Vec<u8>) {
    for chunk in feed.slices() {
        for at in memchr::memchr_iter(b'\n', chunk) {
            black_box(at);
        }
    }
}

/// Goes from line end to line end, whichever of the three it is.
fn memchr_lf_cr(feed: &Feed, _: &mut Vec<u8>) {
    for chunk in feed.slices() {
        for at in memchr::memchr2_iter(b'\n', b'\r', chunk) {
            black_box(at);
        }
    }
}

/// Copies all bytes to one buffer.
fn memcpy(feed: &Feed, buffer: &mut Vec<u8>) {
    buffer.clear();
    for chunk in feed.slices() {
        buffer.extend_from_slice(chunk);
    }
    black_box(buffer);
}

/// Looks whether the chunks are UTF-8. Where they cut a character it looks at less than all.
fn from_utf8(feed: &Feed, _: &mut Vec<u8>) {
    for chunk in feed.slices() {
        let _ = black_box(str::from_utf8(chunk));
    }
}

/// Looks whether the chunks are UTF-8, with SIMD where there is some.
fn simd_utf8(feed: &Feed, _: &mut Vec<u8>) {
    for chunk in feed.slices() {
        let _ = black_box(simdutf8::basic::from_utf8(chunk));
    }
}
