use std::io;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use compression_codecs::{
    DecodeV2,
    core::util::{PartialBuffer, WriteBuffer},
};

type State = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// Decoder of brotli as in RFC 7932, with windows of at most 16 MiB.
///
/// The decoder of `compression-codecs` also accepts the extension for windows of up to 1 GiB.
pub(super) struct BrotliDecoder(Box<State>);

impl BrotliDecoder {
    pub(super) fn new() -> Self {
        Self(Box::new(Self::state()))
    }

    fn state() -> State {
        let alloc = StandardAlloc::default;
        State::new_strict(alloc(), alloc(), alloc())
    }
}

impl DecodeV2 for BrotliDecoder {
    fn reinit(&mut self) -> io::Result<()> {
        *self.0 = Self::state();
        Ok(())
    }

    fn decode(
        &mut self,
        input: &mut PartialBuffer<&[u8]>,
        output: &mut WriteBuffer<'_>,
    ) -> io::Result<bool> {
        let (mut taken, mut written) = (0, 0);
        let (from, to) = (input.unwritten(), output.initialize_unwritten());
        let result = BrotliDecompressStream(
            &mut from.len(),
            &mut taken,
            from,
            &mut to.len(),
            &mut written,
            to,
            &mut 0,
            &mut self.0,
        );
        input.advance(taken);
        output.advance(written);
        match result {
            BrotliResult::ResultSuccess => Ok(true),
            BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => Ok(false),
            BrotliResult::ResultFailure => {
                let code = self.0.error_code;
                Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{code:?}"),
                ))
            }
        }
    }

    fn flush(&mut self, output: &mut WriteBuffer<'_>) -> io::Result<bool> {
        self.decode(&mut PartialBuffer::new(&[]), output)?;
        Ok(!output.has_no_spare_space())
    }

    fn finish(&mut self, output: &mut WriteBuffer<'_>) -> io::Result<bool> {
        self.decode(&mut PartialBuffer::new(&[]), output)
    }
}
