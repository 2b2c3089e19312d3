//! Runs the fuzz targets for a given time.
//!
//! libFuzzer runs on the stable toolchain. There is no `unsafe` code for a sanitizer to check, so it needs only the
//! coverage that LLVM counts.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};
use testkit::cases::{Sent, decode_cases, encode_cases};

use crate::{
    run::{cargo, output, root, run},
    setup,
};

/// Targets in `fuzz/fuzz_targets/`.
const TARGETS: [&str; 8] = [
    "decode",
    "limits",
    "round_trip",
    "forge",
    "stream",
    "session",
    "nats_message",
    "topic_filters",
];

/// Seeds of the target `topic_filters`: subscribers and events in its format.
const TOPIC_FILTERS: [&str; 4] = [
    "sa/*,b,b/**\nea,b\nta,b\nta/x\nd\ntb/c/d\n",
    "s**\ns*\ns*/*/*/*/**\ns*/b\nta\nta/b\nta/b/c/d/e\nd\nd\ntx,y,z\n",
    "sa/b/c/d/e/f/g/h/i/j/k/l/m/n/o/**\nsa/*/c/*/e/*/g/*/i\nta/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p\nta/b/c/d/e/f/g/h/i\n",
    "juser,name\njuser,*\njuser,a/b\njuser,\neuser/*\nsuser/**\ntuser/name\nsa*\ns**/a\n",
];

/// Seeds of the target `nats_message`: headers and payload of a NATS message, with 0xFF between them.
const MESSAGES: [[&[u8]; 2]; 7] = [
    [b"NATS/1.0\r\nSse-Topics: news\r\n\r\n\xff", b"data: a\n\n"],
    [
        b"NATS/1.0\r\nSse-Topics: a%2Fb,c\r\nSse-Key: k%20\r\nNats-Msg-Id: 1\r\n\r\n\xff",
        b"event: t\nretry: 1000\ndata: a\ndata: b\n\n",
    ],
    [
        b"NATS/1.0\r\nSse-Topics: %2A\r\nSse-Id: a%20b\r\nSse-Private: 1\r\n\r\n\xff",
        b"data: a\n\n",
    ],
    [
        b"NATS/1.0\r\nSse-Topics: t\r\n\r\n\xff",
        b"event: reset\ndata\n\n",
    ],
    [
        b"NATS/1.0\nSse-Topics: t\n u\n\xff",
        b"retry: 99999999\ndata: \n\n",
    ],
    [b"NATS/1.0 503 No Responders\r\n\r\n\xff", b""],
    [b"NATS/1.0\r\nSse-Topics: a\rb\r\n\r\n\xff", b"data: a\n\n"],
];

/// Compiler flags that count the edges and comparisons of a run. They are those of cargo-fuzz.
const COVERAGE: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    --cfg fuzzing -Cdebug-assertions -Coverflow-checks";

/// Runs one target, or one after the other, with the corpus of earlier runs and the cases of `testdata/`.
pub(crate) fn fuzz(seconds: u64, only: Option<&str>) -> Result<()> {
    setup::program("c++", "g++")?;
    let version = output(crate::run::command("rustc", "-vV")).context("cannot run rustc")?;
    let host = version
        .split_whitespace()
        .skip_while(|word| *word != "host:")
        .nth(1);
    let host = host.context("`rustc -vV` prints no host")?;
    let folder = root().join("fuzz");
    // With an explicit target, build scripts and macros are not instrumented.
    let mut build = cargo("build --release --manifest-path fuzz/Cargo.toml --target");
    run(build.arg(host).env("RUSTFLAGS", COVERAGE))?;

    for target in TARGETS {
        if only.is_some_and(|only| only != target) {
            continue;
        }
        let corpus = folder.join("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(folder.join("artifacts"))?;
        write_seeds(&corpus, target)?;
        let mut command = Command::new(
            folder
                .join("target")
                .join(host)
                .join("release")
                .join(target),
        );
        command
            .arg(&corpus)
            .arg(format!(
                "-artifact_prefix={}/artifacts/{target}-",
                folder.display()
            ))
            .arg(format!("-max_total_time={seconds}"))
            .args([
                "-max_len=1024",
                "-timeout=10",
                "-print_final_stats=1",
                "-verbosity=0",
            ])
            .current_dir(root());
        run(&mut command)?;
    }
    Ok(())
}

/// Writes the seeds of a target into its corpus.
fn write_seeds(corpus: &Path, target: &str) -> Result<()> {
    let seeds: Vec<Vec<u8>> = match target {
        "decode" => decode_cases()
            .iter()
            .map(|case| cut_in_middle(&case.stream))
            .collect(),
        "limits" => {
            let limited = decode_cases();
            let limited = limited.iter().filter_map(|case| {
                Some((
                    case.limit.or(case.max_id_bytes)?,
                    case.max_id_bytes.unwrap_or(15),
                    &case.stream,
                ))
            });
            limited
                .map(|(limit, id, stream)| {
                    [&[limit as u8, id as u8], &cut_in_middle(stream)[..]].concat()
                })
                .collect()
        }
        "topic_filters" => TOPIC_FILTERS.map(Vec::from).to_vec(),
        "nats_message" => MESSAGES.iter().map(|parts| parts.concat()).collect(),
        "stream" => decode_cases()
            .iter()
            .map(|case| [&[255, 255, 0, 255], &cut_in_middle(&case.stream)[..]].concat())
            .collect(),
        // The connection opens, gets an event, breaks, and opens again.
        "session" => vec![vec![0, 0, 0, 0, 1, 1, 4, 2, 5, 0, 0, 0, 1]],
        _ => encode_cases()
            .iter()
            .map(|case| strings(&case.sent))
            .collect(),
    };
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(corpus.join(format!("case-{number}")), seed)?;
    }
    Ok(())
}

/// Returns a stream with one cut in the middle, in the format of the targets.
fn cut_in_middle(stream: &[u8]) -> Vec<u8> {
    [&[1, (stream.len() / 2) as u8], stream].concat()
}

/// Returns an event or comment as four strings, in the format of the targets.
fn strings(sent: &Sent) -> Vec<u8> {
    let strings = match sent {
        Sent::Comment(comment) => ["", "", "", comment],
        Sent::Event {
            event_type,
            data,
            id,
            ..
        } => [
            event_type.as_deref().unwrap_or(""),
            data,
            id.as_deref().unwrap_or(""),
            "",
        ],
    };
    strings.map(str::as_bytes).join(&0xFF)
}
