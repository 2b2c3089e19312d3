//! Serves the demo page on 127.0.0.1 as one of several servers, which share their events over NATS.
//!
//! `cargo xtask demo --nodes 2` builds the page and runs NATS and two of these servers.
#![allow(clippy::print_stdout, reason = "prints its URL")]

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::{Parser, value_parser};
use sse_hub::Hub;
use sse_hub_nats::{JetStream, NatsConfig};
use web::{Demo, Node, exit_code, hub_config, listen, publish_share};

/// Maximum number of events that NATS stores.
///
/// It is more than a node keeps in memory. A node fetches older events from NATS if a client needs them.
const MAX_EVENTS: u64 = 10_000;

/// Serves the demo page on 127.0.0.1 as one of several nodes.
#[derive(Parser)]
struct Arguments {
    /// Port on 127.0.0.1. The nodes use consecutive ports, in the order of their numbers.
    #[arg(long)]
    port: u16,
    /// Folder of the built page.
    #[arg(long)]
    page: PathBuf,
    /// URL of the NATS server, with JetStream, that stores the events.
    #[arg(long, default_value = "nats://127.0.0.1:4222")]
    nats: String,
    /// Number of this node, starting with 1.
    #[arg(long, value_parser = value_parser!(u16).range(1..))]
    number: u16,
    /// Number of nodes.
    #[arg(long, value_parser = value_parser!(u16).range(1..))]
    of: u16,
}

#[tokio::main]
async fn main() -> ExitCode {
    exit_code(serve(Arguments::parse()).await)
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments {
        port, number, of, ..
    } = arguments;
    let listener = listen(port).await?;
    let stream = NatsConfig::new().max_events(MAX_EVENTS);
    let nats = JetStream::new(&arguments.nats, stream)?;
    let (hub, follow) = Hub::with_backend(hub_config(), Arc::new(nats));
    println!("http://{}/", listener.local_addr()?);

    let node = Node {
        number,
        count: of,
        port,
    };
    let demo = Demo::new(hub.clone(), arguments.page).as_node(node);
    tokio::select! {
        () = follow => Ok(()),
        result = publish_share(&hub, node) => result.context("cannot publish the feeds"),
        never = demo.serve(listener) => match never {},
    }
}
