//! Connections and requests to the hub, and its answers.

use std::{collections::BTreeMap, fmt, io, net::SocketAddr};

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use futures_util::{StreamExt as _, stream};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy, sink},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::Options;

/// Maximum number of topics or patterns of a subscription, and of topics of an event.
pub(super) const MAX_TOPICS: usize = 64;

/// Content type of a body with several events.
pub(super) const LINES: &str = "application/x-ndjson";

/// Maximum number of concurrent requests.
const MAX_REQUESTS: usize = 50;

/// Address and publish token of the hub.
#[derive(Clone, Debug)]
pub(super) struct Target {
    address: SocketAddr,
    token: String,
    pub(super) options: Options,
}

/// Numbers of requests by their answers.
#[derive(Debug, Default)]
pub(super) struct Answers(BTreeMap<String, usize>);

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
        Ok(connecting.context("the hub accepts no connection")??)
    }

    /// Sends bytes on a new connection, and returns it with the answer.
    async fn send(&self, bytes: &[u8]) -> Result<(TcpStream, String)> {
        let mut connection = self.connect().await?;
        let (mut input, mut output) = connection.split();
        let both = async { tokio::join!(output.write_all(bytes), answer(&mut input)) };
        // The hub may reject the rest of the bytes.
        let (_, answer) = timeout(test_timeout(), both).await.context("no answer")?;
        Ok((connection, answer))
    }

    /// Sends `count` requests, at most [`MAX_REQUESTS`] at a time. Keeps the connections open until all are answered.
    pub(super) async fn send_all(
        &self,
        count: usize,
        mut request: impl FnMut(&mut Rng) -> Vec<u8>,
    ) -> Result<Answers> {
        let mut rng = Rng::with_seed(self.options.seed);
        let requests = (0..count).map(|_| request(&mut rng));
        Answers::collect(requests.map(|request| async move { self.send(&request).await })).await
    }

    pub(super) async fn subscribe(
        &self,
        count: usize,
        mut query: impl FnMut(&mut Rng) -> String,
    ) -> Result<Answers> {
        let request = |rng: &mut Rng| get(&format!("/events?{}", query(rng)));
        self.send_all(count, request).await
    }

    /// Publishes a body `count` times, at most [`MAX_REQUESTS`] at a time, and reads the answers.
    pub(super) async fn publish(
        &self,
        count: usize,
        content_type: &str,
        body: &str,
    ) -> Result<Answers> {
        let request = self.post(content_type, body);
        let publish = async || {
            let (mut connection, answer) = self.send(&request).await?;
            let mut sink = sink();
            let rest = timeout(test_timeout(), copy(&mut connection, &mut sink));
            // The hub may close the connection of a rejected body.
            let _ = rest.await.context("the answer does not end")?;
            Ok(((), answer))
        };
        Answers::collect((0..count).map(|_| publish())).await
    }

    /// Returns a request to publish. The hub closes the connection after its answer.
    pub(super) fn post(&self, content_type: &str, body: &str) -> Vec<u8> {
        let (token, length) = (&self.token, body.len());
        let request = format!(
            "POST /publish HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        request.into_bytes()
    }

    /// Publishes this number of events, to fill the log of the hub.
    pub(super) async fn fill(&self, events: usize) -> Result<()> {
        let topics: Vec<_> = (0..MAX_TOPICS)
            .map(|number| format!("\"full/{number}\""))
            .collect();
        let line = format!("{{\"topics\":[{}],\"data\":\"\"}}\n", topics.join(","));
        for _ in 0..events.div_ceil(1_000) {
            let body = line.repeat(events.min(1_000));
            let answers = self.publish(1, LINES, &body).await?;
            ensure!(answers.are_all("200"), "filling the log: {answers}");
        }
        Ok(())
    }

    /// Connects, subscribes and disconnects, `count` times.
    pub(super) async fn visit(&self, count: usize) -> Result<Answers> {
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
        let mut visits = visits.buffer_unordered(MAX_REQUESTS);
        while let Some(visit) = visits.next().await {
            visit?;
        }
        Ok(Answers::default())
    }

    /// Subscribes `count` times, each time to a new topic and without reading, and publishes large events there.
    pub(super) async fn stall(&self, count: usize) -> Result<Answers> {
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

    /// Opens `count` connections and sends half a head on each.
    pub(super) async fn leave_open(&self, count: usize) -> Result<Answers> {
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

    /// Sends many requests on each of `count` connections, until the hub reads no more.
    pub(super) async fn pipeline(&self, count: usize, requests: &[u8]) -> Result<Answers> {
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

/// Writes until the socket buffers are full.
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

/// Reads the status of a response, or returns how the connection ended without one.
async fn answer(input: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut start = [0; "HTTP/1.1 200".len()];
    match input.read_exact(&mut start).await {
        Ok(_) => String::from_utf8_lossy(&start["HTTP/1.1 ".len()..]).into_owned(),
        Err(error) => error.kind().to_string(),
    }
}

impl Answers {
    /// Runs requests, at most [`MAX_REQUESTS`] at a time. Keeps their other results, such as connections, until all are
    /// answered.
    async fn collect<T>(
        requests: impl Iterator<Item = impl Future<Output = Result<(T, String)>>>,
    ) -> Result<Self> {
        let mut requests = stream::iter(requests).buffer_unordered(MAX_REQUESTS);
        let (mut answers, mut kept) = (Self::default(), Vec::new());
        while let Some(answered) = requests.next().await {
            let (more, answer) = answered?;
            *answers.0.entry(answer).or_default() += 1;
            kept.push(more);
        }
        Ok(answers)
    }

    pub(super) fn append(&mut self, more: Self) {
        for (answer, count) in more.0 {
            *self.0.entry(answer).or_default() += count;
        }
    }

    fn are_all(&self, answer: &str) -> bool {
        self.0.keys().all(|key| key == answer)
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
