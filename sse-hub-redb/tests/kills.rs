//! Test in which a process that publishes is killed many times.
//!
//! `SSE_HUB_REDB_KILLS=200 cargo test -p sse-hub-redb --test kills` kills it more often than the default.

mod support;

use std::{
    collections::{HashMap, HashSet},
    env,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use sse_hub::Backend as _;
use sse_hub_redb::{RedbConfig, RedbStore};
use support::{Folder, all, news, print_line, test_timeout, unlimited};
use tokio::task::JoinSet;

/// Environment variable with the number of kills.
const KILLS_VARIABLE: &str = "SSE_HUB_REDB_KILLS";

/// Environment variable with the path of the file, for the process that publishes.
const PATH_VARIABLE: &str = "SSE_HUB_REDB_PATH";

/// Environment variable with the number of the process.
const RUN_VARIABLE: &str = "SSE_HUB_REDB_RUN";

/// Number of kills by default.
const KILLS: u64 = 40;

/// Number of publishers in a process.
const PUBLISHERS: usize = 50;

/// Maximum time until a process is killed, after it was started or after its first event.
const MAX_DELAY_MILLIS: u64 = 150;

#[tokio::test]
async fn no_acknowledged_event_is_lost_when_the_process_is_killed() {
    let kills = match env::var(KILLS_VARIABLE) {
        #[expect(clippy::disallowed_methods, reason = "not a field of an event stream")]
        Ok(kills) => kills.parse().expect("a number of kills"),
        Err(_) => KILLS,
    };
    let folder = Folder::new();
    let mut acknowledged = HashMap::new();
    let mut latest = 0;
    for run in 0..kills {
        let events = run_and_kill(&folder, run);
        for (sequence, data) in events {
            assert!(sequence > latest, "sequence {sequence} is used again");
            assert_eq!(acknowledged.insert(sequence, data), None);
        }
        // Every few kills, the file is also read. Otherwise, the next process opens it first.
        if run % 8 == 7 {
            latest = check(&folder, &acknowledged).await;
        }
    }
    latest = check(&folder, &acknowledged).await;
    assert!(!acknowledged.is_empty());
    eprintln!(
        "{kills} kills, {} acknowledged events, {latest} stored",
        acknowledged.len()
    );
}

/// Checks that all acknowledged events are stored once, in ascending order. Returns the sequence of the latest event.
async fn check(folder: &Folder, acknowledged: &HashMap<u64, String>) -> u64 {
    // After a kill during the first start, there may be no file.
    let store = folder.open(config());
    let stored = all(&store).await;
    let sequences = stored.iter().map(|(sequence, _)| *sequence);
    let latest = store.latest_sequence().await.unwrap();
    assert!(sequences.eq(1..=latest));
    let distinct: HashSet<_> = stored.iter().map(|(_, data)| data).collect();
    assert_eq!(distinct.len(), stored.len(), "an event is stored twice");
    let stored: HashMap<_, _> = stored.into_iter().collect();
    for (sequence, data) in acknowledged {
        assert_eq!(stored.get(sequence), Some(data));
    }
    latest
}

/// Starts a process that publishes, and kills it. Returns the events that it has acknowledged.
fn run_and_kill(folder: &Folder, run: u64) -> Vec<(u64, String)> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "publishing_process", "--ignored", "--nocapture"])
        .env(PATH_VARIABLE, folder.file())
        .env(RUN_VARIABLE, run.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let delay = Duration::from_millis(fastrand::u64(..MAX_DELAY_MILLIS));
    // Some are killed while they open the file.
    let mut text = Vec::new();
    if run % 4 != 3 {
        while !text.ends_with(b"begin\n") {
            let length = output.read_until(b'\n', &mut text).unwrap();
            assert_ne!(length, 0, "the process has ended");
        }
        text.clear();
    }
    let reader = thread::spawn(move || {
        // The last line may be incomplete.
        while output.read_until(b'\n', &mut text).unwrap() > 0 {}
        text
    });
    thread::sleep(delay);
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "the process has ended: {status}");
    parse(&reader.join().unwrap())
}

/// Parses the complete lines of the output: a sequence, a space and the data.
fn parse(output: &[u8]) -> Vec<(u64, String)> {
    let complete = output.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let lines = String::from_utf8(output[..complete].to_vec()).unwrap();
    let events = lines.split('\n').filter_map(|line| {
        let (sequence, data) = line.strip_prefix("stored ")?.split_once(' ')?;
        #[expect(clippy::disallowed_methods, reason = "not a field of an event stream")]
        let sequence = sequence.parse().unwrap();
        Some((sequence, data.to_owned()))
    });
    events.collect()
}

fn config() -> RedbConfig {
    // Both ways of recovery are tested.
    unlimited().fast_recovery(fastrand::bool())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a process that the other test kills"]
async fn publishing_process() {
    let path = env::var(PATH_VARIABLE).expect("a path");
    let run = env::var(RUN_VARIABLE).expect("a number");
    let store = RedbStore::open(path, config()).unwrap();
    let mut publishers = JoinSet::new();
    for publisher in 0..PUBLISHERS {
        let (store, run) = (store.clone(), run.clone());
        publishers.spawn(async move {
            for number in 0_u64.. {
                let data = format!("{run}-{publisher}-{number}");
                let sequence = store.publish(&news(&*data)).await.unwrap();
                print_line(&format!("stored {sequence} {data}"));
                if publisher == 0 && number == 0 {
                    print_line("begin");
                }
            }
        });
    }
    tokio::time::sleep(test_timeout()).await;
}
