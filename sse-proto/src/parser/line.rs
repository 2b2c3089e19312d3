//! Search for line ends: CR LF, LF, and CR without LF.

use memchr::memchr2;

/// True if the crate is optimized for size. In a web page, downloading the fast paths takes longer than they save,
/// so only the slow paths are used there.
pub(crate) const OPTIMIZE_FOR_SIZE: bool = cfg!(target_family = "wasm");

/// Returns the index of the first CR or LF.
///
/// Many lines are short, and a call of `memchr2` costs as much as checking 16 bytes by hand.
#[inline(always)]
pub(crate) fn find_line_end(bytes: &[u8]) -> Option<usize> {
    let head = bytes
        .split_first_chunk::<16>()
        .filter(|_| !OPTIMIZE_FOR_SIZE);
    let Some((head, tail)) = head else {
        return bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    };
    let (low, high) = head.split_at(8);
    for (offset, half) in [(0, low), (8, high)] {
        let word = half
            .first_chunk()
            .map_or(0, |half| u64::from_le_bytes(*half));
        let ends = ends_in(word);
        if ends != 0 {
            return Some(offset + ends.trailing_zeros() as usize / 8);
        }
    }
    memchr2(b'\r', b'\n', tail).map(|index| index + head.len())
}

/// Returns the index of the first CR or LF, without checking the first bytes by hand. Use it for a line that is
/// probably long.
pub(crate) fn find_long_line_end(bytes: &[u8]) -> Option<usize> {
    memchr2(b'\r', b'\n', bytes)
}

/// Sets the top bit of the lowest byte in a word that is CR or LF. The bits above it have no meaning.
///
/// Subtracting one from a byte borrows, and so sets a top bit that was clear, only if the byte is zero. After the
/// XOR, a byte is zero only if it was the byte that is searched for.
const fn ends_in(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const TOPS: u64 = u64::from_ne_bytes([0x80; 8]);
    let lf = word ^ (ONES * b'\n' as u64);
    let cr = word ^ (ONES * b'\r' as u64);
    (lf.wrapping_sub(ONES) & !lf | cr.wrapping_sub(ONES) & !cr) & TOPS
}

#[cfg(test)]
mod tests {
    use super::find_line_end;

    #[test]
    fn it_finds_the_first_end_wherever_it_is() {
        for length in (0..70).step_by(if cfg!(miri) { 9 } else { 1 }) {
            for at in 0..length {
                for (end, other) in [(b'\n', b'\r'), (b'\r', b'\n'), (b'\n', 0x8A), (b'\r', 0x0B)] {
                    let mut bytes = [0x0E; 70];
                    bytes[at] = end;
                    if at + 1 < length {
                        bytes[at + 1] = other;
                    }
                    assert_eq!(find_line_end(&bytes[..length]), Some(at), "{length}");
                    assert_eq!(find_line_end(&bytes[..at]), None, "{length}");
                }
            }
        }
    }
}
