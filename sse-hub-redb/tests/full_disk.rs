//! Test of a file that cannot grow, like one on a full disk.
#![cfg(target_os = "linux")]

mod support;

use std::{
    env,
    process::{Command, Stdio},
};

use sse_hub::{Backend as _, BackendErrorKind, TopicFilters};
use sse_hub_redb::RedbStore;
use support::{Folder, all, chain, news, next, print_line, replay, short, unlimited};

/// Environment variable with the path of the file, for the process with the limit.
const PATH_VARIABLE: &str = "SSE_HUB_REDB_PATH";

/// Maximum size of the file, in blocks of 1024 bytes.
const LIMIT_KIB: u64 = 1024;

#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let folder = Folder::new();
    // The shell sets the limit. A write beyond it is an error and no signal.
    let script = format!("trap '' XFSZ; ulimit -f {LIMIT_KIB}; exec \"$0\" \"$@\"");
    let output = Command::new("bash")
        .args(["-c", &script])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "process_with_limit", "--ignored", "--nocapture"])
        .env(PATH_VARIABLE, folder.file())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let acknowledged: Vec<_> = text
        .split('\n')
        .filter_map(|line| line.strip_prefix("stored "))
        .collect();
    assert!(acknowledged.len() > 10, "{text}");

    // With space, the file takes events again.
    let store = folder.open(unlimited());
    let stored = all(&store).await;
    let last = store.publish(&news("last")).await.unwrap();
    assert_eq!(last, stored.last().unwrap().0 + 1);
    let texts: Vec<_> = stored
        .iter()
        .map(|(sequence, data)| format!("{sequence} {}", &data[..8]))
        .collect();
    for acknowledged in acknowledged {
        assert!(
            texts.iter().any(|text| text == acknowledged),
            "{acknowledged}"
        );
    }
}

#[tokio::test]
#[ignore = "runs in a process with a limit that the other test starts"]
async fn process_with_limit() {
    let path = env::var(PATH_VARIABLE).expect("a path");
    let store = RedbStore::open(path, unlimited()).unwrap();
    let mut updates = store.follow(0);
    assert_eq!(short(&next(&mut updates).await), ("connected", 0));
    let following = tokio::spawn(async move {
        while short(&next(&mut updates).await).0 != "disconnected" {}
        while short(&next(&mut updates).await).0 != "connected" {}
    });
    let mut failures = 0;
    let mut number = 0;
    // The follower may miss a failure that is short.
    while failures < 3 || !following.is_finished() {
        number += 1;
        let data = format!("{number:08}{}", "x".repeat(10_000));
        match store.publish(&news(data)).await {
            Ok(sequence) => print_line(&format!("stored {sequence} {number:08}")),
            Err(error) => {
                failures += 1;
                assert_eq!(error.kind(), BackendErrorKind::Unavailable);
                let text = chain(&error);
                assert!(text.ends_with(": File too large (os error 27)"), "{text}");
                // Publishing fails at once until the store has opened the file again.
                opened_again(&store).await;
            }
        }
    }
    following.await.unwrap();
    // Replays continue, too.
    let latest = store.latest_sequence().await.unwrap();
    let (events, is_truncated) = replay(&store, 0, latest, &TopicFilters::all()).await;
    assert_eq!((events.len() as u64, is_truncated), (latest, false));
}

/// Waits until the store has opened the file again.
async fn opened_again(store: &RedbStore) {
    let mut updates = store.follow(0);
    while short(&next(&mut updates).await).0 != "connected" {}
}
