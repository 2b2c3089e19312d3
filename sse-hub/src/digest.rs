use core::hash::{BuildHasher as _, Hash};
use std::hash::RandomState;

/// Keyed hash of 128 bits that identifies a value.
///
/// Two values have the same digest with a probability of 2^-128. The keys are random and never leave the process, so
/// an attacker cannot search for a collision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Digest(pub(crate) u64, pub(crate) u64);

impl Digest {
    /// Returns one of 64 bits, chosen by the digest.
    pub(crate) fn bit(self) -> u64 {
        1 << (self.1 & 63)
    }
}

/// Computes digests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digester {
    /// Hashers for the two halves of a digest, each with its own keys.
    halves: [RandomState; 2],
}

impl Digester {
    /// Returns the digest of a value.
    pub(crate) fn digest(&self, value: impl Hash) -> Digest {
        let [first, second] = self.halves.each_ref().map(|half| half.hash_one(&value));
        Digest(first, second)
    }
}
