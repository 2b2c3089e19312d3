use bytes::Bytes;
use http::HeaderMap;
use sse_proto::Encoded;

/// Content coding of the body of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Coding {
    #[default]
    Identity,
    #[cfg(feature = "gzip")]
    Gzip,
}

impl Coding {
    /// Returns the coding for a client that sends these headers.
    #[cfg(feature = "gzip")]
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        use fly_accept_encoding::{Encoding, encodings};

        // A header that cannot be parsed is ignored.
        let accepted = encodings(headers).unwrap_or_default();
        let is_gzip = |(encoding, quality): &(Option<Encoding>, f32)| {
            *encoding == Some(Encoding::Gzip) && *quality > 0.0
        };
        match accepted.iter().any(is_gzip) {
            true => Self::Gzip,
            false => Self::Identity,
        }
    }

    #[cfg(not(feature = "gzip"))]
    pub(crate) fn accepted(_: &HeaderMap) -> Self {
        Self::Identity
    }

    /// Returns the first bytes of a body.
    pub(crate) fn header(self) -> &'static [u8] {
        match self {
            Self::Identity => &[],
            #[cfg(feature = "gzip")]
            Self::Gzip => &sse_proto::GZIP_HEADER,
        }
    }

    /// Returns text in this coding. `None` if it is unchanged.
    pub(crate) fn encode(self, _text: &[u8]) -> Option<Bytes> {
        match self {
            Self::Identity => None,
            #[cfg(feature = "gzip")]
            Self::Gzip => Some(sse_proto::deflate(_text)),
        }
    }

    /// Returns events in this coding, without a copy if they are shared.
    pub(crate) fn shared(self, events: Encoded) -> Bytes {
        match self {
            Self::Identity => events.into_bytes(),
            #[cfg(feature = "gzip")]
            Self::Gzip => events.deflated(),
        }
    }
}
