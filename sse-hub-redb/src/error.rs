//! Errors: of opening a file, and of redb while it is open.

use core::{error::Error, fmt};
use std::{io, path::PathBuf, sync::Arc};

use sse_hub::{BackendError, BackendErrorKind};

use crate::file::FORMAT;

/// Error of [`RedbStore::open`](crate::RedbStore::open), with the path of the file.
#[derive(Clone, Debug)]
pub struct OpenError {
    path: PathBuf,
    kind: OpenErrorKind,
    source: Option<Arc<redb::Error>>,
}

/// Kind of an [`OpenError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenErrorKind {
    /// The file is open already, in this process or in another one.
    InUse,
    /// The file was not created by this crate.
    NotAStore,
    /// The file has a format that this version of the crate does not read, because a newer version has created it.
    UnsupportedFormat {
        /// Format of the file. This version reads format 1.
        format: u64,
    },
    /// The operating system reports an error of this kind, for example
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied). [`source`](Error::source) returns it.
    Io(io::ErrorKind),
    /// The file is damaged. [`source`](Error::source) returns the reason.
    Damaged,
    /// The file was replaced by another one while it was open.
    Replaced,
}

impl OpenError {
    pub(crate) fn new(path: PathBuf, kind: OpenErrorKind, source: Option<redb::Error>) -> Self {
        Self {
            path,
            kind,
            source: source.map(Arc::new),
        }
    }

    /// Returns the kind.
    pub fn kind(&self) -> OpenErrorKind {
        self.kind
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.kind {
            OpenErrorKind::InUse => write!(
                f,
                "file {path} is open already, in this process or another one"
            ),
            OpenErrorKind::NotAStore => write!(f, "file {path} is not a store of events"),
            OpenErrorKind::UnsupportedFormat { format } => write!(
                f,
                "file {path} has format {format}, this version reads format {FORMAT}"
            ),
            OpenErrorKind::Io(_) => write!(f, "cannot open file {path}"),
            OpenErrorKind::Damaged => write!(f, "file {path} is damaged"),
            OpenErrorKind::Replaced => write!(f, "file {path} was replaced while it was open"),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match (self.kind, self.source.as_deref()?) {
            (OpenErrorKind::InUse, _) => None,
            (_, redb::Error::Io(error)) => Some(error),
            (_, error) => Some(error),
        }
    }
}

impl From<OpenError> for BackendError {
    fn from(error: OpenError) -> Self {
        Self::new("cannot open the file again").with_source(error)
    }
}

/// Converts an error of redb during this operation.
///
/// Reading damaged pages again does not help, so this is a refusal. All other errors may be temporary.
pub(crate) fn to_backend_error(operation: &str, error: redb::Error) -> BackendError {
    let kind = match error {
        redb::Error::Corrupted(_) => BackendErrorKind::Refused,
        _ => BackendErrorKind::Unavailable,
    };
    let result = BackendError::new(operation).with_kind(kind);
    match error {
        redb::Error::Io(error) => result.with_source(error),
        error => result.with_source(error),
    }
}
