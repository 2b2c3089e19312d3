//! Responses that are compressed.
//!
//! A small response may decode to a large one, so each coding has a bound: the window of a decoder is at most 8 MiB
//! for zstd ([RFC 9659](https://www.rfc-editor.org/rfc/rfc9659)) and 16 MiB for br
//! ([RFC 7932](https://www.rfc-editor.org/rfc/rfc7932), without the extension for large windows); it is 32 KiB for
//! gzip. What is decoded goes on in pieces, and a poll decodes no more than a few of them.

mod body;
mod brotli;

use bytes::Bytes;
use compression_codecs::{DecodeV2, GzipDecoder, ZstdDecoder, zstd::params::DParameter};
use http::{
    HeaderMap, HeaderValue, Request, Response,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH},
};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;

use self::{body::Decoded, brotli::BrotliDecoder};
use crate::transport::{BoxError, boxed};

/// Value of `Accept-Encoding`.
const ACCEPTED: HeaderValue = HeaderValue::from_static("zstd,gzip,br");

/// Maximum number of codings of one response, one on top of the other.
const MAX_CODINGS: usize = 2;

/// Maximum window of zstd, as a power of two.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Asks for a response that may be compressed, unless the request says what it wants.
pub(crate) fn accept<B>(mut request: Request<B>) -> Request<B> {
    request
        .headers_mut()
        .entry(ACCEPT_ENCODING)
        .or_insert(ACCEPTED);
    request
}

/// Decodes the body. With an unknown coding or too many of them, the response stays as it is.
pub(crate) fn decode<B>(response: Response<B>) -> Response<crate::transport::Body>
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
    // They are listed in the order in which they were applied.
    codings
        .into_iter()
        .rev()
        .fold(response, |response, coding| {
            response.map(|body| Decoded::new(body, coding).boxed_unsync())
        })
}

/// A content coding ([RFC 9110, 8.4.1](https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
    Zstd,
}

impl Coding {
    /// The codings of a response; none if one of them is unknown.
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
