//! Decoding of compressed responses.
//!
//! A small response may decode to a large one, so the window of each decoder has a maximum:
//!
//! - zstd: 8 MiB ([RFC 9659](https://www.rfc-editor.org/rfc/rfc9659)).
//! - br: 16 MiB ([RFC 7932](https://www.rfc-editor.org/rfc/rfc7932), without the extension for large windows).
//! - gzip: 32 KiB.
//!
//! The decoded data is passed on in pieces, and one poll decodes only a few of them.

use core::{
    error, fmt,
    pin::Pin,
    task::{Context, Poll},
};
use std::io;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use bytes::{Buf, Bytes};
use compression_codecs::{
    DecodeV2, GzipDecoder, ZstdDecoder,
    core::util::{PartialBuffer, WriteBuffer},
    zstd::params::DParameter,
};
use http::{
    HeaderMap, HeaderValue, Request, Response,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH},
};
use http_body::{Body as HttpBody, Frame};
use http_body_util::BodyExt;

use crate::{
    transport::{Body, BoxError, boxed},
    turn::Turn,
};

/// Value of `Accept-Encoding`.
const ACCEPTED: HeaderValue = HeaderValue::from_static("zstd,gzip,br");

/// Maximum number of content codings of one response.
const MAX_CODINGS: usize = 2;

/// Maximum window of zstd, as a power of two: 8 MiB.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Sets `Accept-Encoding`, unless the request has that header.
pub(crate) fn accept<B>(mut request: Request<B>) -> Request<B> {
    request
        .headers_mut()
        .entry(ACCEPT_ENCODING)
        .or_insert(ACCEPTED);
    request
}

/// Decodes the body. A response with an unknown coding, or with too many codings, is not changed.
pub(crate) fn decode<B>(response: Response<B>) -> Response<Body>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let mut response = response.map(boxed);
    let codings = match Coding::all(response.headers()) {
        Some(codings) if (1..=MAX_CODINGS).contains(&codings.len()) => codings,
        _ => return response,
    };
    for name in [CONTENT_ENCODING, CONTENT_LENGTH] {
        response.headers_mut().remove(name);
    }
    // The header lists the codings in the order in which they were applied.
    codings
        .into_iter()
        .rev()
        .fold(response, |response, coding| {
            response.map(|body| Decoded::new(body, coding).boxed_unsync())
        })
}

/// Content coding ([RFC 9110, 8.4.1](https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
    Zstd,
}

impl Coding {
    /// Returns the codings of a response, or `None` if one of them is unknown.
    fn all(headers: &HeaderMap) -> Option<Vec<Self>> {
        let values = headers.get_all(CONTENT_ENCODING).iter();
        values
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .map(|name| name.trim_ascii().to_ascii_lowercase())
            .filter(|name| !name.is_empty() && name != b"identity")
            .map(|name| match &name[..] {
                b"br" => Some(Self::Brotli),
                b"gzip" | b"x-gzip" => Some(Self::Gzip),
                b"zstd" => Some(Self::Zstd),
                _ => None,
            })
            .collect()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn decoder(self) -> Box<dyn DecodeV2 + Send> {
        match self {
            Self::Brotli => Box::new(BrotliDecoder::new()),
            Self::Gzip => Box::new(GzipDecoder::new()),
            Self::Zstd => {
                let window = DParameter::window_log_max(ZSTD_WINDOW_LOG);
                Box::new(ZstdDecoder::new_with_params(&[window]))
            }
        }
    }
}

/// Maximum number of bytes that a decoder takes at once. [`MAX_OUTPUT_BYTES`] limits its work for them, except for
/// input without output, for example code tables.
const MAX_INPUT_BYTES: usize = 2 * 1024;

/// Maximum number of bytes that a decoder returns at once. They are one frame.
const MAX_OUTPUT_BYTES: usize = 8 * 1024;

/// Bytes of output per unit of work. A turn has 16 units.
const WORK_UNIT_BYTES: usize = 256;

/// Cost of each byte of input, in bytes of output.
const INPUT_COST: usize = 4;

/// Cost of each call of a decoder, in bytes of output.
const CALL_COST: usize = 64;

/// Body that decodes one content coding of another body.
struct Decoded {
    body: Body,
    coding: Coding,
    decoder: Box<dyn DecodeV2 + Send>,
    input: Bytes,
    output: Box<[u8]>,
    position: Position,
    /// Set if the decoder filled the output. It may then have more output without more input.
    is_full: bool,
    /// Error to return after the output before it.
    error: Option<DecodeError>,
    turn: Turn,
}

/// Position of the decoder in the encoded content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    Start,
    Inside,
    /// The end of a complete part. Another one may follow, because a server may compress each event separately.
    BetweenParts,
}

impl Decoded {
    fn new(body: Body, coding: Coding) -> Self {
        Self {
            body,
            coding,
            decoder: coding.decoder(),
            input: Bytes::new(),
            output: vec![0; MAX_OUTPUT_BYTES].into(),
            position: Position::Start,
            is_full: false,
            error: None,
            turn: Turn::with_unit(WORK_UNIT_BYTES),
        }
    }

    /// Calls the decoder once, and returns the number of bytes of output.
    fn step(&mut self) -> Result<usize, DecodeError> {
        let piece = &self.input[..self.input.len().min(MAX_INPUT_BYTES)];
        if self.position != Position::Inside && !piece.is_empty() {
            if self.position == Position::BetweenParts {
                let result = self.decoder.reinit();
                result.map_err(|error| self.coding.error(Problem::Invalid(error)))?;
            }
            self.position = Position::Inside;
        }
        let mut from = PartialBuffer::new(piece);
        let mut to = WriteBuffer::new_initialized(&mut self.output);
        let result = self.decoder.decode(&mut from, &mut to);
        let (taken, written) = (from.written_len(), to.written_len());
        self.is_full = to.has_no_spare_space();
        let was_empty = piece.is_empty();
        self.input.advance(taken);
        self.turn.add(written + taken * INPUT_COST + CALL_COST);
        let problem = match result {
            Ok(true) => {
                self.position = Position::BetweenParts;
                self.is_full = false;
                return Ok(written);
            }
            Ok(false) if written > 0 || taken > 0 || was_empty => return Ok(written),
            // Without input, this error means that there is no more output.
            Err(_) if was_empty => {
                self.is_full = false;
                return Ok(written);
            }
            Ok(false) => io::Error::other("decoder makes no progress"),
            Err(error) => error,
        };
        let error = self.coding.error(Problem::Invalid(problem));
        if written == 0 {
            return Err(error);
        }
        self.error = Some(error);
        Ok(written)
    }
}

impl HttpBody for Decoded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            if let Some(error) = this.error.take() {
                return Poll::Ready(Some(Err(error.into())));
            }
            if this.turn.poll(cx).is_pending() {
                return Poll::Pending;
            }
            if this.is_full || !this.input.is_empty() {
                match this.step() {
                    Ok(0) => {}
                    Ok(count) => {
                        let bytes = Bytes::copy_from_slice(&this.output[..count]);
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                    Err(error) => return Poll::Ready(Some(Err(error.into()))),
                }
                continue;
            }
            this.turn.add(CALL_COST);
            let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
                this.turn.end();
                return Poll::Pending;
            };
            match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.input = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None if this.position == Position::Inside => {
                    this.position = Position::Start;
                    let error = this.coding.error(Problem::Truncated);
                    return Poll::Ready(Some(Err(error.into())));
                }
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Coding {
    fn error(self, problem: Problem) -> DecodeError {
        DecodeError {
            coding: self,
            problem,
        }
    }
}

/// Error for a body that does not match its `Content-Encoding`, or that needs too much memory to decode.
#[derive(Debug)]
struct DecodeError {
    coding: Coding,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Invalid(io::Error),
    Truncated,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coding = self.coding.name();
        match self.problem {
            Problem::Invalid(_) => write!(f, "cannot decode {coding} body"),
            Problem::Truncated => write!(f, "{coding} body is truncated"),
        }
    }
}

impl error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.problem {
            Problem::Invalid(error) => Some(error),
            Problem::Truncated => None,
        }
    }
}

type BrotliDecoderState = BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>;

/// Decoder of brotli as in RFC 7932, with windows of at most 16 MiB.
///
/// The decoder of `compression-codecs` also accepts the extension for windows of up to 1 GiB.
struct BrotliDecoder(Box<BrotliDecoderState>);

impl BrotliDecoder {
    fn new() -> Self {
        Self(Box::new(Self::state()))
    }

    fn state() -> BrotliDecoderState {
        let alloc = StandardAlloc::default;
        BrotliDecoderState::new_strict(alloc(), alloc(), alloc())
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
