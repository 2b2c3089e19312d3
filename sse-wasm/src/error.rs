use core::fmt;

/// Why a connection could not be made at all. What goes wrong later is an
/// [`Item::Error`](crate::Item::Error).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// There is no `EventSource` here: [`is_supported`](crate::is_supported) says no.
    Unsupported,
    /// The browser does not take this URL.
    #[non_exhaustive]
    InvalidUrl {
        /// The URL.
        url: String,
        /// What the browser says.
        reason: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => {
                f.write_str("no server-sent events support: EventSource is undefined")
            }
            Self::InvalidUrl { url, reason } => {
                f.write_str("invalid URL ")?;
                f.write_str(url)?;
                f.write_str(": ")?;
                f.write_str(reason)
            }
        }
    }
}

impl core::error::Error for Error {}
