use core::{error::Error, fmt, future::ready, iter};
use std::sync::Arc;

use futures_core::{future::BoxFuture, stream::BoxStream};

use crate::{EventId, Publication, Sequenced, TopicFilters};

/// Shared storage for the events of several hubs: gives each event a sequence, keeps it, and sends it to all hubs.
///
/// Pass it to [`Hub::with_backend`](crate::Hub::with_backend). A hub without a backend keeps its events in memory.
///
/// An implementation retries its network operations until they succeed, or until they are
/// [refused](BackendErrorKind::Refused). [`publish`](Self::publish) also has a timeout, because its caller is waiting.
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// Stores the event exactly once, even if that takes several attempts. Returns its sequence when it is stored
    /// safely.
    ///
    /// # Errors
    ///
    /// [`BackendError`] if the event was not stored, or if that is unknown after the timeout.
    fn publish<'a>(
        &'a self,
        publication: &'a Publication,
    ) -> BoxFuture<'a, Result<u64, BackendError>>;

    /// Returns a stream of updates that never ends.
    ///
    /// It begins with about `initial_events` of the latest events in their order. Then it returns each event when it is
    /// published. If there are older events, [`Update::Truncated`] is first.
    fn follow(&self, initial_events: usize) -> BoxStream<'static, Update>;

    /// Returns the events of these filters after the sequence `after`, up to and including `through`. The stream may
    /// contain other events, too.
    fn replay(
        &self,
        after: u64,
        through: u64,
        filters: &TopicFilters,
    ) -> BoxStream<'static, Replayed>;

    /// Returns the sequence of the latest event in the backend. 0 if there was no event.
    ///
    /// # Errors
    ///
    /// [`BackendError`] if the request is refused, and later attempts would fail, too.
    fn latest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>>;

    /// Returns the sequence of the earliest event that the backend still has. If it has none, the sequence of the next
    /// one.
    ///
    /// # Errors
    ///
    /// [`BackendError`] if the request is refused, and later attempts would fail, too.
    fn earliest_sequence(&self) -> BoxFuture<'static, Result<u64, BackendError>>;

    /// Returns the sequence of the earliest kept event to which its publisher has given this ID. `None` if there is no
    /// such event, or if the backend has no index of IDs. The default is `None`.
    ///
    /// The hub asks for it if [`HubConfig::publisher_ids`](crate::HubConfig::publisher_ids) is set. It knows the IDs
    /// of the events in its own memory.
    ///
    /// # Errors
    ///
    /// [`BackendError`] if the request is refused, and later attempts would fail, too.
    fn sequence_of_id(
        &self,
        _id: &EventId,
    ) -> BoxFuture<'static, Result<Option<u64>, BackendError>> {
        Box::pin(ready(Ok(None)))
    }

    /// Returns the epoch of the sequences, which changes each time that they restart. The default is 0, for sequences
    /// that never restart.
    ///
    /// They restart, for example, because the stored events are lost.
    ///
    /// The hub reads the epoch after it gets a sequence, and does not resume after an ID of another epoch. The epoch
    /// must change when [`follow`](Self::follow) continues with the new sequences, because the hub has old ones until
    /// then.
    fn epoch(&self) -> u64 {
        0
    }
}

/// Item of [`Backend::follow`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Update {
    /// The next event.
    Event(Sequenced),
    /// The stream skips the events up to this sequence. At first, these are older events than requested. Later, these
    /// are events that the backend has lost.
    Truncated(u64),
    /// The backend is disconnected for this reason and is reconnecting. Each reason is reported once.
    Disconnected(BackendError),
    /// The backend is connected, and the stream has returned all events that it had at that time.
    Connected,
}

/// Item of [`Backend::replay`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Replayed {
    /// The next event.
    Event(Sequenced),
    /// The backend has lost events before the next one. The stream ends.
    Truncated,
    /// The backend refuses the replay, and later attempts would fail, too. The stream ends.
    Refused(BackendError),
}

/// Kind of a [`BackendError`], which separates temporary failures from permanent ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackendErrorKind {
    /// Another attempt may succeed: there is no connection, or no answer in time.
    #[default]
    Unavailable,
    /// Other attempts will fail, too, until an operator changes the permissions or limits of the backend.
    Refused,
    /// The event is larger than the limit of the backend.
    TooLarge,
}

/// Error of a [`Backend`], with its kind and an optional cause.
#[derive(Debug, Clone)]
pub struct BackendError {
    kind: BackendErrorKind,
    message: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl BackendError {
    /// Creates an error of the kind [`Unavailable`](BackendErrorKind::Unavailable) with this message, which names the
    /// operation that failed.
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

    /// Returns the kind, which shows if another attempt may succeed.
    pub fn kind(&self) -> BackendErrorKind {
        self.kind
    }

    /// Sets the cause, which [`Error::source`] returns. It is not part of the error's own text.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Returns whether both errors and all their causes have the same texts.
    ///
    /// A backend that retries needs this to return [`Update::Disconnected`] once for each reason, and not for each
    /// attempt.
    pub fn has_same_text(&self, other: &Self) -> bool {
        fn texts(error: &BackendError) -> impl Iterator<Item = String> {
            let first: &dyn Error = error;
            iter::successors(Some(first), |&error| error.source()).map(ToString::to_string)
        }
        texts(self).eq(texts(other))
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
