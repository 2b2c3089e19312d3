use core::{error::Error, fmt};
use std::sync::Arc;

use futures_core::{future::BoxFuture, stream::BoxStream};

use crate::{Numbered, Post, Selection};

/// Where the events of many machines meet: it gives each its number, keeps it, and tells all.
///
/// A hub without one is a backend of its own. What it does over the network it does until it succeeds, or until it is
/// [refused](BackendErrorKind::Refused). [`publish`](Self::publish) also gives up after a time, because its caller is
/// waiting.
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// Stores the event, once, also where that takes several attempts. Gives its number when it is
    /// safe.
    fn publish<'a>(&'a self, post: &'a Post) -> BoxFuture<'a, Result<u64, BackendError>>;

    /// The newest events, about so many, in their order, and then each as it comes, for ever. If there
    /// are older ones, [`Update::Gone`] comes first.
    fn follow(&self, newest: usize) -> BoxStream<'static, Update>;

    /// Returns the events after the first number, up to and including the second, that the selection matches. Others
    /// may be among them.
    fn replay(
        &self,
        after: u64,
        through: u64,
        selection: &Selection,
    ) -> BoxStream<'static, Replayed>;

    /// The number of the newest event that there is anywhere; 0 if there was none.
    ///
    /// # Errors
    ///
    /// If it is refused, and will be.
    fn newest(&self) -> BoxFuture<'static, Result<u64, BackendError>>;

    /// Returns the epoch of the numbers: another one after each time that they begin anew, for example because all
    /// that was stored is lost. The hub asks for it after any number that it was given, and does not resume after an
    /// ID of another epoch.
    ///
    /// It changes when [`follow`](Self::follow) goes on with the new numbers, because until then the hub has old ones.
    ///
    /// The default is 0, for numbers that never begin anew.
    fn epoch(&self) -> u64 {
        0
    }
}

/// What [`Backend::follow`] tells.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Update {
    /// The next event.
    Event(Numbered),
    /// Events up to this one will not be told: at first, older ones than were asked for; later, those
    /// that are not there any more.
    Gone(u64),
    /// The backend is disconnected for this reason and is reconnecting. Each reason is told once.
    Lost(BackendError),
    /// The backend is connected, and all events that it had at that time were told.
    Connected,
}

/// What [`Backend::replay`] finds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Replayed {
    /// The next event.
    Event(Numbered),
    /// Events in front of the next one are not there any more. The stream ends.
    Gone,
    /// The backend refuses to give the events, and will. The stream ends.
    Refused(BackendError),
}

/// Tells failures that pass from those that last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackendErrorKind {
    /// Another attempt may succeed: there is no connection, or no answer in time.
    #[default]
    Unavailable,
    /// Other attempts will fail, too, until somebody changes permissions or limits of the backend.
    Refused,
    /// The event is larger than the backend takes.
    TooLarge,
}

/// What went wrong at a backend.
#[derive(Debug, Clone)]
pub struct BackendError {
    kind: BackendErrorKind,
    message: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl BackendError {
    /// Creates an error of the kind [`Unavailable`](BackendErrorKind::Unavailable) from what failed, and where.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self {
            kind: BackendErrorKind::default(),
            message: reason.to_string(),
            source: None,
        }
    }

    /// Sets the kind.
    #[must_use]
    pub fn with_kind(mut self, kind: BackendErrorKind) -> Self {
        self.kind = kind;
        self
    }

    /// Returns whether another attempt may succeed.
    pub fn kind(&self) -> BackendErrorKind {
        self.kind
    }

    /// Sets the cause, which [`Error::source`] returns. It is not part of the error's own text.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

impl Error for BackendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let source = self.source.as_deref()?;
        Some(source)
    }
}
