use core::{
    error, fmt,
    pin::Pin,
    task::{Context, Poll},
};
use std::io;

use bytes::{Buf, Bytes};
use compression_codecs::{
    DecodeV2,
    core::util::{PartialBuffer, WriteBuffer},
};
use http_body::{Body as HttpBody, Frame};

use super::Coding;
use crate::{
    transport::{Body, BoxError},
    turn::Turn,
};

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
pub(super) struct Decoded {
    body: Body,
    coding: Coding,
    decoder: Box<dyn DecodeV2 + Send>,
    input: Bytes,
    output: Box<[u8]>,
    place: Place,
    /// Set if the decoder filled the output. It may then have more output without more input.
    is_full: bool,
    /// Error to return after the output before it.
    error: Option<DecodeError>,
    turn: Turn,
}

/// Position of the decoder in the encoded content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Within,
    /// The end of a complete part. Another one may follow, because a server may compress each event separately.
    Between,
}

impl Decoded {
    pub(super) fn new(body: Body, coding: Coding) -> Self {
        Self {
            body,
            coding,
            decoder: coding.decoder(),
            input: Bytes::new(),
            output: vec![0; MAX_OUTPUT_BYTES].into(),
            place: Place::Start,
            is_full: false,
            error: None,
            turn: Turn::with_unit(WORK_UNIT_BYTES),
        }
    }

    /// Calls the decoder once, and returns the number of bytes of output.
    fn step(&mut self) -> Result<usize, DecodeError> {
        let piece = &self.input[..self.input.len().min(MAX_INPUT_BYTES)];
        if self.place != Place::Within && !piece.is_empty() {
            if self.place == Place::Between {
                let result = self.decoder.reinit();
                result.map_err(|error| self.coding.error(Problem::Invalid(error)))?;
            }
            self.place = Place::Within;
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
                self.place = Place::Between;
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
                None if this.place == Place::Within => {
                    this.place = Place::Start;
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
