//! What strangers send to the hub.

use std::{collections::BTreeMap, fmt, io, iter, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use fastrand::Rng;
use futures_util::{StreamExt as _, stream};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::Options;

/// Requests that are under way at the same time.
const AT_ONCE: usize = 50;

/// The most topics or patterns of a subscription.
const MAX_TOPICS: usize = 64;

/// The longest topic or pattern, in bytes.
const MAX_TOPIC_BYTES: usize = 256;

/// The most segments of a pattern.
const MAX_SEGMENTS: usize = 16;

/// The most segments of a pattern that are `*`.
const MAX_STARS: usize = 4;

/// An attack on the hub.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Attack {
    /// None: what a neighbour sees of a quiet hub.
    Quiet,
    /// Subscriptions to patterns of more segments than a hub takes.
    DeepPatterns,
    /// Subscriptions to the most patterns, each as large and as wild as a hub takes.
    LargestPatterns,
    /// Subscriptions to the most and longest topics, none of which another subscriber has.
    ManyTopics,
    /// Subscriptions to the latest events of patterns that match none.
    ReplayOfNothing,
    /// Subscriptions with last event IDs that the hub has never given.
    UnknownIds,
    /// Subscribers that leave at once, half of them by RST.
    ShortVisits,
    /// Subscribers of large events that do not read.
    StalledReaders,
    /// Publications of very many events in one request.
    ManyLines,
    /// Publications with a million topics.
    MillionTopics,
    /// Publications without a token whose bodies do not end.
    EndlessBodies,
    /// Heads that are too large.
    LargeHeads,
    /// Heads that do not end.
    UnfinishedHeads,
    /// Requests that are not HTTP, and that HTTP forbids.
    Malformed,
    /// Many requests on one connection, whose responses are not read.
    Pipelined,
}

/// The hub as a stranger sees it.
#[derive(Clone, Debug)]
pub(super) struct Target {
    address: SocketAddr,
    token: String,
    options: Options,
}

/// How many requests got which answer.
#[derive(Debug, Default)]
pub(super) struct Answers(BTreeMap<String, usize>);

impl Attack {
    /// Attacks, and returns what the hub answered.
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
                let line = "{\"topic\":\"none\",\"data\":\"\"}\n";
                let body = line.repeat(count(300_000));
                target
                    .publish(count(20), "application/x-ndjson", &body)
                    .await
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

/// A query of the most patterns, each of the most segments that 256 bytes have room for.
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

/// A query of the most patterns, each of the most bytes, segments and wildcards.
fn largest_patterns(rng: &mut Rng) -> String {
    query(|_| {
        let segment = || format!("{:x}", rng.u32(..));
        let mut segments: Vec<_> = iter::repeat_with(segment).take(MAX_SEGMENTS - 1).collect();
        for _ in 0..MAX_STARS {
            // The first one is padded.
            let place = rng.usize(1..segments.len());
            segments[place] = "*".to_owned();
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

impl Target {
    pub(super) fn new(address: SocketAddr, token: &str, options: &Options) -> Self {
        Self {
            address,
            token: token.to_owned(),
            options: options.clone(),
        }
    }

    async fn connect(&self) -> Result<TcpStream> {
        let connecting = timeout(test_timeout(), TcpStream::connect(self.address)).await;
        Ok(connecting.context("the hub takes no connection")??)
    }

    /// Sends bytes on a new connection, and returns it with the answer.
    async fn send(&self, bytes: &[u8]) -> Result<(TcpStream, String)> {
        let mut connection = self.connect().await?;
        let (mut input, mut output) = connection.split();
        let both = async { tokio::join!(output.write_all(bytes), answer(&mut input)) };
        // The hub may refuse the rest of the bytes.
        let (_, answer) = timeout(test_timeout(), both).await.context("no answer")?;
        Ok((connection, answer))
    }

    /// Sends a number of requests, `AT_ONCE` of them at a time. Keeps the connections open until all are answered.
    async fn send_all(
        &self,
        count: usize,
        mut request: impl FnMut(&mut Rng) -> Vec<u8>,
    ) -> Result<Answers> {
        let mut rng = Rng::with_seed(self.options.seed);
        let requests = (0..count).map(|_| request(&mut rng));
        let mut sent = stream::iter(requests)
            .map(|request| async move { self.send(&request).await })
            .buffer_unordered(AT_ONCE);
        let (mut answers, mut connections) = (Answers::default(), Vec::new());
        while let Some(sent) = sent.next().await {
            let (connection, answer) = sent?;
            answers.add(answer);
            connections.push(connection);
        }
        Ok(answers)
    }

    async fn subscribe(
        &self,
        count: usize,
        mut query: impl FnMut(&mut Rng) -> String,
    ) -> Result<Answers> {
        let request = |rng: &mut Rng| get(&format!("/events?{}", query(rng)));
        self.send_all(count, request).await
    }

    async fn publish(&self, count: usize, content_type: &str, body: &str) -> Result<Answers> {
        let request = self.post(content_type, body);
        self.send_all(count, |_| request.clone()).await
    }

    fn post(&self, content_type: &str, body: &str) -> Vec<u8> {
        let (token, length) = (&self.token, body.len());
        let request = format!(
            "POST /publish HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        request.into_bytes()
    }

    /// Publishes as many events as the hub keeps.
    async fn fill(&self, events: usize) -> Result<()> {
        let topics: Vec<_> = (0..MAX_TOPICS).map(|it| format!("\"full/{it}\"")).collect();
        let line = format!("{{\"topics\":[{}],\"data\":\"\"}}\n", topics.join(","));
        for _ in 0..events.div_ceil(1_000) {
            let body = line.repeat(events.min(1_000));
            let answers = self.publish(1, "application/x-ndjson", &body).await?;
            ensure!(answers.are_all("200"), "filling the log: {answers}");
        }
        Ok(())
    }

    /// Connects, subscribes and leaves.
    async fn visit(&self, count: usize) -> Result<Answers> {
        let request = get("/events?topic=short");
        let visits = stream::iter(0..count).map(|visit| {
            let request = &request;
            async move {
                let mut connection = self.connect().await?;
                connection.write_all(request).await?;
                if visit % 2 == 0 {
                    connection.set_zero_linger()?;
                } else {
                    answer(&mut connection).await;
                }
                Ok::<_, anyhow::Error>(())
            }
        });
        let mut visits = visits.buffer_unordered(AT_ONCE);
        while let Some(visit) = visits.next().await {
            visit?;
        }
        Ok(Answers::default())
    }

    /// Subscribes many times to topics of their own, without reading, and publishes large events there.
    async fn stall(&self, count: usize) -> Result<Answers> {
        let mut connections = Vec::new();
        for number in 0..count {
            let request = get(&format!("/events?topic=stalled/{number}"));
            connections.push(self.send(&request).await?);
        }
        let mut answers = Answers::default();
        let data = "x".repeat(1_000_000);
        for number in 0..count {
            for _ in 0..4 {
                let json = format!("{{\"topic\":\"stalled/{number}\",\"data\":\"{data}\"}}");
                answers.append(self.publish(1, "application/json", &json).await?);
            }
        }
        drop(connections);
        Ok(answers)
    }

    /// Opens connections and sends half a head on each.
    async fn leave_open(&self, count: usize) -> Result<Answers> {
        let mut connections = Vec::new();
        for _ in 0..count {
            let mut connection = self.connect().await?;
            connection
                .write_all(b"GET /healthz HTTP/1.1\r\nX: ")
                .await?;
            connections.push(connection);
        }
        sleep(self.options.exposure()).await;
        Ok(Answers::default())
    }

    /// Sends many requests on each connection until the hub takes no more.
    async fn pipeline(&self, count: usize, requests: &[u8]) -> Result<Answers> {
        let mut connections = Vec::new();
        for _ in 0..count {
            let connection = self.connect().await?;
            write_what_fits(&connection, requests)?;
            connections.push(connection);
        }
        sleep(self.options.exposure()).await;
        Ok(Answers::default())
    }
}

/// Writes until the peer takes no more for now.
fn write_what_fits(connection: &TcpStream, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match connection.try_write(bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes()
}

/// The status of a response, or how the connection ended without one.
async fn answer(input: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut start = [0; "HTTP/1.1 200".len()];
    match input.read_exact(&mut start).await {
        Ok(_) => String::from_utf8_lossy(&start["HTTP/1.1 ".len()..]).into_owned(),
        Err(error) => error.kind().to_string(),
    }
}

impl Answers {
    fn add(&mut self, answer: String) {
        *self.0.entry(answer).or_default() += 1;
    }

    fn append(&mut self, more: Self) {
        for (answer, count) in more.0 {
            *self.0.entry(answer).or_default() += count;
        }
    }

    fn are_all(&self, answer: &str) -> bool {
        self.0.keys().all(|it| it == answer)
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self
            .0
            .iter()
            .map(|(answer, count)| format!("{count} × {answer}"));
        f.write_str(&counts.collect::<Vec<_>>().join(", "))
    }
}
