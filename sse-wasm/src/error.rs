use core::fmt;

/// An error that prevents a client from starting. Later failures are [items](crate::Item) of the stream.
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
        option: &'static str,
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
            Self::NeedsFetch { option } => {
                f.write_str("EventSource does not support ")?;
                f.write_str(option)
            }
            #[cfg(feature = "share")]
            Self::NeedsResend => {
                f.write_str("a request that is sent once cannot be shared between tabs")
            }
            Self::IdTooLong(_) => f.write_str("initial last event ID is too long"),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::IdTooLong(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use core::error::Error as _;

    use sse_proto::{
        EventId,
        client::{ClientConfig, Session},
    };

    use super::Error;

    #[test]
    fn each_error_displays_its_own_level_only() {
        let id = EventId::new("12345").unwrap();
        let mut session = Session::new(ClientConfig::default().max_id_bytes(4), 0, <_>::default());
        let cause = session.set_last_event_id(&id).unwrap_err();
        let cause_text = cause.to_string();
        let error = Error::IdTooLong(cause);
        assert_eq!(error.to_string(), "initial last event ID is too long");
        assert_eq!(error.source().unwrap().to_string(), cause_text);

        let errors = [
            Error::Unsupported {
                missing: "EventSource",
            },
            Error::InvalidUrl {
                url: "http://[".to_owned(),
                reason: "no host".to_owned(),
            },
            Error::NeedsFetch { option: "headers" },
            #[cfg(feature = "share")]
            Error::NeedsResend,
        ];
        for error in errors {
            assert!(error.source().is_none(), "{error}");
            assert!(!error.to_string().ends_with('.'), "{error}");
        }
    }
}
