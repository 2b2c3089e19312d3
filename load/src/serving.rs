//! Main function of the program `serve`, which serves the feed and follows commands.

use crate::{
    commands::Commands,
    machine,
    servers::{Library, listen},
};
use anyhow::{Context as _, Result};
use clap::Parser;
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
};

/// Serves a feed of events on 127.0.0.1.
#[derive(Debug, Parser)]
struct Arguments {
    /// Library that serves the feed.
    #[arg(long)]
    library: Library,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Core of the server.
    #[arg(long)]
    core: Option<usize>,
}

/// Serves with the arguments of this process, until SIGTERM or the end of the commands.
///
/// # Errors
///
/// Returns an error if the server does not start, or fails.
pub fn serve() -> Result<()> {
    let Arguments {
        library,
        port,
        core,
    } = Arguments::parse();
    machine::raise_open_files(0)?;
    machine::pin_to_core(core.filter(|_| !library.is_elsewhere()))?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = listen(port).with_context(|| format!("cannot listen on port {port}"))?;
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = async move {
            terminate.recv().await;
        };
        let commands = Commands::from_input();
        library.serve(listener, core, commands, shutdown).await
    })
}
