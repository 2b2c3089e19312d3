//! Decoding of compressed responses.
//!
//! A small response may decode to a large one, so the window of each decoder has a maximum:
//!
//! - zstd: 8 MiB ([RFC 9659](https://www.rfc-editor.org/rfc/rfc9659)).
//! - br: 16 MiB ([RFC 7932](https://www.rfc-editor.org/rfc/rfc7932), without the extension for large windows).
//! - gzip: 32 KiB.
//!
//! The decoded data is passed on in pieces, and one poll decodes only a few of them.

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
