use core::hash::{BuildHasher as _, Hash};
use std::hash::RandomState;

/// Stands for a value in place of the value itself: 128 bits of a keyed hash.
///
/// Two values with the same digest are one in 2^128, and without the keys, which are random and never
/// leave the process, there is no way to search for a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digest(pub(crate) u64, pub(crate) u64);

impl Digest {
    /// One of 64 bits, by the digest.
    pub(crate) fn bit(self) -> u64 {
        1 << (self.1 & 63)
    }
}

/// Computes digests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digester {
    /// Each has keys of its own.
    halves: [RandomState; 2],
}

impl Digester {
    pub(crate) fn digest(&self, value: impl Hash) -> Digest {
        let [first, second] = self.halves.each_ref().map(|half| half.hash_one(&value));
        Digest(first, second)
    }
}
