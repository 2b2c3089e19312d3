use core::fmt;

/// An error that prevents a client from starting. Later failures are an [`Item`](crate::Item).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The browser lacks an API that the client needs, for example `EventSource`
    /// ([`is_supported`](crate::is_supported)) or a streaming `fetch`.
    #[non_exhaustive]
    Unsupported {
        /// The missing API.
        missing: &'static str,
    },
    /// The browser rejected the URL.
    #[non_exhaustive]
    InvalidUrl {
        /// The URL.
        url: String,
        /// The message of the browser.
        reason: String,
    },
    /// An option is set that only the client over `fetch` supports.
    #[non_exhaustive]
    NeedsFetch {
        /// The option.
        wanted: &'static str,
    },
    /// A request that is [sent once](crate::Builder::resend) cannot be shared between tabs, because the next tab
    /// would send it again.
    #[cfg(feature = "share")]
    NeedsResend,
    /// The initial last event ID is longer than the [configuration](crate::ClientConfig::max_id_bytes) allows.
    IdTooLong(sse_proto::IdTooLong),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported { missing } => {
                f.write_str("no server-sent events support: ")?;
                f.write_str(missing)?;
                f.write_str(" is undefined")
            }
            Self::InvalidUrl { url, reason } => {
                f.write_str("invalid URL ")?;
                f.write_str(url)?;
                f.write_str(": ")?;
                f.write_str(reason)
            }
            Self::NeedsFetch { wanted } => {
                f.write_str("EventSource does not support ")?;
                f.write_str(wanted)
            }
            #[cfg(feature = "share")]
            Self::NeedsResend => {
                f.write_str("a request that is sent once cannot be shared between tabs")
            }
            Self::IdTooLong(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl core::error::Error for Error {}
