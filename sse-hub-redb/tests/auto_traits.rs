//! Checks that public types can be moved to other threads and shared.

use sse_hub_redb::{OpenError, OpenErrorKind, RedbConfig, RedbStore};

fn check<T: Send + Sync + Unpin>() {}

#[test]
fn all_types_are_send_sync_and_unpin() {
    check::<OpenError>();
    check::<OpenErrorKind>();
    check::<RedbConfig>();
    check::<RedbStore>();
}
