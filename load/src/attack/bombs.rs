//! Small bodies that decompress to large ones.

use std::io::{self, Write};

use brotli::{CompressorWriter, enc::BrotliEncoderParams};
use flate2::{Compression, write::GzEncoder};

/// Maximum size of a zstd block, in bytes.
const ZSTD_BLOCK: u32 = 128 * 1024;

/// Compresses the same bytes without end, until `out` fails.
pub(super) fn gzip(out: impl Write, bytes: &[u8]) -> io::Result<()> {
    repeat(GzEncoder::new(out, Compression::best()), bytes)
}

/// Compresses the same bytes without end, twice.
pub(super) fn gzip_in_gzip(out: impl Write, bytes: &[u8]) -> io::Result<()> {
    gzip(GzEncoder::new(out, Compression::best()), bytes)
}

/// Compresses the same bytes without end, with a window of 2^`window_log` bytes.
pub(super) fn brotli(out: impl Write, bytes: &[u8], window_log: i32) -> io::Result<()> {
    let parameters = BrotliEncoderParams {
        quality: 1,
        lgwin: window_log,
        large_window: window_log > 24,
        ..BrotliEncoderParams::default()
    };
    repeat(
        CompressorWriter::with_params(out, 64 * 1024, &parameters),
        bytes,
    )
}

/// Writes a frame of zstd with a window of 2^`window_log` bytes and blocks without end, each of which repeats the
/// byte.
///
/// The format is that of [RFC 8878, 3.1.1](https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1).
pub(super) fn zstd(mut out: impl Write, byte: u8, window_log: u8) -> io::Result<()> {
    // Magic number; a descriptor of a frame without size and checksum; the exponent of the window.
    out.write_all(&[0x28, 0xB5, 0x2F, 0xFD, 0, (window_log - 10) << 3])?;
    let [a, b, c, _] = (1 << 1 | ZSTD_BLOCK << 3).to_le_bytes();
    repeat(out, &[a, b, c, byte].repeat(1_000))
}

fn repeat(mut out: impl Write, bytes: &[u8]) -> io::Result<()> {
    loop {
        out.write_all(bytes)?;
    }
}
