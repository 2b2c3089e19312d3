//! Runs the load tests of servers and clients, and the soak tests.

use std::{path::Path, process::Command};

use anyhow::Result;
use clap::Args;

use crate::{
    run::{cargo, run, target},
    setup, whole,
};

/// Path of nchan, nginx's module for event feeds, on Debian.
const NCHAN_PATH: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// Version of the server of durable-streams whose memory is measured.
const DURABLE_STREAMS_VERSION: &str = "0.1.5";

/// Prints the tables of the servers. The arguments are for the program that measures.
pub(crate) fn servers(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    run(table("servers", arguments))
}

/// Prints the tables of the clients.
pub(crate) fn clients(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    run(table("clients", arguments))
}

/// Prints the tables of one feed with many subscribers. nginx, and the server of durable-streams, are among them.
pub(crate) fn hub(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    nchan()?;
    let peer = setup::peer(
        "durable-streams",
        "durable-streams-server",
        DURABLE_STREAMS_VERSION,
    )?;
    let mut table = table("hub", arguments);
    run(table.env("DURABLE_STREAMS", peer))
}

/// Prints the tables of stores of events with many publishers. NATS is among them.
pub(crate) fn store(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    nats()?;
    run(table("durable", arguments))
}

/// Prints the tables of the Mercure protocol: its cost, and routing by patterns.
pub(crate) fn mercure(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    run(table("mercure", arguments))
}

/// Attacks the hub and the client with hostile requests, floods and bombs.
pub(crate) fn attack(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    run(table("attack", arguments))
}

fn table(program: &str, arguments: impl IntoIterator<Item = String>) -> Command {
    let mut table = cargo(&format!("run --release --package load --bin {program} --"));
    table.args(arguments);
    table
}

/// Options of a soak test.
#[derive(Args)]
pub(crate) struct Soak {
    /// Test a server of sse-hyper with many clients that connect, stall, disconnect and resume.
    #[arg(long, required_unless_present_any = ["client", "hub", "store"])]
    server: bool,
    /// Test the client sse-source, while its server is killed and started again.
    #[arg(long, conflicts_with_all = ["server", "hub"])]
    client: bool,
    /// Test two nodes of sse-hub over NATS, while each of the three is killed and clients change nodes.
    #[arg(long, conflicts_with = "server")]
    hub: bool,
    /// Test the command `sse hub --store` with many publishers and subscribers, while it is killed many times.
    #[arg(long, conflicts_with_all = ["server", "client", "hub"])]
    store: bool,
    /// Duration of the test of the server, in seconds.
    #[arg(long, default_value_t = 600, conflicts_with_all = ["client", "hub", "store"])]
    seconds: u64,
    /// Number of clients at the same time: 2000 by default, or 1000 with `--hub`. With `--store`, number of publishers:
    /// 200 by default.
    #[arg(long, conflicts_with = "client")]
    clients: Option<u64>,
    /// Number of times that the client's server is killed, or with `--store`, the hub.
    #[arg(long, default_value_t = 200, conflicts_with_all = ["server", "hub"])]
    restarts: u64,
    /// Number of events that the client's server sends in total; with `--hub`, that each client gets; with `--store`, that
    /// are acknowledged at least.
    #[arg(long, default_value_t = 100_000, conflicts_with = "server")]
    events: u64,
    /// Let the client use HTTP/2.
    #[arg(long, conflicts_with_all = ["server", "hub", "store"])]
    http2: bool,
    /// Seed of all random decisions.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Soak {
    /// Runs the test and returns an error if it fails.
    pub(crate) fn run(self) -> Result<()> {
        let Self {
            client,
            hub,
            store,
            seconds,
            clients,
            restarts,
            events,
            http2,
            seed,
            ..
        } = self;
        if client {
            let http2 = if http2 { "--http2" } else { "" };
            run(cargo(&format!(
                "run --release --package load --bin restarts -- \
                 --restarts {restarts} --events {events} --seed {seed} {http2}"
            )))
        } else if hub {
            nats()?;
            let clients = clients.unwrap_or(1000);
            run(cargo(&format!(
                "run --release --package load --bin nodes -- \
                 --clients {clients} --events {events} --seed {seed}"
            )))
        } else if store {
            let publishers = clients.unwrap_or(200);
            run(cargo(&format!(
                "run --release --package load --bin store_kills -- \
                 --restarts {restarts} --events {events} --publishers {publishers} --seed {seed}"
            )))
        } else {
            let clients = clients.unwrap_or(2000);
            run(cargo(&format!(
                "run --release --package load --bin soak -- \
                 --seconds {seconds} --clients {clients} --seed {seed}"
            )))
        }
    }
}

/// Installs nginx and its module for event feeds, if they are missing.
fn nchan() -> Result<()> {
    setup::program("nginx", "nginx-core")?;
    if !Path::new(NCHAN_PATH).exists() {
        setup::package("nchan", "libnginx-mod-nchan")?;
    }
    Ok(())
}

/// Installs NATS, which keeps the events of several nodes, if it is missing.
fn nats() -> Result<()> {
    setup::program("nats-server", "nats-server").map(drop)
}

/// Runs each program for a few seconds, to check that it works.
///
/// The programs are not optimized, because an optimized build would take minutes.
pub(crate) fn smoke() -> Result<()> {
    nats()?;
    nchan()?;
    whole::build("--bins --example contract_server")?;
    for (name, options) in [
        ("soak", "--seconds=5"),
        ("restarts", ""),
        ("restarts", "--http2"),
        ("nodes", ""),
        ("store_kills", ""),
        ("attack", "--smoke"),
        ("servers", "--smoke"),
        ("clients", "--smoke"),
        ("hub", "--smoke"),
        ("durable", "--smoke"),
        ("mercure", "--smoke --only hubs"),
        ("routes", "--shape tail --subscribers 100 --events 50"),
    ] {
        let mut program = whole::program(name);
        run(program
            .args(options.split_whitespace())
            .env("LOAD_PROGRAMS", target().join("debug")))?;
    }
    Ok(())
}
