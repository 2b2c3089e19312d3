//! A NATS server of a test's own, hubs over it, and what their subscribers get.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::{
    env,
    ffi::OsString,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::StreamExt as _;
use sse_hub::{Events, Hub, Retention, Selection};
use sse_hub_nats::{JetStream, Settings};
use sse_proto::{Event, EventId};
use tempfile::TempDir;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

/// How long anything may take before it counts as not happening.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// A server with JetStream, in a folder of its own.
pub(crate) struct Nats {
    pub(crate) port: u16,
    folder: TempDir,
    server: Option<Child>,
    cluster: Vec<String>,
}

impl Nats {
    pub(crate) fn start() -> Result<Self> {
        let mut nats = Self::down()?;
        nats.up()?;
        Ok(nats)
    }

    /// One that is not started yet.
    pub(crate) fn down() -> Result<Self> {
        Ok(Self {
            port: free_port()?,
            folder: TempDir::new()?,
            server: None,
            cluster: Vec::new(),
        })
    }

    /// Three of them, that know of each other.
    pub(crate) fn cluster() -> Result<[Self; 3]> {
        let mut cluster = [Self::down()?, Self::down()?, Self::down()?];
        let mut routes = Vec::new();
        for _ in &cluster {
            routes.push(format!("nats://127.0.0.1:{}", free_port()?));
        }
        for (nats, route) in cluster.iter_mut().zip(&routes) {
            let (name, routes) = (nats.name(), routes.join(","));
            let arguments = [
                "--name",
                &name,
                "--cluster_name",
                "three",
                "--cluster",
                route,
            ];
            nats.cluster = [&arguments[..], &["--routes", &routes]]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .collect();
        }
        for nats in &mut cluster {
            nats.up()?;
        }
        Ok(cluster)
    }

    /// Its name in a cluster.
    pub(crate) fn name(&self) -> String {
        format!("nats-{}", self.port)
    }

    /// Starts it, on the same port and with the same files each time.
    pub(crate) fn up(&mut self) -> Result<()> {
        let program = program();
        let mut command = Command::new(&program);
        command
            .args([
                "-js",
                "-a",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-sd",
            ])
            .arg(self.folder.path())
            .args(&self.cluster)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = command.spawn().with_context(|| {
            format!("cannot run {program:?}: install it (Debian and Ubuntu: apt-get install nats-server)")
        })?;
        let server = self.server.insert(server);
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = server.try_wait()? {
                bail!("{program:?} has ended: {status}");
            }
            ensure!(start.elapsed() < PATIENCE, "{program:?} does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn stream(&self, settings: Settings) -> JetStream {
        JetStream::connect(self.url(), settings).unwrap()
    }

    /// A node: a hub with a connection of its own.
    pub(crate) fn node(&self) -> Hub {
        self.node_with(Settings::default(), Retention::default())
    }

    pub(crate) fn node_with(&self, settings: Settings, retention: Retention) -> Hub {
        let settings_of_hub = sse_hub::Settings::new().with_retention(retention);
        let stream = Arc::new(self.stream(settings));
        let (hub, follow) = Hub::with_backend(settings_of_hub, stream);
        tokio::spawn(follow);
        hub
    }

    /// A client for what no hub does.
    pub(crate) async fn client(&self) -> async_nats::jetstream::Context {
        let client = async_nats::connect(self.url()).await;
        async_nats::jetstream::new(client.unwrap())
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `NATS_SERVER`, or that of Debian, which is not on everyone's path.
fn program() -> OsString {
    let debian = "/usr/sbin/nats-server";
    env::var_os("NATS_SERVER").unwrap_or_else(|| {
        let name = if Path::new(debian).exists() {
            debian
        } else {
            "nats-server"
        };
        name.into()
    })
}

/// Not one of those that the kernel gives to clients: while the server is dead, nobody is to take it.
fn free_port() -> Result<u16> {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let start = 10_000 + u16::try_from(std::process::id() % 20_000)?;
    let start = start + rand();
    let port = (start..start + 100).find(free);
    port.with_context(|| format!("no free port behind {start}"))
}

/// Another number for each test of a process.
fn rand() -> u16 {
    use std::sync::atomic::{AtomicU16, Ordering};

    static COUNT: AtomicU16 = AtomicU16::new(0);
    COUNT.fetch_add(100, Ordering::Relaxed)
}

/// Waits until a hub is connected, or is not.
pub(crate) async fn connected(hub: &Hub, is_connected: bool) {
    let wait = async {
        while hub.is_connected() != is_connected {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = timeout(PATIENCE, wait).await;
    waited.unwrap_or_else(|_| panic!("is_connected does not become {is_connected}"));
}

pub(crate) fn all(hub: &Hub, after: Option<&EventId>) -> Events {
    hub.subscribe(Selection::all(), after).unwrap().events()
}

/// The next event. None may take long.
pub(crate) async fn next(events: &mut Events) -> Event {
    let event = timeout(PATIENCE, events.next()).await;
    event.expect("nothing comes").expect("it ends")
}

/// The data of so many events.
pub(crate) async fn texts(events: &mut Events, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for _ in 0..count {
        texts.push(next(events).await.data().to_owned());
    }
    texts
}

pub(crate) fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|it| it.to_string()).collect()
}

/// Publishes numbered events.
pub(crate) async fn publish(hub: &Hub, range: std::ops::Range<usize>) -> Vec<EventId> {
    let mut ids = Vec::new();
    for number in range {
        ids.push(
            hub.publish(topic(), Event::new(number.to_string()))
                .await
                .unwrap(),
        );
    }
    ids
}

/// Has both read all events behind the first of so many, with another subscription now and then, so that
/// there is something to replay.
pub(crate) fn read_all(
    hubs: [&Hub; 2],
    first: &EventId,
    events: usize,
    at_once: usize,
) -> Vec<JoinHandle<()>> {
    let read = |hub: &Hub| {
        let (hub, mut last) = (hub.clone(), first.clone());
        tokio::spawn(async move {
            let mut got = Vec::new();
            while got.len() < events - 1 {
                let mut following = all(&hub, Some(&last));
                for _ in 0..at_once.min(events - 1 - got.len()) {
                    let event = next(&mut following).await;
                    last = event.id().unwrap().clone();
                    got.push(event.data().to_owned());
                }
                drop(following);
                sleep(Duration::from_millis(100)).await;
            }
            assert_eq!(got, numbers(1..events));
        })
    };
    hubs.map(read).into()
}

pub(crate) fn topic() -> sse_hub::Topic {
    sse_hub::Topic::new("news").unwrap()
}

impl Nats {
    /// Sends a signal to the server.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.server.as_ref().map_or(0, Child::id).to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(sent.is_ok_and(|it| it.success()), "kill -{name} {id}");
    }
}

/// Publishes a message with these bytes for headers, as no client would.
pub(crate) async fn publish_raw(nats: &Nats, subject: &str, headers: &[u8], payload: &[u8]) {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

    let mut connection = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, nats.port))
        .await
        .unwrap();
    let (size, total) = (headers.len(), headers.len() + payload.len());
    let connect = "CONNECT {\"verbose\":false,\"headers\":true}\r\n";
    let mut message = format!("{connect}HPUB {subject} {size} {total}\r\n").into_bytes();
    message.extend_from_slice(headers);
    message.extend_from_slice(payload);
    message.extend_from_slice(b"\r\nPING\r\n");
    connection.write_all(&message).await.unwrap();
    let mut lines = BufReader::new(connection).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        assert!(!line.starts_with("-ERR"), "{line}");
        if line == "PONG" {
            return;
        }
    }
    panic!("no PONG");
}
