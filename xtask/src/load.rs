//! The servers and clients under load, and a client whose server dies.

use std::path::Path;

use anyhow::Result;
use clap::Args;

use crate::{
    run::{cargo, run, target},
    setup, whole,
};

/// Where Debian has nginx's module for feeds.
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// The tables of the servers, with the arguments of the program that measures.
pub(crate) fn servers(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    table("servers", arguments)
}

/// The tables of the clients.
pub(crate) fn clients(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    table("clients", arguments)
}

/// The tables of one feed for many. nginx is one of the servers.
pub(crate) fn hub(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    nchan()?;
    table("hub", arguments)
}

/// Hostile requests, floods and bombs.
pub(crate) fn attack(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    table("attack", arguments)
}

fn table(program: &str, arguments: impl IntoIterator<Item = String>) -> Result<()> {
    let mut table = cargo(&format!("run --release --package load --bin {program} --"));
    table.args(arguments);
    run(table)
}

/// Who is soaked, for how long, and by what chance.
#[derive(Args)]
pub(crate) struct Soak {
    /// A server of sse-hyper, under many clients that come, stall, leave and resume.
    #[arg(long, required_unless_present_any = ["client", "hub"])]
    server: bool,
    /// The client sse-source, while its server is killed and started again.
    #[arg(long, conflicts_with_all = ["server", "hub"])]
    client: bool,
    /// Two nodes of sse-hub over NATS, while each of the three is killed, and clients go to and fro.
    #[arg(long, conflicts_with = "server")]
    hub: bool,
    /// How long the server is soaked.
    #[arg(long, default_value_t = 600, conflicts_with_all = ["client", "hub"])]
    seconds: u64,
    /// How many clients it has at a time, 2000 by default; the nodes, 1000.
    #[arg(long, conflicts_with = "client")]
    clients: Option<u64>,
    /// How often the client's server is killed.
    #[arg(long, default_value_t = 200, conflicts_with_all = ["server", "hub"])]
    restarts: u64,
    /// How many events it sends in all its lives; or how many each client of the nodes gets.
    #[arg(long, default_value_t = 100_000, conflicts_with = "server")]
    events: u64,
    /// The client asks by HTTP/2.
    #[arg(long, conflicts_with_all = ["server", "hub"])]
    http2: bool,
    /// What decides all that is by chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Soak {
    /// Runs until it has passed, or not.
    pub(crate) fn run(self) -> Result<()> {
        let Self {
            client,
            hub,
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
        } else {
            let clients = clients.unwrap_or(2000);
            run(cargo(&format!(
                "run --release --package load --bin soak -- \
                 --seconds {seconds} --clients {clients} --seed {seed}"
            )))
        }
    }
}

/// nginx with its module for feeds.
fn nchan() -> Result<()> {
    setup::program("nginx", "nginx-core")?;
    if !Path::new(NCHAN).exists() {
        setup::package("nchan", "libnginx-mod-nchan")?;
    }
    Ok(())
}

/// What keeps the events of many nodes.
fn nats() -> Result<()> {
    setup::program("nats-server", "nats-server").map(drop)
}

/// Some seconds of all: does everything run? Not optimised, for that would take minutes to build.
pub(crate) fn smoke() -> Result<()> {
    nats()?;
    nchan()?;
    whole::build("--bins --example contract_server")?;
    for (name, option) in [
        ("soak", Some("--seconds=5")),
        ("restarts", None),
        ("restarts", Some("--http2")),
        ("nodes", None),
        ("attack", Some("--smoke")),
        ("servers", Some("--smoke")),
        ("clients", Some("--smoke")),
        ("hub", Some("--smoke")),
    ] {
        let mut program = whole::program(name);
        run(program
            .args(option)
            .env("LOAD_PROGRAMS", target().join("debug")))?;
    }
    Ok(())
}
