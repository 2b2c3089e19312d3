//! Strict parser of the chunked transfer coding
//! ([RFC 9112, 7.1](https://www.rfc-editor.org/rfc/rfc9112#section-7.1)). It rejects extensions and trailers, because
//! no server here sends them.

use anyhow::{Context as _, Result, bail};

/// State of a parser of one body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chunked {
    part: Part,
    /// Number of remaining bytes of the chunk.
    size: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Size,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    LastCr,
    LastLf,
    End,
}

impl Chunked {
    /// Returns the next bytes of the body, or no bytes if the input is empty.
    pub(crate) fn next<'i>(&mut self, input: &mut &'i [u8]) -> Result<&'i [u8]> {
        loop {
            if self.part == Part::Data {
                let (data, rest) = input.split_at(self.size.min(input.len()));
                *input = rest;
                self.size -= data.len();
                if self.size == 0 {
                    self.part = Part::DataCr;
                }
                return Ok(data);
            }
            let Some((byte, rest)) = input.split_first() else {
                return Ok(&[]);
            };
            *input = rest;
            self.part = self.step(*byte)?;
        }
    }

    /// Returns true if the body is complete.
    pub(crate) fn is_over(self) -> bool {
        self.part == Part::End
    }

    fn step(&mut self, byte: u8) -> Result<Part> {
        Ok(match (self.part, byte) {
            (Part::Size, b'\r') => Part::SizeLf,
            (Part::Size, _) => {
                let digit = char::from(byte).to_digit(16);
                let digit = digit.with_context(|| format!("{byte:#04x} in the size of a chunk"))?;
                self.size = self.size * 16 + digit as usize;
                Part::Size
            }
            (Part::SizeLf, b'\n') if self.size == 0 => Part::LastCr,
            (Part::SizeLf, b'\n') => Part::Data,
            (Part::DataCr, b'\r') => Part::DataLf,
            (Part::DataLf, b'\n') => Part::Size,
            (Part::LastCr, b'\r') => Part::LastLf,
            (Part::LastLf, b'\n') => Part::End,
            (part, _) => bail!("{byte:#04x} at {part:?} of a chunk"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Chunked;

    #[test]
    fn any_cut_gives_the_same() {
        let wire = b"5\r\nhello\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n";
        for cut in 0..=wire.len() {
            let mut chunked = Chunked::default();
            let mut body = Vec::<u8>::new();
            for mut part in [&wire[..cut], &wire[cut..]] {
                while !part.is_empty() {
                    body.extend(chunked.next(&mut part).expect("valid chunks"));
                }
            }
            assert_eq!(body, b"helloabcdefghijklmnopqrstuvwxyz", "cut at {cut}");
            assert!(chunked.is_over());
        }
    }

    #[test]
    fn what_is_wrong_is_found() {
        for wire in ["5\r\nhell\r\n", "x\r\n", "5\nhello", "0\r\n\r\n5"] {
            let mut chunked = Chunked::default();
            let mut rest = wire.as_bytes();
            let mut right = true;
            while right && !rest.is_empty() {
                right = chunked.next(&mut rest).is_ok();
            }
            assert!(!right, "{wire:?}");
        }
    }
}
