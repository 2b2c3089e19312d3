//! Decoding: measures our decoders, the peers and the limits with a workload, in each kind of chunks.

use std::time::{Duration, Instant};

use crate::{
    feed::{Chunking, Feed},
    figures, limits,
    markdown::{Table, ratio, reached, time},
    measure::{Contender, interleaved},
    ours::{self, Ours},
    peers::{self, Peer},
    tally::Tally,
    workloads::Workload,
};

/// Maximum time for an eighth of a stream. A slower peer is left out.
const MAX_EIGHTH_TIME: Duration = Duration::from_millis(20);

/// Tables of a workload.
#[derive(Debug)]
pub struct Section {
    /// Tables in Markdown.
    pub text: String,
    /// Targets that were missed, each with its place.
    pub below: Vec<String>,
}

/// Decoder that is measured.
#[derive(Clone, Copy, Debug)]
struct Decoder {
    name: &'static str,
    decode: fn(&Feed) -> Tally,
}

/// Result of a decoder.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// Nanoseconds for the stream, and whether the events were correct.
    Took(f64, bool),
    /// The decoder was too slow to be measured.
    LeftOut,
}

/// Results of all decoders and limits, for a kind of chunks.
#[derive(Debug)]
struct Row {
    chunking: Chunking,
    feed: Feed,
    decoders: Vec<Outcome>,
    limits: Vec<f64>,
}

/// Measures a workload. `budget` is the approximate time for each row.
pub fn section(workload: &Workload, budget: Duration) -> Section {
    let rows: Vec<_> = Chunking::ALL
        .into_iter()
        .map(|chunking| measure(workload, chunking, budget))
        .collect();
    let mut below = Vec::new();
    let mut summary = Table::new([
        "chunks",
        "ours, `&str`: ns (MB/s)",
        "ours, `&[u8]`: ns (MB/s)",
        "best peer: ns",
        "best peer ÷ ours, `&str`",
        "`&[u8]`",
        "memchr ÷ ours, `&str`",
        "`&[u8]`",
    ]);
    for row in &rows {
        summary.row(summarize(workload, row, &mut below));
    }
    let names = decoders().map(|decoder| decoder.name);
    let limits = limits::ALL.iter().map(|limit| limit.name);
    let mut all = Table::new(["chunks"].into_iter().chain(names).chain(limits));
    for row in &rows {
        let decoders = row.decoders.iter().map(|outcome| cell(row, *outcome));
        let limits = row.limits.iter().map(|time| per_block(row, *time));
        let cells = decoders.chain(limits);
        all.row([row.chunking.name().to_owned()].into_iter().chain(cells));
    }
    let (key, title) = (workload.key, workload.title);
    let fairness = if workload.is_comments() {
        "\n\nPeers drop comments, so ours, `&str`, in the first table also drops them."
    } else {
        ""
    };
    let blocks = workload.records.len();
    let size = workload.stream.len() / blocks;
    Section {
        text: format!(
            "### {key}: {title}\n\n{blocks} blocks of {size} B on average.{fairness}\n\n\
             {summary}\nNanoseconds per block:\n\n{all}"
        ),
        below,
    }
}

/// Returns our decoders and then all peers.
fn decoders() -> impl Iterator<Item = Decoder> {
    let ours = ours::ALL.map(|Ours { name, decode }| Decoder { name, decode });
    let peers = peers::ALL.map(|Peer { name, decode }| Decoder { name, decode });
    ours.into_iter().chain(peers)
}

fn measure(workload: &Workload, chunking: Chunking, budget: Duration) -> Row {
    let feed = Feed::new(workload, chunking);
    let eighth = feed.eighth();
    let mut contenders = Vec::new();
    let mut outcomes = Vec::new();
    for Decoder { decode, .. } in decoders() {
        let start = Instant::now();
        decode(&eighth);
        if start.elapsed() > MAX_EIGHTH_TIME {
            outcomes.push(Outcome::LeftOut);
            continue;
        }
        let right = decode(&feed) == feed.expected;
        outcomes.push(Outcome::Took(0.0, right));
        let feed = &feed;
        contenders.push(Contender::new(move || {
            std::hint::black_box(decode(feed));
        }));
    }
    for limit in limits::ALL {
        let feed = &feed;
        let mut buffer = Vec::with_capacity(feed.bytes());
        contenders.push(Contender::new(move || (limit.run)(feed, &mut buffer)));
    }
    let mut readings = interleaved(contenders, budget).into_iter();
    for outcome in &mut outcomes {
        if let Outcome::Took(time, _) = outcome {
            *time = readings.next().unwrap_or(f64::NAN);
        }
    }
    Row {
        chunking,
        decoders: outcomes,
        limits: readings.collect(),
        feed,
    }
}

/// Compares our decoders with the best peer and with memchr.
fn summarize(workload: &Workload, row: &Row, below: &mut Vec<String>) -> Vec<String> {
    let figure = figures::decode(workload.key, row.chunking);
    let took = |outcome: &Outcome| match *outcome {
        Outcome::Took(time, _) => time,
        Outcome::LeftOut => f64::NAN,
    };
    let (ours, peers) = row.decoders.split_at(ours::ALL.len());
    let text = took(&ours[if workload.is_comments() { 2 } else { 0 }]);
    let bytes = took(&ours[1]);
    let peers = peers.iter().zip(&peers::ALL);
    let best = peers
        .filter_map(|(outcome, peer)| match *outcome {
            Outcome::Took(time, true) => Some((time, peer.name)),
            _ => None,
        })
        .min_by(|one, other| one.0.total_cmp(&other.0));
    let (peer, name) = best.unwrap_or((f64::NAN, "none"));
    let memchr = row.limits[0];
    let mut judge = |what: &str, number: f64, figure: Option<f64>| {
        if !reached(number, figure) {
            let (key, chunks) = (workload.key, row.chunking.name());
            let cell = ratio(number, figure);
            below.push(format!("{key}, {chunks}, {what}: {cell}"));
        }
        ratio(number, figure)
    };
    let speed = |time: f64| {
        let speed = row.feed.bytes() as f64 * 1000.0 / time;
        format!("{} ({speed:.0})", per_block(row, time))
    };
    vec![
        row.chunking.name().into(),
        speed(text),
        speed(bytes),
        format!("{name}: {}", per_block(row, peer)),
        judge("peer ÷ `&str`", peer / text, figure.peer),
        judge("peer ÷ `&[u8]`", peer / bytes, figure.peer_bytes),
        judge("memchr ÷ `&str`", memchr / text, figure.memchr),
        judge("memchr ÷ `&[u8]`", memchr / bytes, figure.memchr_bytes),
    ]
}

fn cell(row: &Row, outcome: Outcome) -> String {
    match outcome {
        Outcome::Took(time, true) => per_block(row, time),
        Outcome::Took(time, false) => format!("{} ✗", per_block(row, time)),
        Outcome::LeftOut => "too slow".into(),
    }
}

fn per_block(row: &Row, nanoseconds: f64) -> String {
    time(nanoseconds / row.feed.blocks as f64)
}
