//! Buffers for the parts of an event that span chunks.
//!
//! The limits of the parser ensure that there is always room.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// Buffer that grows, or that uses memory of the caller.
pub(crate) trait Buffer {
    /// Returns the content.
    fn bytes(&self) -> &[u8];

    /// Appends the bytes for which there is room.
    fn push(&mut self, bytes: &[u8]);

    /// Appends an LF.
    fn push_lf(&mut self);

    /// Drops all bytes after the first `length` bytes.
    fn truncate(&mut self, length: usize);

    /// Removes `count` bytes from index `start` on.
    fn remove(&mut self, start: usize, count: usize);

    /// Returns the length of the content, in bytes.
    fn len(&self) -> usize {
        self.bytes().len()
    }

    /// Replaces the content by these bytes.
    fn set(&mut self, bytes: &[u8]) {
        self.truncate(0);
        self.push(bytes);
    }
}

#[cfg(feature = "alloc")]
impl Buffer for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn push_lf(&mut self) {
        self.push(b'\n');
    }

    fn truncate(&mut self, length: usize) {
        Self::truncate(self, length);
    }

    fn remove(&mut self, start: usize, count: usize) {
        self.drain(start..start + count);
    }
}

/// Memory of the caller, filled from the start.
#[derive(Debug)]
pub(crate) struct SliceBuffer<'b> {
    memory: &'b mut [u8],
    length: usize,
}

impl<'b> SliceBuffer<'b> {
    pub(crate) fn new(memory: &'b mut [u8]) -> Self {
        Self { memory, length: 0 }
    }

    /// Returns the maximum length of the content, in bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.memory.len()
    }
}

impl Buffer for SliceBuffer<'_> {
    fn bytes(&self) -> &[u8] {
        &self.memory[..self.length]
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        let free = &mut self.memory[self.length..];
        let count = bytes.len().min(free.len());
        free[..count].copy_from_slice(&bytes[..count]);
        self.length += count;
    }

    #[inline]
    fn push_lf(&mut self) {
        if let Some(next) = self.memory.get_mut(self.length) {
            *next = b'\n';
            self.length += 1;
        }
    }

    fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    fn remove(&mut self, start: usize, count: usize) {
        self.memory.copy_within(start + count..self.length, start);
        self.length -= count;
    }
}
