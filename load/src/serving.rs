//! What the program `serve` does: it serves the feed, and obeys.

use crate::{
    machine,
    orders::Orders,
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
    /// Which library serves it.
    #[arg(long)]
    library: Library,
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The core that it stays on.
    #[arg(long)]
    core: Option<usize>,
}

/// Serves as the arguments of this process say, until it is told to end.
///
/// # Errors
///
/// If it cannot.
pub fn serve() -> Result<()> {
    let Arguments {
        library,
        port,
        core,
    } = Arguments::parse();
    machine::allow_files(0)?;
    machine::stay_on(core.filter(|_| !library.is_elsewhere()))?;
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = listen(port).with_context(|| format!("cannot listen on port {port}"))?;
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = async move {
            terminate.recv().await;
        };
        let orders = Orders::from_input();
        library.serve(listener, core, orders, shutdown).await
    })
}
