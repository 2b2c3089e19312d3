//! Limits of the machine: simple operations, some of which each decoder has to do at least.

use std::{hint::black_box, str};

use crate::feed::Feed;

/// Operation for comparison, which does not decode.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Name in the tables.
    pub name: &'static str,
    /// Runs the operation once over all chunks.
    pub run: fn(&Feed, &mut Vec<u8>),
}

/// Operation that the ratios compare with.
pub const MEMCHR: Limit = Limit {
    name: "memchr LF",
    run: memchr_lf,
};

/// All operations.
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

/// Finds each LF.
fn memchr_lf(feed: &Feed, _: &mut Vec<u8>) {
    for chunk in feed.slices() {
        for at in memchr::memchr_iter(b'\n', chunk) {
            black_box(at);
        }
    }
}

/// Finds each LF and each CR.
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

/// Validates the chunks as UTF-8. In a chunk that splits a character, it stops there.
fn from_utf8(feed: &Feed, _: &mut Vec<u8>) {
    for chunk in feed.slices() {
        let _ = black_box(str::from_utf8(chunk));
    }
}

/// Validates the chunks as UTF-8, by SIMD if available.
fn simd_utf8(feed: &Feed, _: &mut Vec<u8>) {
    for chunk in feed.slices() {
        let _ = black_box(simdutf8::basic::from_utf8(chunk));
    }
}
