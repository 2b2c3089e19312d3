//! Attacks on the hub.

use std::{iter, time::Duration};

use anyhow::Result;
use clap::ValueEnum;
use fastrand::Rng;
use tokio::time::sleep;

use super::target::{Answers, LINES, MAX_TOPICS, Target};

/// Maximum length of a topic or pattern, in bytes.
const MAX_TOPIC_BYTES: usize = 256;

/// Maximum number of segments of a pattern.
const MAX_SEGMENTS: usize = 16;

/// Maximum number of segments of a pattern that are `*`.
const MAX_STARS: usize = 4;

/// An attack on the hub.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Attack {
    /// No attack, to measure the latency of a quiet hub.
    Quiet,
    /// Subscriptions to patterns with more segments than a hub allows.
    DeepPatterns,
    /// Subscriptions to the maximum number of patterns, each with the maximum size and number of wildcards.
    LargestPatterns,
    /// Subscriptions to the maximum number of topics of the maximum length, all different from each other.
    ManyTopics,
    /// Subscriptions to the latest events of patterns that match no event.
    ReplayOfNothing,
    /// Subscriptions with last event IDs that the hub has never sent.
    UnknownIds,
    /// Subscribers that disconnect at once, half of them by RST.
    ShortVisits,
    /// Subscribers of large events that do not read.
    StalledReaders,
    /// Publications of many events in one request.
    ManyLines,
    /// Publications of many events by clients that do not read the answers.
    UnreadAnswers,
    /// Publications with a million topics.
    MillionTopics,
    /// Publications without a token whose bodies do not end.
    EndlessBodies,
    /// Heads that are too large.
    LargeHeads,
    /// Heads that do not end.
    UnfinishedHeads,
    /// Requests that are not HTTP, or that HTTP forbids.
    Malformed,
    /// Many requests on one connection, whose responses are not read.
    Pipelined,
}

impl Attack {
    /// Attacks the hub, and returns its answers.
    pub(super) async fn run(self, target: &Target) -> Result<Answers> {
        let count = |full| target.options.count(full);
        match self {
            Self::Quiet => {
                sleep(Duration::from_secs(1)).await;
                Ok(Answers::default())
            }
            Self::DeepPatterns => target.subscribe(count(4_000), deep_patterns).await,
            Self::LargestPatterns => target.subscribe(count(4_000), largest_patterns).await,
            Self::ManyTopics => target.subscribe(count(4_000), many_topics).await,
            Self::ReplayOfNothing => {
                target.fill(count(20_000)).await?;
                let query = |rng: &mut Rng| format!("newest=1000000000&{}", largest_patterns(rng));
                target.subscribe(count(1_000), query).await
            }
            Self::UnknownIds => {
                let query = |rng: &mut Rng| {
                    let id = rng.u64(..);
                    let topic = rng.u64(..);
                    format!("topic=none/{topic}&lastEventId={id}")
                };
                target.subscribe(count(4_000), query).await
            }
            Self::ShortVisits => target.visit(count(10_000)).await,
            Self::StalledReaders => target.stall(count(300)).await,
            Self::ManyLines => {
                let body = many_lines(count(300_000));
                target.publish(count(20), LINES, &body).await
            }
            Self::UnreadAnswers => {
                let request = target.post(LINES, &many_lines(count(300_000)));
                target.send_all(count(20), |_| request.clone()).await
            }
            Self::MillionTopics => {
                let topics = count(1_000_000);
                let form = format!("data=x{}", "&topic=a".repeat(topics));
                let mut answers = target
                    .publish(count(20), "application/x-www-form-urlencoded", &form)
                    .await?;
                let json = format!(
                    "{{\"data\":\"x\",\"topics\":[\"a\"{}]}}",
                    ",\"a\"".repeat(topics)
                );
                answers.append(target.publish(count(20), "application/json", &json).await?);
                Ok(answers)
            }
            Self::EndlessBodies => {
                let head = "POST /publish HTTP/1.1\r\nHost: localhost\r\n\
                            Transfer-Encoding: chunked\r\n\r\n";
                let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000)).repeat(200);
                target
                    .send_all(count(200), |_| [head, &chunk].concat().into())
                    .await
            }
            Self::LargeHeads => target.send_all(count(1_000), large_head).await,
            Self::UnfinishedHeads => target.leave_open(count(4_000)).await,
            Self::Malformed => target.send_all(count(2_000), malformed).await,
            Self::Pipelined => {
                let requests = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(20_000);
                target.pipeline(count(100), requests.as_bytes()).await
            }
        }
    }
}

fn many_lines(count: usize) -> String {
    "{\"topic\":\"none\",\"data\":\"\"}\n".repeat(count)
}

/// Returns a query with the maximum number of patterns, each with the most segments that fit into 256 bytes.
fn deep_patterns(rng: &mut Rng) -> String {
    let segments = rng.usize(2..=MAX_TOPIC_BYTES / 2);
    query(|_| {
        let mut pattern = format!("{:x}", rng.u32(..));
        for _ in 0..segments {
            pattern.push('/');
            pattern.push_str(["", "a", "*"][rng.usize(..3)]);
        }
        pattern.truncate(MAX_TOPIC_BYTES - 3);
        pattern + "/**"
    })
}

/// Returns a query with the maximum number of patterns, each with the most bytes, segments and wildcards.
fn largest_patterns(rng: &mut Rng) -> String {
    query(|_| {
        let segment = || format!("{:x}", rng.u32(..));
        let mut segments: Vec<_> = iter::repeat_with(segment).take(MAX_SEGMENTS - 1).collect();
        for _ in 0..MAX_STARS {
            // Not the first segment, which is padded.
            let index = rng.usize(1..segments.len());
            segments[index] = "*".to_owned();
        }
        segments.push("**".to_owned());
        let mut pattern = segments.join("/");
        let padding = MAX_TOPIC_BYTES.saturating_sub(pattern.len());
        pattern.insert_str(0, &"x".repeat(padding));
        pattern
    })
}

fn many_topics(rng: &mut Rng) -> String {
    query(|_| format!("{:0>1$x}", rng.u64(..), MAX_TOPIC_BYTES))
}

fn query(topic: impl FnMut(usize) -> String) -> String {
    let topics: Vec<_> = (0..MAX_TOPICS).map(topic).collect();
    format!("topic={}", topics.join("&topic="))
}

fn large_head(rng: &mut Rng) -> Vec<u8> {
    let start = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
    let length = rng.usize(20_000..200_000);
    let head = match rng.u8(..3) {
        0 => format!("{start}X: {}\r\n\r\n", "x".repeat(length)),
        1 => format!("{start}{}\r\n", "X: x\r\n".repeat(length / 6)),
        _ => format!(
            "GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "x".repeat(length)
        ),
    };
    head.into_bytes()
}

fn malformed(rng: &mut Rng) -> Vec<u8> {
    const REQUESTS: [&str; 12] = [
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET http://a@localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /healthz HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/0.9\r\n\r\n",
        "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nxxxxx",
        "POST /publish HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /events?topic=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /events?topic=%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /events?topic=a HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: \u{1}\r\n\r\n",
    ];
    match rng.usize(..=REQUESTS.len()) {
        index if index < REQUESTS.len() => REQUESTS[index].into(),
        _ => (0..1_000).map(|_| rng.u8(..)).collect(),
    }
}
