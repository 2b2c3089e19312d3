use core::fmt;

/// Why a connection could not be made at all. What goes wrong later is an
/// [`Item`](crate::Item).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// There is no `EventSource` here: [`is_supported`](crate::is_supported) says no. Or there is
    /// no streaming `fetch`, if that was wanted.
    #[non_exhaustive]
    Unsupported {
        /// What is missing.
        missing: &'static str,
    },
    /// The browser does not take this URL.
    #[non_exhaustive]
    InvalidUrl {
        /// The URL.
        url: String,
        /// What the browser says.
        reason: String,
    },
    /// `EventSource` cannot send this, or not tell this: it takes the client over `fetch`.
    #[non_exhaustive]
    NeedsFetch {
        /// What is wanted.
        wanted: &'static str,
    },
    /// A connection of all tabs is made again by the next tab, and this request is
    /// [sent once](crate::Builder::with_resend).
    #[cfg(feature = "share")]
    NeedsResend,
    /// The last event ID to begin with is longer than the
    /// [settings](crate::Settings::with_max_id_bytes) allow.
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
                f.write_str("EventSource cannot do this: ")?;
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
