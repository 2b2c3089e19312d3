use core::fmt;

/// DisconnectReason why a connection ended or could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The server ended the stream.
    EndOfStream,
    /// The server ended the stream inside an event, which is lost (see
    /// [`Decoder::is_inside_event`](crate::Decoder::is_inside_event)).
    Truncated,
    /// The connection could not be opened, or it broke.
    NetworkError,
    /// The head of the response did not arrive in time (see
    /// [`ClientConfig::head_timeout`](super::ClientConfig::head_timeout)).
    HeadTimeout,
    /// The driver could not prepare the request.
    Preparation,
    /// The stream was idle for too long (see [`ClientConfig::idle_timeout`](super::ClientConfig::idle_timeout)).
    IdleTimeout,
    /// The status is not 200. A server uses 204 to ask clients to stop.
    Status(u16),
    /// The status is 200, but the content type is not an event stream.
    ContentType,
    /// The caller called [`Session::close`](super::Session::close) or
    /// [`Session::reconnect`](super::Session::reconnect).
    Requested,
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EndOfStream => "the server ended the stream",
            Self::Truncated => "the server ended the stream inside an event",
            Self::NetworkError => "the network failed",
            Self::HeadTimeout => "no response in time",
            Self::Preparation => "the request could not be prepared",
            Self::IdleTimeout => "nothing came for too long",
            Self::Status(status) => return write!(f, "status {status}"),
            Self::ContentType => "content type is not text/event-stream",
            Self::Requested => "requested by the caller",
        })
    }
}
