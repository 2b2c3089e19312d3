use core::fmt;

/// Why a connection ended, or none came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The server ended the stream.
    End,
    /// The server ended the stream inside an event, which is lost
    /// ([`Decoder::is_inside_event`](crate::Decoder::is_inside_event)).
    Truncated,
    /// No connection, or it broke.
    NetworkError,
    /// The head of a response did not come in time
    /// ([`Settings::with_head_timeout`](super::Settings::with_head_timeout)).
    HeadTimeout,
    /// The driver could not prepare the request.
    Preparation,
    /// Nothing came for too long.
    IdleTimeout,
    /// A status other than 200. 204 is how a server asks clients to stop.
    Status(u16),
    /// 200, but not an event stream.
    ContentType,
    /// The caller asked for it, by [`Connection::close`](super::Connection::close) or
    /// [`Connection::reconnect`](super::Connection::reconnect).
    Requested,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::End => "the server ended the stream",
            Self::Truncated => "the server ended the stream inside an event",
            Self::NetworkError => "the network failed",
            Self::HeadTimeout => "no response in time",
            Self::Preparation => "the request could not be prepared",
            Self::IdleTimeout => "nothing came for too long",
            Self::Status(status) => return write!(f, "status {status}"),
            Self::ContentType => "no event stream, by its content type",
            Self::Requested => "as asked for",
        })
    }
}
