//! Serves the demo page on 127.0.0.1 as one of several servers, which have the same events, for they
//! keep them in NATS. `cargo xtask demo --nodes 2` builds the page and runs NATS and these.
#![allow(clippy::print_stdout, reason = "it talks to a person")]

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::{Parser, value_parser};
use sse_hub::Hub;
use sse_hub_nats::{JetStream, Settings};
use web::{Demo, Node, exit_code, listen, publish_share, settings};

/// How many events NATS keeps: more than a node does, which asks for those if a client does.
const MAX_EVENTS: u64 = 10_000;

/// One of several demo servers.
#[derive(Parser)]
struct Arguments {
    /// The port on 127.0.0.1. The other nodes have those before it and behind it.
    #[arg(long)]
    port: u16,
    /// The folder of the built page.
    #[arg(long)]
    page: PathBuf,
    /// Where NATS is, with JetStream, which keeps the events.
    #[arg(long, default_value = "nats://127.0.0.1:4222")]
    nats: String,
    /// Which node this is.
    #[arg(long, value_parser = value_parser!(u16).range(1..))]
    number: u16,
    /// How many there are.
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
    let stream = Settings::new().with_max_events(MAX_EVENTS);
    let nats = JetStream::connect(&arguments.nats, stream)?;
    let (hub, follow) = Hub::with_backend(settings(), Arc::new(nats));
    println!("http://{}/", listener.local_addr()?);

    let node = Node { number, of, port };
    let demo = Demo::new(hub.clone(), arguments.page).as_node(node);
    tokio::select! {
        () = follow => Ok(()),
        result = publish_share(&hub, node) => result.context("cannot publish"),
        never = demo.serve(listener) => match never {},
    }
}
