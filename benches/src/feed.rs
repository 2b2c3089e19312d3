//! Streams that are split into chunks.

use bytes::Bytes;

use crate::{
    tally::{self, Tally},
    workloads::Workload,
};

/// Kind of chunks into which a stream is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunking {
    /// The whole stream is one chunk.
    Whole,
    /// Chunks of 16 KiB, as from a large read.
    Read,
    /// One chunk per block, as from a server that flushes after each event.
    Block,
    /// Chunks of 64 bytes.
    Short,
    /// Chunks of one byte.
    Byte,
}

impl Chunking {
    /// All kinds of chunks, the most important first.
    pub const ALL: [Self; 5] = [
        Self::Read,
        Self::Whole,
        Self::Block,
        Self::Short,
        Self::Byte,
    ];

    /// Returns the name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Read => "16 KiB",
            Self::Block => "one event",
            Self::Short => "64 B",
            Self::Byte => "1 B",
        }
    }

    /// Returns the maximum size of a stream in such chunks, in bytes.
    fn most(self) -> usize {
        match self {
            Self::Whole | Self::Read | Self::Block => usize::MAX,
            Self::Short => 256 * 1024,
            Self::Byte => 32 * 1024,
        }
    }
}

/// Stream in chunks, with its expected result.
#[derive(Debug)]
pub struct Feed {
    /// Number of blocks in the stream.
    pub blocks: usize,
    /// Result of a correct decoder.
    pub expected: Tally,
    /// Kind of its chunks.
    chunking: Chunking,
    stream: Bytes,
    /// Ends of the chunks.
    ends: Vec<usize>,
    /// Chunks for decoders that need to own them.
    owned: Vec<Bytes>,
}

impl Feed {
    /// Creates a feed of the workload's stream, or only of its start if the chunks are small.
    pub fn new(workload: &Workload, chunking: Chunking) -> Self {
        Self::of_blocks(workload, chunking, blocks_within(workload, chunking.most()))
    }

    /// Creates a feed of the start of the stream: about this many bytes, and at least one block.
    pub fn start(workload: &Workload, chunking: Chunking, bytes: usize) -> Self {
        Self::of_blocks(workload, chunking, blocks_within(workload, bytes))
    }

    /// Returns a feed of this stream followed by itself.
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

    /// Returns a feed of the first eighth of the stream, which may end at any byte. It shows which peers are too
    /// slow.
    #[must_use]
    pub fn eighth(&self) -> Self {
        let length = self.stream.len() / 8;
        let ends = self.ends.iter().copied().take_while(|end| *end < length);
        let ends = ends.chain([length]).collect();
        Self::of_stream(self.stream.slice(..length), ends, self.chunking)
    }

    /// Returns the size of the stream, in bytes.
    pub fn bytes(&self) -> usize {
        self.stream.len()
    }

    /// Returns the chunks as slices.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let chunk = &self.stream[start..end];
            start = end;
            chunk
        })
    }

    /// Returns the chunks as [`Bytes`]. This clones reference counts, not data.
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

/// Returns the number of blocks within the first bytes of the stream, at least one.
fn blocks_within(workload: &Workload, bytes: usize) -> usize {
    workload.ends.partition_point(|end| *end <= bytes).max(1)
}

/// Returns the ends of chunks of one size.
fn every(size: usize, length: usize) -> Vec<usize> {
    let mut ends: Vec<_> = (size..length).step_by(size).collect();
    ends.push(length);
    ends
}
