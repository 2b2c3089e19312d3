//! How a stream arrives: cut into chunks.

use bytes::Bytes;

use crate::{
    tally::{self, Tally},
    workloads::Workload,
};

/// How a stream is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunking {
    /// Not at all.
    Whole,
    /// Every 16 KiB, as a large read gives it.
    Read,
    /// After each block, as a server that flushes gives it.
    Block,
    /// Every 64 bytes.
    Short,
    /// After every byte.
    Byte,
}

impl Chunking {
    /// All of them, the one that matters most first.
    pub const ALL: [Self; 5] = [
        Self::Read,
        Self::Whole,
        Self::Block,
        Self::Short,
        Self::Byte,
    ];

    /// What the tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Read => "16 KiB",
            Self::Block => "an event each",
            Self::Short => "64 B",
            Self::Byte => "1 B",
        }
    }

    /// How much of a stream is worth cutting so small.
    fn most(self) -> usize {
        match self {
            Self::Whole | Self::Read | Self::Block => usize::MAX,
            Self::Short => 256 * 1024,
            Self::Byte => 32 * 1024,
        }
    }
}

/// A stream in chunks, and what it should come to.
#[derive(Debug)]
pub struct Feed {
    /// How many blocks are in it.
    pub blocks: usize,
    /// What a right decoder makes of it.
    pub expected: Tally,
    /// How it was cut.
    chunking: Chunking,
    stream: Bytes,
    /// Where the chunks end.
    ends: Vec<usize>,
    /// The chunks again, for those who want to own them.
    owned: Vec<Bytes>,
}

impl Feed {
    /// The stream of the workload; only the start of it if the chunks are small.
    pub fn new(workload: &Workload, chunking: Chunking) -> Self {
        Self::of_blocks(workload, chunking, blocks_within(workload, chunking.most()))
    }

    /// The start of the stream, about this many bytes and at least a block.
    pub fn start(workload: &Workload, chunking: Chunking, bytes: usize) -> Self {
        Self::of_blocks(workload, chunking, blocks_within(workload, bytes))
    }

    /// The same stream twice over.
    #[must_use]
    pub fn twice(&self) -> Self {
        let length = self.stream.len();
        let ends = self.ends.iter();
        let ends = ends.clone().copied().chain(ends.map(|end| length + end));
        Self::of_stream(
            [&self.stream[..], &self.stream[..]].concat().into(),
            ends.collect(),
            self.chunking,
        )
    }

    /// An eighth of the stream, wherever that ends, to see who would take for ever.
    #[must_use]
    pub fn eighth(&self) -> Self {
        let length = self.stream.len() / 8;
        let ends = self.ends.iter().copied().take_while(|end| *end < length);
        let ends = ends.chain([length]).collect();
        Self::of_stream(self.stream.slice(..length), ends, self.chunking)
    }

    /// How many bytes are in it.
    pub fn bytes(&self) -> usize {
        self.stream.len()
    }

    /// The chunks, borrowed.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let chunk = &self.stream[start..end];
            start = end;
            chunk
        })
    }

    /// The chunks, owned; the copies of [`Bytes`] that this makes are counted, not copied.
    pub fn owned(&self) -> impl Iterator<Item = Bytes> {
        self.owned.iter().cloned()
    }

    fn of_blocks(workload: &Workload, chunking: Chunking, blocks: usize) -> Self {
        let length = workload.ends[blocks - 1];
        let ends = match chunking {
            Chunking::Whole => vec![length],
            Chunking::Read => every(16 * 1024, length),
            Chunking::Block => workload.ends[..blocks].to_vec(),
            Chunking::Short => every(64, length),
            Chunking::Byte => every(1, length),
        };
        let stream = Bytes::copy_from_slice(&workload.stream[..length]);
        Self {
            blocks,
            expected: tally::expected(&workload.records[..blocks]),
            ..Self::of_stream(stream, ends, chunking)
        }
    }

    fn of_stream(stream: Bytes, ends: Vec<usize>, chunking: Chunking) -> Self {
        let mut start = 0;
        let mut owned = Vec::with_capacity(ends.len());
        for &end in &ends {
            owned.push(stream.slice(start..end));
            start = end;
        }
        Self {
            blocks: 0,
            expected: Tally::default(),
            chunking,
            stream,
            ends,
            owned,
        }
    }
}

/// How many blocks lie within the first bytes of the stream; at least one.
fn blocks_within(workload: &Workload, bytes: usize) -> usize {
    workload.ends.partition_point(|end| *end <= bytes).max(1)
}

/// The ends of chunks of one size.
fn every(size: usize, length: usize) -> Vec<usize> {
    let mut ends: Vec<_> = (size..length).step_by(size).collect();
    ends.push(length);
    ends
}
