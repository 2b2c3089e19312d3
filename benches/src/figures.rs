//! Target ratios. A prototype has shown that they are possible. The tables mark a ratio of ours that is below its
//! target.

use crate::feed::Chunking;

/// Target ratios for a workload in a kind of chunks. `None` means that there is no target.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figure {
    /// Time of the best peer ÷ our time, with `&str` events.
    pub peer: Option<f64>,
    /// Time of the best peer ÷ our time, with `&[u8]` events.
    pub peer_bytes: Option<f64>,
    /// Time of memchr ÷ our time, with `&str` events.
    pub memchr: Option<f64>,
    /// Time of memchr ÷ our time, with `&[u8]` events.
    pub memchr_bytes: Option<f64>,
}

/// Returns the targets for decoding.
pub fn decode(workload: &str, chunking: Chunking) -> Figure {
    match (workload, chunking) {
        ("a", Chunking::Read) => Figure {
            peer_bytes: Some(2.7),
            memchr_bytes: Some(0.85),
            ..both(2.0, 0.64)
        },
        ("a", Chunking::Block) => both(1.5, 0.43),
        ("a2", Chunking::Read) => both(2.7, 0.6),
        ("b", Chunking::Read) => both(5.0, 1.5),
        ("c", Chunking::Read) => both(1.1, 0.44),
        ("c", Chunking::Whole) => both(1.2, 0.44),
        ("d-lf", Chunking::Read) => both(1.4, 0.4),
        ("d-crlf", Chunking::Read) => both(1.3, 0.4),
        ("e", Chunking::Read) => both(2.8, 0.58),
        ("f", Chunking::Read) => both(1.25, 1.75),
        ("g", Chunking::Read) => both(3.9, 0.49),
        (_, Chunking::Short) => peer(1.05),
        // Never slower than a peer, in any chunks.
        ("f" | "f-bare", _) => peer(1.0),
        (_, Chunking::Byte) => peer(0.8),
        _ => Figure::default(),
    }
}

/// Returns the target for encoding: time of the peer ÷ our time.
pub fn encode(workload: &str, peer: &str) -> Option<f64> {
    match (workload, peer) {
        ("a" | "a2" | "b" | "c" | "e", "russe" | "actix") => Some(1.4),
        ("a", "axum") => Some(2.9),
        ("a", "warp") => Some(4.5),
        _ => None,
    }
}

fn both(peer: f64, memchr: f64) -> Figure {
    Figure {
        peer: Some(peer),
        memchr: Some(memchr),
        ..Figure::default()
    }
}

fn peer(peer: f64) -> Figure {
    Figure {
        peer: Some(peer),
        ..Figure::default()
    }
}
