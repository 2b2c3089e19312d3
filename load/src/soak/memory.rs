//! Detects that the server's memory grows.

use std::fmt;

use anyhow::{Result, ensure};

/// Allowed growth as a share of the memory, because the memory of an allocator varies.
const MAX_GROWTH_SHARE: f64 = 0.1;

/// Allowed growth in bytes, in addition to the share.
const MAX_GROWTH_BYTES: f64 = 4.0 * MIB;

const MIB: f64 = 1024.0 * 1024.0;

/// Memory at regular times, in bytes.
#[derive(Debug, Default)]
pub(super) struct Memory {
    samples: Vec<f64>,
}

impl Memory {
    pub(super) fn sample(&mut self, bytes: u64) {
        self.samples.push(bytes as f64);
    }

    /// Compares the two halves of the run, without its first three tenths, in which buffers fill up.
    pub(super) fn verdict(&self) -> Result<String> {
        let steady = &self.samples[self.samples.len() * 3 / 10..];
        let (first, second) = steady.split_at(steady.len() / 2);
        let (first, second) = (mean(first), mean(second));
        let verdict = format!(
            "memory: {:.1} MiB, then {:.1} MiB",
            first / MIB,
            second / MIB
        );
        let flat = second <= first * (1.0 + MAX_GROWTH_SHARE) + MAX_GROWTH_BYTES;
        ensure!(flat, "{verdict}: it grows");
        Ok(verdict)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.samples.last().copied().unwrap_or(0.0);
        write!(f, "{:.1} MiB", last / MIB)
    }
}

fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::{MIB, Memory};

    #[test]
    fn growth_is_told_from_noise() {
        let of = |bytes: fn(f64) -> f64| Memory {
            samples: (0..100).map(|n| bytes(f64::from(n)) * MIB).collect(),
        };
        let filling = of(|n| 50.0 * (n / 20.0).min(1.0) + n % 7.0);
        assert!(filling.verdict().is_ok());
        let leaking = of(|n| 50.0 + n / 2.0);
        assert!(leaking.verdict().is_err());
    }
}
