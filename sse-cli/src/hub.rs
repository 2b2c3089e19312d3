//! `sse hub`.
//!
//! # Map
//!
//! ```text
//!   Arguments (here) ── options.rs    groups of options; limits.rs: limits by open files
//!       │  config_file.rs  options of a file, before the command line is parsed
//!       │
//!   server.rs           state of the server; accepts connections, and closes them at shutdown
//!       │  listen.rs    addresses; activation.rs: sockets of the service manager
//!       │  listeners.rs sockets that listen; unix_socket.rs: their files
//!       │
//!   connections.rs      how a connection is served; protocol.rs: its first bytes
//!       │  tls.rs       certificate and handshake; http2.rs: streams of a connection, and their limits
//!       │  connection.rs  timeout of idle connections, detection of clients that are gone
//!       │  request_body.rs  bodies that are refused
//!   routes.rs           paths; access.rs: tokens; host.rs: Host; cors.rs: pages of other origins
//!       ├─ subscribe.rs GET /events ◀────────────────────── sse_hub::Hub ◀─┐
//!       ├─ publish.rs   POST /publish ── event_input.rs  parsing of a body ┤
//!       ├─ metrics.rs   GET /metrics          nats.rs   options of NATS ───┘
//!       ├─ openapi.rs   GET /openapi.json, with the descriptions that are next to the code of each route
//!       └─ debugger.rs  GET /debug, with its page in debugger/
//!          access_log.rs  a line of JSON for each request; log_file.rs: the thread that writes the lines
//!          response.rs  responses and refusals; suggestion.rs: the nearest known name
//!          cooperative.rs  yields to other tasks during long work
//! ```

mod access;
mod access_log;
mod activation;
pub(crate) mod config_file;
mod connection;
mod connections;
mod cooperative;
mod cors;
mod debugger;
mod event_input;
mod host;
mod http2;
mod limits;
mod listen;
mod listeners;
mod log_file;
mod mercure;
mod metrics;
#[cfg(feature = "nats")]
mod nats;
mod openapi;
mod options;
mod protocol;
mod publish;
mod request_body;
mod response;
mod routes;
mod server;
#[cfg(feature = "store")]
mod store;
mod subscribe;
mod suggestion;
mod tls;
#[cfg(unix)]
mod unix_socket;
#[cfg(test)]
mod yield_tests;

use core::{num::NonZero, ops::RangeInclusive, time::Duration};
use std::{
    env,
    path::PathBuf,
    sync::{Arc, OnceLock},
    thread,
};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum, builder::BoolishValueParser, value_parser};
use sse_hub::{Hub, HubConfig, IdFormat, LagPolicy};
use sse_hyper::{CloseEvent, StreamTracker};
use sse_reactor::Reactor;
use tokio::runtime;
use tracing::Level;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::{
    hub::{
        access_log::AccessLog,
        activation::PassedSocket,
        connections::ConnectionLimits,
        cors::CorsOptions,
        limits::Limits,
        listen::{Endpoint, ListenOptions},
        listeners::Listeners,
        mercure::Mercure,
        options::{AccessOptions, PING_TYPE, RetentionOptions, Secret, StreamOptions},
        publish::BodyMemory,
        server::Server,
    },
    parse, stdout,
};

/// Allowed reconnection times of events from NATS: with longer ones clients would stay away, and with shorter ones
/// they would reconnect all the time.
const EVENT_RETRY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

/// Run a server that sends each published event to all subscribers of its topics.
///
/// It serves HTTP/1.1 and HTTP/2, with TLS if it has a certificate. Without TLS, clients of HTTP/2 need
/// prior knowledge, as some proxies have. It keeps events in memory for clients that reconnect with
/// their last event ID.
///
///   GET  /events?topic=news&topic=orders/**[&lastEventId=ID][&newest=N][&earliest]   an event stream
///   POST /publish      one event, or many as lines of JSON; needs the publish token
///   GET  /healthz      200, or 503 and the reason
///   GET  /metrics      for Prometheus; see --metrics-token
///   GET  /openapi.json the description of these paths, unless --no-openapi is given
///   GET  /debug        a page that subscribes and publishes, with --debugger
///
/// A stream begins after the event with the last event ID, from the header or the query. Otherwise it
/// begins with all events that are kept (earliest), with the newest N, or with the next event. If that
/// is not possible, an event of the type `reset` comes first. The ID may also be spelled `lastEventID`,
/// `last-event-id` or `last_event_id`. Other parameters are refused.
///
/// A topic to subscribe to may be a pattern: `*` stands for one segment, and `**` at the end for one or
/// more. A pattern has at most 16 segments, and at most 4 of them are `*`.
///
/// A body of /publish depends on its Content-Type:
///
///   application/json                    {"topic" or "topics", "data"}, optionally with "type" and "key"
///   application/x-ndjson                one such object per line
///   application/x-www-form-urlencoded   the fields topic (may be repeated), data, type and key
///   text/plain                          the data; the other fields are in the query
///
/// The response has the ID of the event. These types are refused, also from NATS: closing, denied,
/// lagged, position and reset, which the hub sends, and error and open, which browsers use for the state
/// of the connection. A body has at most 8 times --max-event plus 64 KiB. The head of a request has at
/// most 32 KiB and 100 fields.
///
/// Every client that can reach the hub can subscribe, unless --subscribe-token is given. On a loopback
/// address, the hub refuses requests for other hosts. So a page in a browser on this machine cannot read
/// the events under a host name of its own. --allow-host names hosts that a proxy passes on. Over a Unix
/// socket, which no page can reach, any host is served. A request without a host, with two hosts, or with
/// an invalid host gets status 400.
///
/// The hub prints a line with the URL of each address when it listens. On SIGTERM and Ctrl-C, it sends an
/// event of the type `closing` to all streams, with a reconnection time of 1 to 10 s. Then it ends them,
/// and exits with code 0 after at most 5 s.
#[allow(
    rustdoc::broken_intra_doc_links,
    reason = "brackets mark optional parts"
)]
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(flatten)]
    listen: ListenOptions,
    #[command(flatten)]
    access: AccessOptions,
    #[command(flatten)]
    cors: CorsOptions,
    #[command(flatten)]
    mercure: mercure::MercureOptions,
    #[cfg(feature = "nats")]
    #[command(flatten)]
    nats: nats::NatsOptions,
    #[cfg(feature = "store")]
    #[command(flatten)]
    store: store::StoreOptions,
    #[command(flatten)]
    retention: RetentionOptions,
    /// Maximum number of subscribers at a time; further ones get status 503.
    #[arg(
        long,
        env = "SSE_HUB_MAX_SUBSCRIBERS",
        value_name = "N",
        default_value_t = 10_000,
        value_parser = options::at_least_one
    )]
    max_subscribers: usize,
    /// Maximum size of the data of an event.
    #[arg(
        long,
        env = "SSE_HUB_MAX_EVENT",
        value_name = "BYTES",
        default_value_t = 1024 * 1024,
        value_parser = options::at_least_one
    )]
    max_event: usize,
    /// Policy for subscribers that read too slowly.
    #[arg(
        long,
        env = "SSE_HUB_SLOW",
        value_name = "POLICY", value_enum,
        default_value_t = SlowPolicy::Disconnect
    )]
    slow: SlowPolicy,
    /// Maximum number of events by which a subscriber may lag; by default, the number of events that are kept.
    #[arg(
        long,
        env = "SSE_HUB_MAX_LAG",
        value_name = "N",
        value_parser = value_parser!(u64).range(1..)
    )]
    max_lag: Option<u64>,
    /// Close a connection, or a stream of HTTP/2, to which nothing can be written for this time. Pings detect clients of
    /// HTTP/2 that have vanished. On Linux, the system also closes a connection whose client acknowledges nothing for
    /// this time, or for 24 days if this is more.
    #[arg(
        long,
        env = "SSE_HUB_WRITE_TIMEOUT",
        value_name = "SECONDS",
        value_parser = parse::seconds,
        default_value = "60"
    )]
    write_timeout: Duration,
    /// Close a connection that has waited for its next request for this time. A proxy that keeps idle connections for
    /// longer gets errors from time to time. nginx and load balancers of AWS keep them for 60 s, Traefik for 90 s,
    /// Caddy for 2 minutes, and load balancers of Google for 10 minutes.
    #[arg(
        long,
        env = "SSE_HUB_IDLE_TIMEOUT",
        value_name = "SECONDS",
        value_parser = parse::seconds,
        default_value = "180"
    )]
    idle_timeout: Duration,

    #[command(flatten)]
    streams: StreamOptions,

    /// Keep the connections of streams in the HTTP server. By default, an event loop takes them over after the head of
    /// the response, and an idle stream needs much less memory. With TLS, HTTP/2 and Unix sockets, the HTTP server
    /// keeps them in any case.
    #[arg(long, env = "SSE_HUB_NO_HAND_OFF", value_parser = BoolishValueParser::new())]
    no_hand_off: bool,

    /// Do not send subscribers their position. By default, each stream begins with an event of the type "position".
    /// It is sent again while a subscriber gets no events and others do. So a client that loses its connection misses
    /// nothing, and its last event ID stays known.
    #[arg(long, env = "SSE_HUB_NO_POSITION", value_parser = BoolishValueParser::new())]
    no_position: bool,
    /// Key of 32 hexadecimal digits that seals event IDs: they cannot be read or forged without it. Plain IDs show a
    /// subscriber how much is published to others. All servers with the same events need the same key.
    ///
    /// Other users of this machine can see command lines, so set it in the environment instead.
    #[arg(
        long,
        value_name = "HEX",
        env = "SSE_HUB_ID_KEY",
        hide_env_values = true,
        value_parser = Secret(options::id_key)
    )]
    id_key: Option<[u8; 16]>,
    /// Level of the log on stderr: error, warn, info, debug or trace, also as target=level,…. Level debug logs each
    /// request, the reason of each refusal, and frames that no client may send. By default, the value of `RUST_LOG`, or
    /// info.
    #[arg(long, value_name = "LEVEL", env = "SSE_HUB_LOG")]
    log: Option<Targets>,
    /// File for a line of JSON about each request when its response ends, or `-` for stderr: stdout has the URL only.
    /// The path has no query, which may have tokens. The file is opened again on SIGHUP, as logrotate needs it.
    ///
    /// The line of a stream is written at its start, with "stream":"open". With --no-hand-off, and for HTTP/1.0, it is
    /// written at the end, with "stream":"ended". "remote" is the address of the connection: behind a proxy, it is
    /// that of the proxy. A path or a user agent is cut after 256 bytes. If the disk is slow, at most 4096 lines wait;
    /// `sse_hub_access_log_dropped_total` counts the others. Requests that are not valid HTTP have no line.
    #[arg(long, value_name = "FILE", env = "SSE_HUB_ACCESS_LOG")]
    access_log: Option<PathBuf>,
    /// Serve a page at /debug that subscribes and publishes. With --mercure, it speaks the Mercure protocol, and also
    /// lists the active subscriptions. It is for development: it needs the same tokens as other clients, but it shows
    /// strangers that there is a hub.
    #[arg(long, env = "SSE_HUB_DEBUGGER", value_parser = BoolishValueParser::new())]
    debugger: bool,
    /// Do not serve /openapi.json. The document describes the paths of this run for generators of clients and for tests,
    /// in OpenAPI 3.2. Every client can read it. It has no token and no event.
    #[arg(long, env = "SSE_HUB_NO_OPENAPI", value_parser = BoolishValueParser::new())]
    no_openapi: bool,
    /// File in TOML with options: keys are the names of the options without dashes, as in `max-subscribers = 10000`.
    /// An option that may be repeated takes an array, and one without a value takes true or false. The command line
    /// has precedence over the environment, and the environment over the file.
    ///
    /// An unknown key or an invalid value is an error with its line. Tokens may be in the file; other users should not
    /// be able to read it then.
    #[arg(long, value_name = "FILE", env = "SSE_HUB_CONFIG")]
    config: Option<PathBuf>,
}

/// Value of `--slow`; see [`LagPolicy`].
#[derive(Clone, Copy, ValueEnum)]
enum SlowPolicy {
    /// Send an event of the type `lagged` and end the stream; the client can reconnect to get what it missed.
    Disconnect,
    /// Send an event of the type `lagged` and continue with the newest event.
    Skip,
    /// Send only the latest event of each key, for state such as prices.
    Latest,
}

pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let passed = PassedSocket::take_all()?;
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        // Long bodies are parsed on these threads. More of them would take the cores from the other threads.
        .max_blocking_threads(cores.max(2))
        .build()
        .context("cannot start threads")?;
    let result = runtime.block_on(serve(arguments, passed));
    // Does not wait for blocking work that is still running.
    runtime.shutdown_background();
    result
}

async fn serve(arguments: Arguments, passed: Vec<PassedSocket>) -> Result<()> {
    let log = match arguments.log.clone() {
        Some(log) => log,
        None => log_from_env()?,
    };
    let to_stderr = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false);
    tracing_subscriber::registry()
        .with(to_stderr)
        .with(without_faults_of_clients(log))
        .init();
    if let Some(path) = &arguments.config {
        tracing::info!("using the options of {}", path.display());
    }
    let (write_timeout, idle_timeout) = (arguments.write_timeout, arguments.idle_timeout);
    let limits = Limits::new(arguments.max_subscribers);
    let endpoints = arguments.listen.endpoints(passed).await?;
    let tls = arguments.listen.tls.load()?;
    let server = arguments.server(&limits, &endpoints).await?;
    let listeners = Listeners::bind(endpoints)?;
    let shutdown = server::shutdown_signal().context("cannot wait for signals")?;
    #[cfg(unix)]
    if let Some(tls) = &tls {
        let reloads = Arc::clone(tls).reload_on_hangup();
        reloads.context("cannot wait for signals")?;
    }
    stdout::write(listeners.urls(tls.is_some()).as_bytes())?;
    let limits = ConnectionLimits {
        max: limits.connections,
        write_timeout,
        idle_timeout,
    };
    if server.debugger {
        tracing::warn!("--debugger serves the page /debug, which is for development");
    }
    let server = Arc::new(server);
    let result = server::run(listeners, tls, Arc::clone(&server), limits, shutdown).await;
    if let Some(log) = &server.access_log {
        log.flush().await;
    }
    server.storage.close().await;
    result
}

fn log_from_env() -> Result<Targets> {
    match env::var("RUST_LOG") {
        #[expect(clippy::disallowed_methods, reason = "the type says what is valid")]
        Ok(text) if !text.is_empty() => text.parse().context("RUST_LOG"),
        _ => Ok(Targets::new().with_default(Level::INFO)),
    }
}

/// Leaves out the warnings of `h2`, which are about frames that a client has sent, so that no client can fill the log.
/// Level debug has them, and so does a level for `h2`.
fn without_faults_of_clients(log: Targets) -> Targets {
    let is_short = log.default_level() <= Some(LevelFilter::INFO);
    if is_short && log.iter().all(|(target, _)| target != "h2") {
        log.with_target("h2", LevelFilter::ERROR)
    } else {
        log
    }
}

impl Arguments {
    async fn server(self, limits: &Limits, endpoints: &[Endpoint]) -> Result<Server> {
        let is_mercure = self.mercure.is_enabled();
        ensure!(
            !(is_mercure && self.access.has_tokens()),
            "--publish-token and --subscribe-token have no effect with --mercure, whose clients send access tokens"
        );
        let cors = self.cors.layer(is_mercure)?;
        if !self.access.has_subscribe_token() && self.cors.allows_any() && !is_mercure {
            tracing::warn!(
                "--allow-origin '*' without --subscribe-token: every page in every browser that \
                 reaches this hub can read all events"
            );
        }
        let access = self.access.access(endpoints, is_mercure)?;
        // Installed first, because the hub uses the recorder that is installed when it starts.
        let metrics = metrics::install()?;
        let reserved = event_input::OWN_TYPES
            .into_iter()
            .chain(event_input::BROWSER_TYPES);
        let ping_type = self.streams.ping.then_some(PING_TYPE);
        let mut config = HubConfig::new()
            .retention(self.retention.retention())
            .max_subscribers(limits.subscribers)
            .max_event_bytes(self.max_event)
            .reserved_event_types(reserved.chain(ping_type))
            .allowed_retry(EVENT_RETRY);
        config = config
            .position_events(!self.no_position)
            .gzip(self.streams.gzip);
        let ids = self.id_key.map_or_else(IdFormat::plain, IdFormat::sealed);
        let config = self.mercure.configure(config, ids, ping_type)?;
        let mut mercure = self.mercure.load().await?;
        let storage = self.storage()?;
        let access_log = self.access_log.as_deref().map(AccessLog::open);
        let streams = StreamTracker::new(self.streams.config());
        let reactor = match self.no_hand_off {
            true => None,
            false => Some(
                Reactor::with_write_timeout(streams.clone(), self.write_timeout)
                    .context("cannot start the event loop")?,
            ),
        };
        Ok(Server {
            hub: self.hub(config, &storage, mercure.as_mut())?,
            storage,
            reactor,
            streams,
            access,
            mercure: mercure.map(Arc::new),
            cors,
            metrics,
            access_log: access_log.transpose()?,
            openapi: (!self.no_openapi).then(OnceLock::new),
            sends_pings: self.streams.ping,
            debugger: self.debugger,
            body_memory: BodyMemory::default(),
            max_event: self.max_event,
            slow: self.slow.into(),
            max_lag: self.max_lag,
            close_event: match is_mercure {
                // The protocol has no events about streams.
                true => CloseEvent::default(),
                false => server::close_event(),
            },
        })
    }

    /// Returns a hub over NATS or over a file, or a hub in memory.
    #[allow(unused_variables, reason = "without NATS and without a file")]
    fn hub(
        &self,
        config: HubConfig,
        storage: &Storage,
        mercure: Option<&mut Mercure>,
    ) -> Result<Hub> {
        #[cfg(feature = "nats")]
        if self.nats.is_set() {
            let events = self.nats.events()?;
            if let Some(mercure) = mercure {
                mercure.join(&events);
            }
            return Ok(over_backend(config, events));
        }
        #[cfg(feature = "store")]
        if let Some(store) = &storage.0 {
            return Ok(over_backend(config, store.clone()));
        }
        Ok(Hub::new(config))
    }

    /// Opens the file that keeps the events, if there is one.
    #[cfg(feature = "store")]
    fn storage(&self) -> Result<Storage> {
        let store = self
            .store
            .open(self.mercure.is_enabled(), self.is_over_nats());
        store.map(Storage)
    }

    #[cfg(not(feature = "store"))]
    fn storage(&self) -> Result<Storage> {
        Ok(Storage::default())
    }

    #[cfg(all(feature = "nats", feature = "store"))]
    fn is_over_nats(&self) -> bool {
        self.nats.is_set()
    }

    #[cfg(all(not(feature = "nats"), feature = "store"))]
    fn is_over_nats(&self) -> bool {
        false
    }
}

/// Returns a hub over this backend. Must be called on the runtime.
#[cfg(any(feature = "nats", feature = "store"))]
fn over_backend(config: HubConfig, backend: impl sse_hub::Backend) -> Hub {
    let (hub, follow) = Hub::with_backend(config, Arc::new(backend));
    tokio::spawn(follow);
    hub
}

/// File that keeps the events, if there is one.
#[derive(Default)]
pub(crate) struct Storage(#[cfg(feature = "store")] Option<sse_hub_redb::RedbStore>);

impl Storage {
    /// Waits until all events are stored, and closes the file.
    async fn close(&self) {
        #[cfg(feature = "store")]
        if let Some(store) = &self.0 {
            store.close().await;
        }
    }
}

impl From<SlowPolicy> for LagPolicy {
    fn from(slow: SlowPolicy) -> Self {
        match slow {
            SlowPolicy::Disconnect => Self::Disconnect,
            SlowPolicy::Skip => Self::Skip,
            SlowPolicy::Latest => Self::Latest,
        }
    }
}
