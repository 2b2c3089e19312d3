use core::{error, fmt, time::Duration};

use http::{HeaderMap, StatusCode};
use sse_proto::{DecodeError, MessageEvent, connection::Reason};

use crate::transport::BoxError;

/// What an event source says, one thing at a time.
#[derive(Debug)]
#[non_exhaustive]
pub enum Item {
    /// The stream is there, after the first or another connection.
    Open(Open),
    /// An event.
    Event(MessageEvent<String>),
    /// A comment: all that follows its colon.
    Comment(String),
    /// An event was larger than allowed and is lost. What follows is not.
    TooLarge(DecodeError),
    /// The stream is not there, and there will be another try.
    Disconnected(Disconnected),
}

impl Item {
    /// What the decoder says; `None` for what only the connection has to know.
    pub(crate) fn from_decoded(item: sse_proto::Item<String>) -> Option<Self> {
        match item {
            sse_proto::Item::Event(event) => Some(Self::Event(event)),
            sse_proto::Item::Comment(text) => Some(Self::Comment(text)),
            _ => None,
        }
    }
}

/// A response that is an event stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Open {
    /// Its headers.
    pub headers: HeaderMap,
}

/// Why the stream is not there, and for how long.
#[derive(Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// Why, in short.
    pub reason: Reason,
    /// The status of the response, if there was one that was no event stream.
    pub status: Option<StatusCode>,
    /// What the network said, if it was that.
    pub error: Option<BoxError>,
    /// How long after now the next attempt is.
    pub delay: Duration,
}

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.error {
            Some(error) => with_causes(&**error, f),
            None => self.reason.fmt(f),
        }?;
        write!(f, "; again in {:.1} s", self.delay.as_secs_f64())
    }
}

/// What hyper says of itself is only that it failed; the causes say why.
fn with_causes(error: &dyn error::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    let causes = core::iter::successors(error.source(), |cause| cause.source());
    for cause in causes {
        write!(f, ": {cause}")?;
    }
    Ok(())
}
