//! All streams of the event loop, in memory that is returned when they have ended.

use std::time::Instant;

use slab::Slab;

use crate::open_stream::OpenStream;

/// Number of streams in a segment: its size is more than 32 MiB.
//
// Memory takes effect when it is used, so a segment costs what its streams need. glibc returns a block of this size to
// the system as soon as it is freed. It keeps smaller ones: after 10,000 streams had come and gone twice, in one array
// that grew with them, 6 MB were left.
const SEGMENT: usize = (32 << 20) / size_of::<OpenStream>() + 1;

/// Open streams by key.
#[derive(Default)]
pub(crate) struct StreamSlab {
    segments: Vec<Slab<OpenStream>>,
    /// Indices of the segments that are not full.
    not_full: Vec<usize>,
    len: usize,
}

impl StreamSlab {
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns whether a stream has a timer at this time.
    pub(crate) fn has_timer(&mut self, key: usize, at: Instant) -> bool {
        let timer = self.get_mut(key).and_then(|stream| stream.timer);
        timer == Some(at)
    }

    /// Adds a stream, and returns its key.
    pub(crate) fn insert(&mut self, stream: OpenStream) -> usize {
        let index = self.not_full.last().copied().unwrap_or_else(|| {
            self.segments.push(Slab::new());
            self.not_full.push(self.segments.len() - 1);
            self.segments.len() - 1
        });
        let segment = &mut self.segments[index];
        if segment.capacity() == 0 {
            segment.reserve_exact(SEGMENT);
        }
        let key = segment.insert(stream);
        if segment.len() == SEGMENT {
            self.not_full.pop();
        }
        self.len += 1;
        index * SEGMENT + key
    }

    pub(crate) fn get_mut(&mut self, key: usize) -> Option<&mut OpenStream> {
        let segment = self.segments.get_mut(key / SEGMENT)?;
        segment.get_mut(key % SEGMENT)
    }

    /// Removes a stream. The memory of its segment is returned with the last stream of it.
    pub(crate) fn remove(&mut self, key: usize) -> Option<OpenStream> {
        let index = key / SEGMENT;
        let segment = self.segments.get_mut(index)?;
        let was_full = segment.len() == SEGMENT;
        let stream = segment.try_remove(key % SEGMENT)?;
        if was_full {
            self.not_full.push(index);
        }
        if segment.is_empty() {
            *segment = Slab::new();
        }
        self.len -= 1;
        if self.is_empty() {
            *self = Self::default();
        }
        Some(stream)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = usize> {
        let segments = self.segments.iter().enumerate();
        segments
            .flat_map(|(index, segment)| segment.iter().map(move |(key, _)| index * SEGMENT + key))
    }
}
