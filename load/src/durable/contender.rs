//! A participant: its servers, its store and its publishers.

use std::{
    path::Path,
    process::{self, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use sse_hub::{Hub, HubConfig, Topic};
use sse_hub_nats::async_nats::{
    self,
    jetstream::{self, stream},
};
use sse_hub_redb::{RedbConfig, RedbStore};
use sse_hyper::Event;
use tempfile::TempDir;
use testkit::{
    hub_id::HubId,
    nats::{self, MAX_FILE_STORE},
    port,
};

use super::{EVENT_BYTES, HTTP2_CONNECTIONS, Participant, Plan};
use crate::{
    hub_publisher::{HubPublisher, PUBLISH_TOKEN, published_id},
    process::{ProcStat, Process},
};

/// Topic or subject of all events.
const TOPIC: &str = "bench";

/// Running participant, with an empty store.
pub(super) struct Contender {
    /// Publishers, each for one event at a time.
    pub(super) publishers: Vec<Publisher>,
    /// Servers in processes of their own.
    servers: Vec<Process>,
    /// Store in this process.
    store: Option<RedbStore>,
    folder: TempDir,
}

impl Contender {
    /// Starts the servers and connects the publishers.
    pub(super) async fn start(plan: &Plan<'_>, participant: Participant) -> Result<Self> {
        let mut contender = Self {
            publishers: Vec::new(),
            servers: Vec::new(),
            store: None,
            folder: TempDir::new_in(plan.folder)?,
        };
        match participant {
            Participant::Library => contender.open(RedbConfig::new(), plan)?,
            Participant::LibrarySlowRecovery => {
                contender.open(RedbConfig::new().fast_recovery(false), plan)?;
            }
            Participant::Http1 | Participant::Http2 => {
                let file = contender.folder.path().join("events.redb");
                let port = contender
                    .start_hub(plan, |hub| hub.arg("--store").arg(file))
                    .await?;
                contender.connect(plan, participant, port).await?;
            }
            Participant::Nats | Participant::NatsSync => {
                let url = contender.start_nats(participant).await?;
                let context = jetstream::new(async_nats::connect(url).await?);
                let stream = stream::Config {
                    name: TOPIC.to_owned(),
                    storage: stream::StorageType::File,
                    ..stream::Config::default()
                };
                context.create_stream(stream).await?;
                let publisher = || Publisher::Nats(context.clone());
                contender.publishers = (0..plan.publishers).map(|_| publisher()).collect();
            }
            Participant::HubNats | Participant::HubNatsSync => {
                let url = contender.start_nats(participant).await?;
                let port = contender
                    .start_hub(plan, |hub| hub.args(["--nats", &url]))
                    .await?;
                contender.connect(plan, participant, port).await?;
            }
        }
        Ok(contender)
    }

    /// Returns the processor time of the servers, or `None` if the store is in this process.
    pub(super) fn server_time(&self) -> Result<Option<Duration>> {
        if self.servers.is_empty() {
            return Ok(None);
        }
        let times = self.servers.iter().map(|server| server.stat().cpu_time());
        times.sum::<Result<_>>().map(Some)
    }

    /// Ends the servers and deletes the store.
    pub(super) async fn end(mut self) -> Result<()> {
        for server in &mut self.servers {
            server.check_health()?;
        }
        drop((self.publishers, self.servers));
        if let Some(store) = self.store {
            store.close().await;
        }
        self.folder.close()?;
        Ok(())
    }

    /// Opens a store in this process.
    fn open(&mut self, config: RedbConfig, plan: &Plan<'_>) -> Result<()> {
        let store = RedbStore::open(self.folder.path().join("events.redb"), config)?;
        let (hub, follow) = Hub::with_backend(HubConfig::new(), Arc::new(store.clone()));
        tokio::spawn(follow);
        let topic = Topic::new(TOPIC)?;
        let publisher = || Publisher::Hub(hub.clone(), topic.clone());
        self.publishers = (0..plan.publishers).map(|_| publisher()).collect();
        self.store = Some(store);
        Ok(())
    }

    /// Starts `sse hub` with its defaults and these options. Returns its port.
    async fn start_hub(
        &mut self,
        plan: &Plan<'_>,
        options: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<u16> {
        let port = port::free()?;
        let mut command = Command::new(plan.sse);
        command
            .arg("hub")
            .args(["--log", "error"])
            .stdout(Stdio::null())
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--publish-token", PUBLISH_TOKEN]);
        self.start_process(options(&mut command), port).await?;
        Ok(port)
    }

    /// Starts NATS, and returns its URL.
    async fn start_nats(&mut self, participant: Participant) -> Result<String> {
        let (port, folder) = (port::free()?, self.folder.path());
        let config = match participant.needs_nats_sync() {
            true => sync_config(folder),
            false => String::new(),
        };
        let mut command = nats::command(port, folder, &config)?;
        self.start_process(&mut command, port).await?;
        Ok(format!("nats://127.0.0.1:{port}"))
    }

    async fn start_process(&mut self, command: &mut Command, port: u16) -> Result<()> {
        let mut server = Process::start(command)?;
        let listening = server.wait_until_listening(port).await;
        listening.with_context(|| format!("{command:?}"))?;
        self.servers.push(server);
        Ok(())
    }

    /// Connects publishers to `sse hub`.
    async fn connect(
        &mut self,
        plan: &Plan<'_>,
        participant: Participant,
        port: u16,
    ) -> Result<()> {
        if participant == Participant::Http2 {
            for index in 0..HTTP2_CONNECTIONS {
                let share = plan.publishers * (index + 1) / HTTP2_CONNECTIONS
                    - plan.publishers * index / HTTP2_CONNECTIONS;
                let connection = HubPublisher::connect_http2(port, share).await?;
                self.publishers
                    .extend(connection.into_iter().map(Publisher::Http));
            }
        } else {
            for _ in 0..plan.publishers {
                let connection = HubPublisher::connect(port).await?;
                self.publishers.push(Publisher::Http(connection));
            }
        }
        Ok(())
    }
}

/// Returns the processor time of this process.
pub(super) fn own_time() -> Result<Duration> {
    ProcStat(process::id()).cpu_time()
}

/// Returns a text for the configuration file of NATS: it synchronizes each event before it acknowledges it.
///
/// It replaces the section of [`nats::command`].
pub(super) fn sync_config(folder: &Path) -> String {
    format!(
        "jetstream {{ store_dir: {folder:?}, max_file_store: {MAX_FILE_STORE}, sync_interval: always }}"
    )
}

/// Publisher of one event at a time.
pub(super) enum Publisher {
    /// Hub in this process, and the topic.
    Hub(Hub, Topic),
    /// Connection to `sse hub`.
    Http(HubPublisher),
    /// Connection to NATS, which all publishers share.
    Nats(jetstream::Context),
}

impl Publisher {
    /// Publishes an event, and returns its sequence when it is stored.
    pub(super) async fn publish(&mut self) -> Result<u64> {
        const DATA: [u8; EVENT_BYTES] = [b'x'; EVENT_BYTES];
        match self {
            Self::Hub(hub, topic) => {
                let data = str::from_utf8(&DATA)?.to_owned();
                let id = hub.publish((&*topic, Event::new(data))).await?;
                Ok(HubId::parse(id.as_str())?.number())
            }
            Self::Http(connection) => {
                let response = connection.publish(TOPIC, &DATA[..]).await?;
                Ok(published_id(&response)?.number())
            }
            Self::Nats(context) => {
                let stored = context.publish(TOPIC, DATA[..].to_vec().into()).await?;
                Ok(stored.await?.sequence)
            }
        }
    }

    /// Waits until an event can be published.
    pub(super) async fn wait_until_ready(&mut self) -> Result<()> {
        if let Self::Http(connection) = self {
            anyhow::ensure!(
                connection.is_ready().await,
                "the hub has closed a connection"
            );
        }
        Ok(())
    }
}
