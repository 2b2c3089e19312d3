//! Tests of files that can and cannot be opened.

mod support;

use std::{fs, io};

use futures_util::StreamExt as _;
use redb::{Database, ReadableDatabase as _, TableDefinition};
use sse_hub::{Backend as _, TopicFilters};
use sse_hub_redb::{OpenErrorKind, RedbConfig, RedbStore};
use support::{Folder, all, chain, news, publish, test_timeout, unlimited};
use tokio::time::timeout;

#[tokio::test]
async fn a_file_is_opened_again() {
    let folder = Folder::new();
    let store = folder.open(unlimited());
    let epoch = store.epoch();
    assert_ne!(epoch, 0);
    assert_eq!(store.latest_sequence().await.unwrap(), 0);
    assert_eq!(publish(&store, 0..3).await, [1, 2, 3]);
    drop(store);

    let store = folder.open(unlimited());
    assert_eq!(store.epoch(), epoch);
    assert_eq!(store.latest_sequence().await.unwrap(), 3);
    assert_eq!(publish(&store, 3..5).await, [4, 5]);
    let expected = (0..5).map(|number| (number + 1, number.to_string()));
    assert_eq!(all(&store).await, expected.collect::<Vec<_>>());
    // No other file is left in the folder.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let other = Folder::new().open(unlimited());
    assert_ne!(other.epoch(), epoch);
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let folder = Folder::new();
    fs::write(folder.file(), "").unwrap();
    let store = folder.open(unlimited());
    publish(&store, 0..1).await;
    drop(store);
    let store = folder.open(unlimited());
    assert_eq!(all(&store).await, [(1, "0".to_owned())]);
}

#[tokio::test]
async fn a_closed_store_refuses_events() {
    let folder = Folder::new();
    let store = folder.open(unlimited());
    publish(&store, 0..1).await;
    store.close().await;
    store.close().await;
    let error = store.publish(&news("1")).await.unwrap_err();
    assert_eq!(error.to_string(), "store is closed");
    let mut updates = store.follow(1);
    let update = support::next(&mut updates).await;
    assert_eq!(support::short(&update), ("disconnected", 0));
    // The handle is still there, but the file can be opened.
    assert_eq!(publish(&folder.open(unlimited()), 1..2).await, [2]);
}

/// Returns the kind of the error, and its text without the path.
fn error(folder: &Folder) -> (OpenErrorKind, String) {
    let error = RedbStore::open(folder.file(), RedbConfig::new()).unwrap_err();
    let path = folder.file().display().to_string();
    (error.kind(), chain(&error).replace(&path, "PATH"))
}

#[test]
fn an_open_file_is_in_use() {
    let folder = Folder::new();
    let store = folder.open(unlimited());
    let text = "file PATH is open already, in this process or another one".to_owned();
    assert_eq!(error(&folder), (OpenErrorKind::InUse, text));
    drop(store);
    drop(folder.open(unlimited()));
}

#[test]
fn other_files_are_no_stores() {
    let folder = Folder::new();
    fs::write(folder.file(), "x".repeat(10_000)).unwrap();
    let (kind, text) = error(&folder);
    assert_eq!(kind, OpenErrorKind::NotAStore);
    assert!(
        text.starts_with("file PATH is not a store of events"),
        "{text}"
    );
    // The file is not changed.
    assert_eq!(fs::read(folder.file()).unwrap(), vec![b'x'; 10_000]);

    // A file of redb with other tables.
    fs::remove_file(folder.file()).unwrap();
    let database = Database::create(folder.file()).unwrap();
    let transaction = database.begin_write().unwrap();
    let other: TableDefinition<'_, u64, u64> = TableDefinition::new("other");
    transaction.open_table(other).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let text = "file PATH is not a store of events".to_owned();
    assert_eq!(error(&folder), (OpenErrorKind::NotAStore, text));
}

#[test]
fn a_newer_format_is_named() {
    let folder = Folder::new();
    drop(folder.open(unlimited()));
    let database = Database::open(folder.file()).unwrap();
    let transaction = database.begin_write().unwrap();
    let state: TableDefinition<'_, &str, u64> = TableDefinition::new("state");
    let mut table = transaction.open_table(state).unwrap();
    table.insert("format", 2).unwrap();
    drop(table);
    transaction.commit().unwrap();
    drop(database.begin_read().unwrap());
    drop(database);
    let text = "file PATH has format 2, this version reads format 1".to_owned();
    let kind = OpenErrorKind::UnsupportedFormat { format: 2 };
    assert_eq!(error(&folder), (kind, text));
}

#[test]
fn errors_of_the_system_are_returned() {
    let folder = Folder::new();
    let path = folder.path().join("missing/events.redb");
    let error = RedbStore::open(path, RedbConfig::new()).unwrap_err();
    assert_eq!(error.kind(), OpenErrorKind::Io(io::ErrorKind::NotFound));
    assert!(chain(&error).starts_with("cannot open file "), "{error}");
    assert!(chain(&error).contains(": No such file"), "{error}");

    let error = RedbStore::open(folder.path(), RedbConfig::new()).unwrap_err();
    let kind = OpenErrorKind::Io(io::ErrorKind::IsADirectory);
    assert_eq!(error.kind(), kind);
}

#[cfg(unix)]
#[test]
fn only_the_user_reads_a_new_file() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    drop(folder.open(unlimited()));
    let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_reported() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new();
    drop(folder.open(unlimited()));
    fs::set_permissions(folder.file(), fs::Permissions::from_mode(0o400)).unwrap();
    let writing = fs::OpenOptions::new().write(true).open(folder.file());
    if writing.is_ok() {
        // The permissions do not apply to root.
        return;
    }
    let (kind, text) = error(&folder);
    assert_eq!(kind, OpenErrorKind::Io(io::ErrorKind::PermissionDenied));
    let expected = "cannot open file PATH: Permission denied";
    assert!(text.starts_with(expected), "{text}");
}

#[tokio::test]
async fn a_damaged_file_is_an_error_and_no_panic() {
    let folder = Folder::new();
    let store = folder.open(unlimited());
    publish(&store, 0..100).await;
    drop(store);
    let bytes = fs::read(folder.file()).unwrap();
    // A copy that is incomplete.
    for percent in (1..100).step_by(9) {
        let length = bytes.len() * percent / 100;
        fs::write(folder.file(), &bytes[..length]).unwrap();
        let (kind, text) = error(&folder);
        assert_eq!(kind, OpenErrorKind::Damaged);
        assert!(text.starts_with("file PATH is damaged: "), "{text}");
    }
    // A file that something else has written to.
    let mut refused = 0;
    for position in (0..bytes.len()).step_by(4096) {
        let mut damaged = bytes.clone();
        for byte in &mut damaged[position..][..512] {
            *byte ^= 0x55;
        }
        fs::write(folder.file(), &damaged).unwrap();
        let store = match RedbStore::open(folder.file(), unlimited()) {
            Ok(store) => store,
            Err(error) => {
                let expected = [OpenErrorKind::Damaged, OpenErrorKind::NotAStore];
                assert!(expected.contains(&error.kind()), "{}", chain(&error));
                refused += 1;
                continue;
            }
        };
        // Damaged events end a replay, or are skipped.
        let latest = store.latest_sequence().await.unwrap();
        let mut events = store.replay(0, latest, &TopicFilters::all());
        let end = async { while events.next().await.is_some() {} };
        timeout(test_timeout(), end).await.unwrap();
        // The result does not matter.
        drop(store.publish(&news("x")).await);
    }
    assert!(refused > 0);
}
