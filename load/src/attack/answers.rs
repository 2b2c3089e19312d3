//! Hostile server: its answers, small bodies that decompress to large ones, and the server that sends them.

use std::{
    io::{self, Read as _, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::Result;
use brotli::{CompressorWriter, enc::BrotliEncoderParams};
use clap::ValueEnum;
use fastrand::Rng;
use flate2::{Compression, write::GzEncoder};

/// Number of bytes of one write.
const PIECE: usize = 64 * 1024;

/// An attack on the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Answer {
    /// One byte repeated, compressed by gzip.
    GzipRun,
    /// One byte repeated, compressed by gzip twice.
    GzipInGzip,
    /// Lines, compressed by gzip.
    GzipLines,
    /// One byte repeated, compressed by brotli.
    BrotliRun,
    /// One byte repeated, compressed by brotli with a window of 1 GiB.
    BrotliWindow,
    /// One byte repeated, compressed by zstd.
    ZstdRun,
    /// Empty lines, compressed by zstd.
    ZstdLines,
    /// One byte repeated, compressed by zstd with a window of 128 MiB.
    ZstdWindow,
    /// Informational responses without end.
    EarlyHints,
    /// A head without end.
    EndlessHead,
    /// A line without end.
    EndlessLine,
    /// A block of lines without end.
    EndlessBlock,
    /// An ID of 15 MB, then small events without end.
    LongId,
    /// Small events without end, each with an ID of the maximum length.
    ManyIds,
    /// Comments without end.
    Comments,
    /// Empty lines without end.
    EmptyLines,
    /// Chunks of one byte without end.
    SmallChunks,
    /// Reconnection times without end.
    Retries,
    /// Random bytes without end.
    Noise,
    /// An error with a body without end.
    EndlessError,
    /// Redirects without end.
    Redirects,
    /// Streams that end at once and request an immediate reconnection.
    ShortStreams,
}

impl Answer {
    /// Answers a request, until the client disconnects.
    pub(super) fn write(self, mut connection: TcpStream, port: u16, seed: u64) -> io::Result<()> {
        let mut rng = Rng::with_seed(seed);
        read_head(&mut connection)?;
        match self {
            Self::EarlyHints => repeat(connection, b"HTTP/1.1 103 Early Hints\r\n\r\n"),
            Self::EndlessHead => {
                connection.write_all(b"HTTP/1.1 200 OK\r\n")?;
                repeat(connection, b"X: x\r\n")
            }
            Self::EndlessError => {
                connection
                    .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\n")?;
                repeat(connection, b"no ")
            }
            Self::Redirects => {
                let path = rng.u64(..);
                let answer = format!(
                    "HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\n\
                     Location: http://127.0.0.1:{port}/{path}\r\nConnection: close\r\n\r\n"
                );
                connection.write_all(answer.as_bytes())
            }
            _ => {
                let coding = self.content_encoding();
                let chunked = match self {
                    Self::SmallChunks => "Transfer-Encoding: chunked\r\n",
                    _ => "Connection: close\r\n",
                };
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{coding}{chunked}\r\n"
                );
                connection.write_all(head.as_bytes())?;
                self.write_body(connection, &mut rng)
            }
        }
    }

    fn content_encoding(self) -> &'static str {
        match self {
            Self::GzipRun | Self::GzipLines => "Content-Encoding: gzip\r\n",
            Self::GzipInGzip => "Content-Encoding: gzip, gzip\r\n",
            Self::BrotliRun | Self::BrotliWindow => "Content-Encoding: br\r\n",
            Self::ZstdRun | Self::ZstdLines | Self::ZstdWindow => "Content-Encoding: zstd\r\n",
            _ => "",
        }
    }

    fn write_body(self, mut connection: TcpStream, rng: &mut Rng) -> io::Result<()> {
        match self {
            Self::GzipRun => gzip(connection, &[b'x'; PIECE]),
            Self::GzipInGzip => gzip_in_gzip(connection, &[b'x'; PIECE]),
            Self::GzipLines => gzip(connection, &b":\n".repeat(PIECE / 2)),
            Self::BrotliRun => brotli(connection, &[b'x'; PIECE], 22),
            Self::BrotliWindow => brotli(connection, &[b'x'; PIECE], 30),
            Self::ZstdRun => zstd(connection, b'x', 23),
            Self::ZstdLines => zstd(connection, b'\n', 23),
            Self::ZstdWindow => zstd(connection, b'x', 27),
            Self::EndlessLine => {
                connection.write_all(b"data: ")?;
                repeat(connection, b"x")
            }
            Self::EndlessBlock => repeat(connection, b"data: x\n"),
            Self::LongId => {
                connection.write_all(b"id: ")?;
                connection.write_all(&vec![b'x'; 15_000_000])?;
                connection.write_all(b"\n")?;
                repeat(connection, b"data: x\n\n")
            }
            Self::ManyIds => {
                let id = "x".repeat(8_000);
                repeat(connection, format!("id: {id}\ndata: x\n\n").as_bytes())
            }
            Self::Comments => repeat(connection, b":\n"),
            Self::EmptyLines => repeat(connection, b"\n"),
            Self::SmallChunks => repeat(connection, b"1\r\n:\r\n1\r\n\n\r\n"),
            Self::Retries => repeat(connection, b"retry: 0\n\n"),
            Self::Noise => loop {
                let noise: Vec<u8> = (0..PIECE).map(|_| rng.u8(..)).collect();
                connection.write_all(&noise)?;
            },
            Self::ShortStreams => connection.write_all(b"retry: 0\n\n"),
            // The others are not event streams.
            _ => Ok(()),
        }
    }
}

/// Reads the head of a request.
fn read_head(connection: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        match connection.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => head.extend(&piece[..length]),
        }
    }
    Ok(())
}

/// Writes the bytes repeatedly, until the connection fails.
fn repeat(mut connection: TcpStream, bytes: &[u8]) -> io::Result<()> {
    let many = bytes.repeat(PIECE.div_ceil(bytes.len()));
    loop {
        connection.write_all(&many)?;
    }
}

/// Maximum size of a zstd block, in bytes.
const ZSTD_BLOCK: u32 = 128 * 1024;

/// Compresses the same bytes without end, until `out` fails.
pub(super) fn gzip(out: impl Write, bytes: &[u8]) -> io::Result<()> {
    repeat_bytes(GzEncoder::new(out, Compression::best()), bytes)
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
    repeat_bytes(
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
    repeat_bytes(out, &[a, b, c, byte].repeat(1_000))
}

fn repeat_bytes(mut out: impl Write, bytes: &[u8]) -> io::Result<()> {
    loop {
        out.write_all(bytes)?;
    }
}

/// Server that gives every request the same answer, as long as this process lives.
pub(super) struct Server {
    pub(super) port: u16,
    connections: Arc<AtomicUsize>,
}

impl Server {
    pub(super) fn start(answer: Answer, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let connections = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&connections);
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                counter.fetch_add(1, Ordering::Relaxed);
                // It fails when the client disconnects.
                thread::spawn(move || answer.write(connection, port, seed));
            }
        });
        Ok(Self { port, connections })
    }

    /// Returns the number of connections up to now.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}
