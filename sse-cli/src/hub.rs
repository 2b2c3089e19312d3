//! `sse hub`.
//!
//! # Map
//!
//! ```text
//!   Arguments (here) ── options.rs    groups of options; limits.rs: limits by open files
//!       │
//!   server.rs           state of the server; listens, accepts connections, and closes them at shutdown
//!       │  connection.rs  timeout of idle connections, detection of clients that are gone, bodies of requests
//!   routes.rs           paths; access.rs: tokens; host.rs: Host; cors.rs: pages of other origins
//!       ├─ subscribe.rs GET /events ◀────────────────────── sse_hub::Hub ◀─┐
//!       ├─ publish.rs   POST /publish ── event_input.rs  parsing of a body ┤
//!       └─ metrics.rs   GET /metrics          nats.rs   options of NATS ───┘
//!          response.rs  responses and refusals
//!          cooperative.rs  yields to other tasks during long work
//! ```

mod access;
mod connection;
mod cooperative;
mod cors;
mod event_input;
mod host;
mod limits;
mod metrics;
#[cfg(feature = "nats")]
mod nats;
mod options;
mod publish;
mod response;
mod routes;
mod server;
mod subscribe;
#[cfg(test)]
mod yield_tests;

use core::{net::SocketAddr, num::NonZero, ops::RangeInclusive, time::Duration};
use std::{env, sync::Arc, thread};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum, builder::BoolishValueParser, value_parser};
use sse_hub::{Hub, HubConfig, IdFormat, LagPolicy};
use sse_hyper::StreamTracker;
use sse_reactor::Reactor;
use tokio::runtime;
use tracing::Level;
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    hub::{
        cors::CorsOptions,
        limits::Limits,
        options::{AccessOptions, PING_TYPE, RetentionOptions, Secret, StreamOptions},
        publish::BodyMemory,
        server::{ConnectionLimits, ListenAddress, Listeners, Server},
    },
    parse, stdout,
};

/// Allowed reconnection times of events from NATS: with longer ones clients would stay away, and with shorter ones
/// they would reconnect all the time.
const EVENT_RETRY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

/// Run a server that sends each published event to all subscribers of its topics.
///
/// It serves HTTP/1.1; for TLS and HTTP/2, use a proxy. It keeps events in memory for clients that
/// reconnect with their last event ID.
///
///   GET  /events?topic=news&topic=orders/**[&lastEventId=ID][&newest=N][&earliest]   an event stream
///   POST /publish      one event, or many as lines of JSON; needs the publish token
///   GET  /healthz      200, or 503 and the reason
///   GET  /metrics      for Prometheus; see --metrics-token
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
/// the events under a host name of its own. --allow-host names hosts that a proxy passes on. A request
/// without a host, with two hosts, or with an invalid host gets status 400.
///
/// The hub prints its URL when it listens. On SIGTERM and Ctrl-C, it sends an event of the type
/// `closing` to all streams, with a reconnection time of 1 to 10 s. Then it ends them, and exits with
/// code 0 after at most 5 s.
#[allow(
    rustdoc::broken_intra_doc_links,
    reason = "brackets mark optional parts"
)]
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// Address to listen on: an IP address or a host name, and a port. Port 0 is any free port. For a name, the hub
    /// listens on all of its addresses.
    ///
    /// If one of the addresses is not a loopback address, --publish-token is required.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SSE_HUB_LISTEN",
        value_parser = ListenAddress::parse,
        default_value = "127.0.0.1:8080"
    )]
    listen: ListenAddress,
    #[command(flatten)]
    access: AccessOptions,
    #[command(flatten)]
    cors: CorsOptions,
    #[cfg(feature = "nats")]
    #[command(flatten)]
    nats: nats::NatsOptions,
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
    /// Close a connection to which nothing can be written for this time. On Linux, the system also closes a connection
    /// whose client acknowledges nothing for this time, or for 24 days if this is more.
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
    /// the response, and an idle stream needs much less memory.
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
    /// request and the reason of each refusal. By default, the value of `RUST_LOG`, or info.
    #[arg(long, value_name = "LEVEL", env = "SSE_HUB_LOG")]
    log: Option<Targets>,
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
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        // Long bodies are parsed on these threads. More of them would take the cores from the other threads.
        .max_blocking_threads(cores.max(2))
        .build()
        .context("cannot start threads")?;
    let result = runtime.block_on(serve(arguments));
    // Does not wait for blocking work that is still running.
    runtime.shutdown_background();
    result
}

async fn serve(arguments: Arguments) -> Result<()> {
    let log = match arguments.log.clone() {
        Some(log) => log,
        None => log_from_env()?,
    };
    let to_stderr = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false);
    tracing_subscriber::registry()
        .with(to_stderr)
        .with(log)
        .init();
    let (write_timeout, idle_timeout) = (arguments.write_timeout, arguments.idle_timeout);
    let limits = Limits::new(arguments.max_subscribers);
    let addresses = arguments.listen.resolve().await?;
    let server = arguments.server(&limits, &addresses)?;
    let listeners = Listeners::bind(&addresses)?;
    let shutdown = server::shutdown_signal().context("cannot wait for signals")?;
    stdout::write(format!("http://{}/\n", listeners.local_addr()?).as_bytes())?;
    let limits = ConnectionLimits {
        max: limits.connections,
        write_timeout,
        idle_timeout,
    };
    server::run(listeners, Arc::new(server), limits, shutdown).await
}

fn log_from_env() -> Result<Targets> {
    match env::var("RUST_LOG") {
        #[expect(clippy::disallowed_methods, reason = "the type says what is valid")]
        Ok(text) if !text.is_empty() => text.parse().context("RUST_LOG"),
        _ => Ok(Targets::new().with_default(Level::INFO)),
    }
}

impl Arguments {
    fn server(self, limits: &Limits, addresses: &[SocketAddr]) -> Result<Server> {
        let cors = self.cors.layer()?;
        if !self.access.has_subscribe_token() && self.cors.allows_any() {
            tracing::warn!(
                "--allow-origin '*' without --subscribe-token: every page in every browser that \
                 reaches {} can read all events",
                self.listen
            );
        }
        let access = self.access.access(&self.listen, addresses)?;
        // Installed first, because the hub uses the recorder that is installed when it starts.
        let metrics = metrics::install()?;
        let reserved = event_input::OWN_TYPES
            .into_iter()
            .chain(event_input::BROWSER_TYPES);
        let mut config = HubConfig::new()
            .retention(self.retention.retention())
            .max_subscribers(limits.subscribers)
            .max_event_bytes(self.max_event)
            .reserved_event_types(reserved.chain(self.streams.ping.then_some(PING_TYPE)))
            .allowed_retry(EVENT_RETRY);
        config = config
            .position_events(!self.no_position)
            .gzip(self.streams.gzip);
        if let Some(key) = self.id_key {
            config = config.id_format(IdFormat::sealed(key));
        }
        let streams = StreamTracker::new(self.streams.config());
        let reactor = match self.no_hand_off {
            true => None,
            false => Some(
                Reactor::with_write_timeout(streams.clone(), self.write_timeout)
                    .context("cannot start the event loop")?,
            ),
        };
        Ok(Server {
            hub: self.hub(config)?,
            reactor,
            streams,
            access,
            cors,
            metrics,
            body_memory: BodyMemory::default(),
            max_event: self.max_event,
            slow: self.slow.into(),
            max_lag: self.max_lag,
        })
    }

    #[cfg(feature = "nats")]
    fn hub(&self, config: HubConfig) -> Result<Hub> {
        self.nats.hub(config)
    }

    #[cfg(not(feature = "nats"))]
    fn hub(&self, config: HubConfig) -> Result<Hub> {
        Ok(Hub::new(config))
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
