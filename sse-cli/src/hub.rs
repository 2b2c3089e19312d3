//! `sse hub`.
//!
//! # Map
//!
//! ```text
//!   Arguments (here) ── limits.rs      how many the machine can take; secret.rs: options that no error repeats
//!       │               listen.rs      where it listens; keep.rs: how much is kept; stream_options.rs: what all
//!       │                              streams have in common
//!       │
//!   serve.rs            connections: accepted, given up, and ended with the server
//!       │  connection.rs  how long one waits, and what is left of a client that has closed its side
//!       │  incoming.rs  the body of a request, read to its end whoever wants it
//!   paths.rs            which path it is; who asks: access.rs, access_options.rs; and for which host: host.rs
//!       │               and for pages of which origins: cors.rs, origin.rs
//!       ├─ events.rs    GET /events     query.rs      ◀── sse_hub::Hub ──┐
//!       ├─ publish.rs   POST /publish  ── draft.rs    what a body says  ─┘
//!       └─ metrics.rs   GET /metrics                   nats.rs  where other machines have it from
//!          answer.rs    what all of them answer, from what is in server.rs
//!          turn.rs      how they let each other run
//! ```

mod access;
mod access_options;
mod answer;
mod body_memory;
mod connection;
mod cors;
mod draft;
mod events;
mod host;
mod incoming;
mod keep;
mod limits;
mod listen;
mod metrics;
#[cfg(feature = "nats")]
mod nats;
mod origin;
mod paths;
mod publish;
mod query;
mod secret;
mod serve;
mod server;
mod stream_options;
mod turn;
#[cfg(test)]
mod yield_tests;

use core::{net::SocketAddr, num::NonZero, ops::RangeInclusive, time::Duration};
use std::{env, sync::Arc, thread};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum, builder::BoolishValueParser, value_parser};
use sse_hub::{Hub, Ids, Settings, Slow};
use tokio::runtime;
use tracing::Level;
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    hub::{
        access_options::AccessOptions,
        cors::Cors,
        keep::Keep,
        limits::Limits,
        listen::{Address, Listeners},
        secret::Secret,
        serve::Connections,
        server::Server,
        stream_options::{PING_TYPE, StreamOptions},
    },
    seconds, stdout,
};

/// Which reconnection times an event from NATS may have: none that keeps clients away, or has them ask all the time.
const EVENT_RETRY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

/// Take events from those who publish to all who subscribe.
///
/// It serves HTTP/1.1, for a proxy to put TLS and HTTP/2 before, and keeps events in memory for clients
/// that come back with the ID of the last one that they saw.
///
///   GET  /events?topic=news&topic=orders/**[&lastEventId=ID][&newest=N][&earliest]   an event stream
///   POST /publish      one event, or many as lines of JSON; needs the publish token
///   GET  /healthz      200, or 503 and why
///   GET  /metrics      for Prometheus; see --metrics-token
///
/// A stream begins after the event with the last event ID, by the header or by the query; otherwise with all events
/// that are kept (earliest), with the newest N, or now. An event of the type `reset` comes first if that is not
/// possible. The ID may also be spelled `lastEventID`, `last-event-id` or `last_event_id`.
/// Other parameters are refused.
///
/// In a topic to subscribe to, `*` stands for one segment, and `**` at its end for one or more. Such a
/// pattern has at most 16 segments, of which at most 4 are `*`.
///
/// An event to publish is JSON, {"topic" or "topics", "data", "type", "key"}, of which the last two may be
/// left out; or such lines as application/x-ndjson; or a form with fields of the same names; or text/plain,
/// which is the data, with the rest in the query. The answer has its ID. The types closing, denied, lagged
/// and reset are the hub's own, and error and open those of a browser's connection: they are refused, as they
/// are from NATS. A body may be 8 times as long as an event, and 64 KiB. The head of a request may have 32 KiB
/// and 100 fields.
///
/// Whoever can reach it can subscribe, unless there is --subscribe-token. While it listens on a loopback
/// address, it refuses requests for other hosts than that, so that no page in a browser of this machine
/// gets at the events under a name of its own; --allow-host names those that a proxy passes on. A request
/// that names no host, two, or a wrong one, gets status 400.
///
/// It prints its URL once it listens. On SIGTERM and ctrl-c, it tells all streams, with an event of the
/// type `closing`, to come back in 1 to 10 s, ends them, and exits with 0 after at most 5 s.
#[allow(
    rustdoc::broken_intra_doc_links,
    reason = "brackets are what may be left out"
)]
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The address to listen on: an IP address or the name of a host, and a port, of which 0 is any that is free. A
    /// name stands for all of its addresses.
    ///
    /// If one of them is not a loopback address, --publish-token has to be given.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SSE_HUB_LISTEN",
        value_parser = Address::parse,
        default_value = "127.0.0.1:8080"
    )]
    listen: Address,
    #[command(flatten)]
    access: AccessOptions,
    #[command(flatten)]
    cors: Cors,
    #[cfg(feature = "nats")]
    #[command(flatten)]
    nats: nats::Nats,
    #[command(flatten)]
    keep: Keep,
    /// How many may subscribe at a time; the next one gets status 503.
    #[arg(
        long,
        env = "SSE_HUB_MAX_SUBSCRIBERS",
        value_name = "N",
        default_value_t = 10_000,
        value_parser = limits::at_least_one
    )]
    max_subscribers: usize,
    /// How long the data of an event may be.
    #[arg(
        long,
        env = "SSE_HUB_MAX_EVENT",
        value_name = "BYTES",
        default_value_t = 1024 * 1024,
        value_parser = limits::at_least_one
    )]
    max_event: usize,
    /// What happens to a subscriber that reads too slowly.
    #[arg(
        long,
        env = "SSE_HUB_SLOW",
        value_name = "WHAT", value_enum,
        default_value_t = WhenSlow::Disconnect
    )]
    slow: WhenSlow,
    /// By how many events a subscriber may be behind; by default, by as many as are kept.
    #[arg(
        long,
        env = "SSE_HUB_MAX_LAG",
        value_name = "N",
        value_parser = value_parser!(u64).range(1..)
    )]
    max_lag: Option<u64>,
    /// Give up a connection that takes nothing for so long. Linux itself gives up a client that acknowledges
    /// nothing for so long, or for 24 days if this is more.
    #[arg(
        long,
        env = "SSE_HUB_WRITE_TIMEOUT",
        value_name = "SECONDS",
        value_parser = seconds::parse,
        default_value = "60"
    )]
    write_timeout: Duration,
    /// Close a connection that has waited for its next request for this time. A proxy that keeps connections for
    /// longer gets errors from time to time: nginx and load balancers of AWS keep them for 60 s, Traefik for 90 s,
    /// Caddy for 2 minutes, and load balancers of Google for 10 minutes.
    #[arg(
        long,
        env = "SSE_HUB_IDLE_TIMEOUT",
        value_name = "SECONDS",
        value_parser = seconds::parse,
        default_value = "180"
    )]
    idle_timeout: Duration,

    #[command(flatten)]
    streams: StreamOptions,

    /// Do not tell subscribers their position. By default, an event of the type "position" comes first, and again
    /// while a subscriber is quiet and others are not, so that a client that loses its connection misses nothing and
    /// its last event ID stays one that is known.
    #[arg(long, env = "SSE_HUB_NO_POSITION", value_parser = BoolishValueParser::new())]
    no_position: bool,
    /// Give IDs that nobody can read or make up without this key, of 32 hexadecimal digits: plain ones tell
    /// a subscriber how much is published to others. All servers with the same events need the same key.
    ///
    /// Better in the environment, too.
    #[arg(
        long,
        value_name = "HEX",
        env = "SSE_HUB_ID_KEY",
        hide_env_values = true,
        value_parser = Secret(access::key)
    )]
    id_key: Option<[u8; 16]>,
    /// Level of the log on stderr: error, warn, info, debug or trace, also as target=level,…; with debug, each request and
    /// the reason of each refusal. By default, what `RUST_LOG` says, or info.
    #[arg(long, value_name = "LEVEL", env = "SSE_HUB_LOG")]
    log: Option<Targets>,
}

/// [`Slow`] on the command line.
#[derive(Clone, Copy, ValueEnum)]
enum WhenSlow {
    /// It is told, and its stream ends; it may come back for what it has missed.
    Disconnect,
    /// It is told, and goes on with the newest event.
    Skip,
    /// It gets only the latest event of each key, for state such as prices.
    Latest,
}

pub(crate) fn run(arguments: Arguments) -> Result<()> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = runtime::Builder::new_multi_thread()
        .enable_all()
        // Long bodies are read there, and the other threads shall have their share of the cores.
        .max_blocking_threads(cores.max(2))
        .build()
        .context("cannot start threads")?;
    let result = runtime.block_on(serve(arguments));
    // What is under way then ends with the process.
    runtime.shutdown_background();
    result
}

async fn serve(arguments: Arguments) -> Result<()> {
    let log = match arguments.log.clone() {
        Some(log) => log,
        None => log_of_environment()?,
    };
    let to_stderr = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false);
    tracing_subscriber::registry()
        .with(to_stderr)
        .with(log)
        .init();
    let (write_timeout, idle_timeout) = (arguments.write_timeout, arguments.idle_timeout);
    let limits = Limits::of(arguments.max_subscribers);
    let addresses = arguments.listen.resolve().await?;
    let server = arguments.server(&limits, &addresses)?;
    let listeners = Listeners::bind(&addresses).await?;
    let ends = serve::asked_to_end().context("cannot wait for signals")?;
    stdout::write(format!("http://{}/\n", listeners.local_addr()?).as_bytes())?;
    let connections = Connections {
        max: limits.connections,
        write_timeout,
        idle_timeout,
    };
    serve::run(listeners, Arc::new(server), connections, ends).await;
    Ok(())
}

fn log_of_environment() -> Result<Targets> {
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
        // Before the hub, which counts for whoever is there.
        let metrics = metrics::install()?;
        let reserved = draft::OWN_TYPES.into_iter().chain(draft::BROWSER_TYPES);
        let mut settings = Settings::new()
            .with_retention(self.keep.retention())
            .with_max_subscribers(limits.subscribers)
            .with_max_event(self.max_event)
            .with_reserved_types(reserved.chain(self.streams.ping.then_some(PING_TYPE)))
            .with_event_retry(EVENT_RETRY);
        settings = settings.with_position(!self.no_position);
        if let Some(key) = self.id_key {
            settings = settings.with_ids(Ids::sealed(key));
        }
        Ok(Server {
            hub: self.hub(settings)?,
            streams: sse_hyper::Streams::new(self.streams.settings()),
            access,
            cors,
            metrics,
            body_memory: body_memory::BodyMemory::default(),
            max_event: self.max_event,
            slow: self.slow.into(),
            max_lag: self.max_lag,
        })
    }

    #[cfg(feature = "nats")]
    fn hub(&self, settings: Settings) -> Result<Hub> {
        self.nats.hub(settings)
    }

    #[cfg(not(feature = "nats"))]
    fn hub(&self, settings: Settings) -> Result<Hub> {
        Ok(Hub::new(settings))
    }
}

impl From<WhenSlow> for Slow {
    fn from(slow: WhenSlow) -> Self {
        match slow {
            WhenSlow::Disconnect => Self::Disconnect,
            WhenSlow::Skip => Self::Skip,
            WhenSlow::Latest => Self::Latest,
        }
    }
}
