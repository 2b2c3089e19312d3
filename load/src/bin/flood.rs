//! Serves long streams at `http://127.0.0.1:PORT/KEY/TIMES`.
#![allow(
    clippy::print_stdout,
    reason = "the program that started it reads this"
)]

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context as _, Result};
use clap::Parser;
use load::{flood, machine};

/// Serves streams on 127.0.0.1 as fast as clients read them.
#[derive(Debug, Parser)]
struct Arguments {
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Core of the server.
    #[arg(long)]
    core: Option<usize>,
}

fn main() -> Result<()> {
    let Arguments { port, core } = Arguments::parse();
    machine::pin_to_core(core)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = listener.with_context(|| format!("cannot listen on port {port}"))?;
    println!("listening {}", listener.local_addr()?.port());
    flood::serve(&listener)
}
