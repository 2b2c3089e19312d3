//! Where lines end: at CR LF, at LF, and at a CR that no LF follows.

use alloc::vec::Vec;

use memchr::memchr2;

/// Splits a text where a reader would. There is always a first line, and a last one after the last
/// line end, both maybe empty.
pub(crate) fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = find_end(text.as_bytes()) else {
            return rest.take();
        };
        let (line, tail) = (&text[..end], &text[end..]);
        rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..));
        Some(line)
    })
}

/// The index of the first CR or LF.
fn find_end(bytes: &[u8]) -> Option<usize> {
    memchr2(b'\r', b'\n', bytes)
}

/// The encoding of U+FEFF, of which one at the start of a stream is no part of it.
const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Makes lines of a stream that arrives in chunks.
///
/// A line that lies inside one chunk is borrowed from it; one that does not is gathered in
/// `partial`, so each byte is looked at once and copied at most once, whatever the chunking.
#[derive(Debug, Default)]
pub(crate) struct LineReader {
    /// The start of a line whose end has not come yet, or the line handed out last.
    partial: Vec<u8>,
    /// `partial` was handed out, and is to be emptied before the next line.
    handed_out: bool,
    /// The last line was longer than allowed: what is left of it is dropped as it comes.
    dropping: bool,
    /// The last line ended in CR. It was handed out at once, for an LF may never come; if one
    /// comes, it belongs to that line end, also when it starts the next chunk.
    skip_lf: bool,
    /// How much of a byte order mark has been seen; all of it once the start is behind us.
    bom_seen: usize,
    /// Bytes of the stream that were taken.
    position: u64,
}

/// What [`LineReader::next`] found.
#[derive(Debug)]
pub(crate) enum Line<'a> {
    /// The whole input was taken, and no line ended.
    NeedMore,
    /// A line without its end, and where it starts in the stream.
    Complete(&'a [u8], u64),
    /// A line that is longer than allowed, reported as soon as that is known, and where it starts.
    TooLong(u64),
}

impl LineReader {
    /// Takes bytes up to and with the next line end, or all there are.
    ///
    /// A line of more than `allowed` bytes is never held or handed out. With none allowed, only
    /// blank lines are.
    pub(crate) fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8], allowed: usize) -> Line<'a> {
        if self.handed_out {
            self.handed_out = false;
            self.partial.clear();
        }
        self.skip_bom(input);
        loop {
            self.skip_lf(input);
            let start = self.position - self.partial.len() as u64;
            let end = find_end(input);
            let part = self.take(input, end.unwrap_or(input.len()));
            if let Some(end) = self.take(input, usize::from(end.is_some())).first() {
                self.skip_lf = *end == b'\r';
            }
            match end {
                None if self.dropping => return Line::NeedMore,
                Some(_) if self.dropping => self.dropping = false,
                _ if self.partial.len() + part.len() > allowed => {
                    self.partial.clear();
                    self.dropping = end.is_none();
                    return Line::TooLong(start);
                }
                None => {
                    self.partial.extend_from_slice(part);
                    return Line::NeedMore;
                }
                Some(_) if self.partial.is_empty() => return Line::Complete(part, start),
                Some(_) => {
                    self.partial.extend_from_slice(part);
                    self.handed_out = true;
                    return Line::Complete(&self.partial, start);
                }
            }
        }
    }

    fn take<'i>(&mut self, input: &mut &'i [u8], count: usize) -> &'i [u8] {
        let (taken, rest) = input.split_at(count);
        *input = rest;
        self.position += count as u64;
        taken
    }

    fn skip_lf(&mut self, input: &mut &[u8]) {
        if let Some(first) = input.first() {
            if self.skip_lf && *first == b'\n' {
                self.take(input, 1);
            }
            self.skip_lf = false;
        }
    }

    /// "The UTF-8 decode algorithm strips one leading UTF-8 Byte Order Mark (BOM), if any."
    fn skip_bom(&mut self, input: &mut &[u8]) {
        while self.bom_seen < BOM.len()
            && let Some(&first) = input.first()
        {
            if first == BOM[self.bom_seen] {
                self.take(input, 1);
                self.bom_seen += 1;
            } else {
                // Not a mark after all: what looked like one starts the first line.
                self.partial.extend_from_slice(&BOM[..self.bom_seen]);
                self.bom_seen = BOM.len();
            }
        }
    }
}
