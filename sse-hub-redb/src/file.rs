//! File: its tables, its format, and how it is created and opened.

use std::{
    fs::File,
    io, panic,
    path::{Path, PathBuf},
};

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase as _, ReadableTable as _,
    ReadableTableMetadata as _, StorageError, TableDefinition, TableHandle as _,
};

use crate::{OpenError, OpenErrorKind, RedbConfig, record::Header};

/// Format of the file that this version writes, and the only one that it reads.
pub(crate) const FORMAT: u64 = 1;

/// Events: a sequence, and the record of the event.
pub(crate) const EVENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("events");

/// Events whose publisher has set an ID: the ID, and the sequence of the event.
pub(crate) const IDS: TableDefinition<'_, (&str, u64), ()> = TableDefinition::new("ids");

/// Numbers by name.
pub(crate) const STATE: TableDefinition<'_, &str, u64> = TableDefinition::new("state");

/// Name of the format in [`STATE`].
const FORMAT_NAME: &str = "format";

/// Name of the epoch in [`STATE`]: a random number, which is chosen when the file is created.
const EPOCH_NAME: &str = "epoch";

/// Name of the sequence of the latest event in [`STATE`]. 0 if there was no event.
pub(crate) const LATEST_NAME: &str = "latest";

/// Name of the total length of all records in [`STATE`].
pub(crate) const BYTES_NAME: &str = "bytes";

/// Open file, and what was in it.
pub(crate) struct Opened {
    pub(crate) database: Database,
    pub(crate) epoch: u64,
    pub(crate) kept: Kept,
}

/// Measures of the kept events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kept {
    /// Sequence of the latest event. 0 if there was no event.
    pub(crate) latest: u64,
    /// Number of the events.
    pub(crate) events: u64,
    /// Total length of their records.
    pub(crate) bytes: u64,
    /// Time of the publication of the oldest event, in milliseconds since 1970.
    pub(crate) oldest_at: u64,
}

/// Opens the file. Creates it if it does not exist.
pub(crate) fn open_or_create(path: &Path, config: &RedbConfig) -> Result<Opened, OpenError> {
    let result = match path.try_exists() {
        Ok(false) => create(path).and_then(|()| open(path, config)),
        Ok(true) => open(path, config),
        Err(error) => Err(error.into()),
    };
    result.map_err(|failure| failure.of(path))
}

/// Opens the file again after a failure. It must be the one with this epoch.
pub(crate) fn reopen(path: &Path, config: &RedbConfig, epoch: u64) -> Result<Opened, OpenError> {
    let opened = open(path, config).map_err(|failure| failure.of(path))?;
    match opened.epoch == epoch {
        true => Ok(opened),
        false => Err(Failure::new(OpenErrorKind::Replaced).of(path)),
    }
}

/// Creates the file with empty tables.
///
/// It gets its name after it is complete: redb cannot open a file whose creation was interrupted.
fn create(path: &Path) -> Result<(), Failure> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let file = tempfile::Builder::new()
        .prefix(".sse-hub-redb-")
        .tempfile_in(folder)?;
    let database = Builder::new().create(file.path())?;
    initialize(&database)?;
    database.close()?;
    match file.persist_noclobber(path) {
        Ok(_) => sync_folder(folder)?,
        // Another process has created it meanwhile.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error.into()),
    }
    Ok(())
}

/// Makes sure that the name of a new file survives a power failure.
fn sync_folder(folder: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

/// Creates the tables.
fn initialize(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(EVENTS)?;
    transaction.open_table(IDS)?;
    let mut state = transaction.open_table(STATE)?;
    state.insert(FORMAT_NAME, FORMAT)?;
    state.insert(EPOCH_NAME, u64::from(fastrand::u32(1..)))?;
    drop(state);
    transaction.commit()?;
    Ok(())
}

impl Kept {
    /// Counts events that were added to the table.
    pub(crate) fn add(
        &mut self,
        events: &impl redb::ReadableTable<u64, &'static [u8]>,
        count: u64,
        bytes: u64,
    ) -> Result<(), redb::Error> {
        if self.events == 0
            && let Some((_, record)) = events.first()?
        {
            self.oldest_at = Header::published_at(record.value());
        }
        self.events += count;
        self.bytes += bytes;
        Ok(())
    }
}

/// Opens an existing file. If it is empty, creates the tables in it.
fn open(path: &Path, config: &RedbConfig) -> Result<Opened, Failure> {
    // redb panics for some damaged files.
    let opened = panic::catch_unwind(|| open_undamaged(path, config));
    opened.unwrap_or_else(|_| Err(Failure::new(OpenErrorKind::Damaged)))
}

fn open_undamaged(path: &Path, config: &RedbConfig) -> Result<Opened, Failure> {
    let mut builder = Builder::new();
    builder.set_cache_size(config.cache_bytes);
    builder.set_repair_callback({
        let path = path.to_owned();
        move |repair| {
            let progress = repair.progress();
            tracing::warn!(?path, progress, "file was not closed, checking all of it");
        }
    });
    // Without this, a file that is gone would be created again.
    path.metadata()?;
    let database = builder.create(path)?;
    let transaction = database.begin_read()?;
    let tables: Vec<_> = transaction.list_tables()?.collect();
    if tables.is_empty() {
        initialize(&database)?;
    } else if tables.iter().all(|table| table.name() != STATE.name()) {
        return Err(Failure::new(OpenErrorKind::NotAStore));
    }
    let transaction = database.begin_read()?;
    let state = transaction.open_table(STATE)?;
    let number = |name| -> Result<u64, redb::Error> {
        Ok(state.get(name)?.map_or(0, |number| number.value()))
    };
    let format = number(FORMAT_NAME)?;
    if format != FORMAT {
        return Err(Failure::new(OpenErrorKind::UnsupportedFormat { format }));
    }
    let epoch = number(EPOCH_NAME)?;
    let events = transaction.open_table(EVENTS)?;
    let kept = Kept {
        latest: number(LATEST_NAME)?,
        events: events.len()?,
        bytes: number(BYTES_NAME)?,
        oldest_at: match events.first()? {
            Some((_, record)) => Header::published_at(record.value()),
            None => 0,
        },
    };
    drop(state);
    drop(events);
    Ok(Opened {
        database,
        epoch,
        kept,
    })
}

/// Failure to open a file whose path is known to the caller.
struct Failure {
    kind: OpenErrorKind,
    source: Option<redb::Error>,
}

impl Failure {
    fn new(kind: OpenErrorKind) -> Self {
        Self { kind, source: None }
    }

    fn of(self, path: &Path) -> OpenError {
        OpenError::new(PathBuf::from(path), self.kind, self.source)
    }
}

impl From<redb::Error> for Failure {
    fn from(error: redb::Error) -> Self {
        let kind = match &error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                OpenErrorKind::InUse
            }
            // redb reports other files like this.
            redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                OpenErrorKind::NotAStore
            }
            redb::Error::Io(error) => OpenErrorKind::Io(error.kind()),
            redb::Error::TableTypeMismatch { .. } => OpenErrorKind::NotAStore,
            _ => OpenErrorKind::Damaged,
        };
        Self {
            kind,
            source: Some(error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        redb::Error::Io(error).into()
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::TableError> for Failure {
    fn from(error: redb::TableError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::TransactionError> for Failure {
    fn from(error: redb::TransactionError) -> Self {
        redb::Error::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_is_not_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.redb");
        let config = RedbConfig::new();
        let epoch = open_or_create(&path, &config).unwrap().epoch;
        assert_eq!(reopen(&path, &config, epoch).unwrap().epoch, epoch);
        let error = reopen(&path, &config, epoch + 1).err().unwrap();
        assert_eq!(error.kind(), OpenErrorKind::Replaced);
    }
}
