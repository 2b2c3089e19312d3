//! Serves the feed at `http://127.0.0.1:PORT/events`, on one thread.
//!
//! Lines on its standard input tell it what to do: `publish N` publishes N events at once, and
//! `missed` asks how many events were lost to subscribers that lagged behind. The end of the input
//! ends it at once; SIGTERM shuts it down the way the library does that.
#![allow(clippy::print_stdout, reason = "it talks to whom started it")]

use std::{io, process, thread};

use anyhow::{Context as _, Result};
use clap::Parser;
use load::{
    feed::Feed,
    machine,
    number::number,
    servers::{Library, listen},
};
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    sync::mpsc::{self, UnboundedReceiver},
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

fn main() -> Result<()> {
    let Arguments {
        library,
        port,
        core,
    } = Arguments::parse();
    machine::allow_files(0)?;
    if let Some(core) = core {
        machine::stay_on(core)?;
    }
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = listen(port).with_context(|| format!("cannot listen on port {port}"))?;
        let feed = Feed::new();
        tokio::spawn(obey(lines(), feed.clone()));
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = async move {
            terminate.recv().await;
        };
        println!("listening {}", listener.local_addr()?.port());
        library.serve(listener, feed, shutdown).await?;
        Ok(())
    })
}

/// The lines of the standard input. A thread of its own reads them, so that a read that waits holds
/// nothing up, not even the end of the process.
fn lines() -> UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

/// Publishes from the thread that serves, where waking a subscriber is cheapest.
async fn obey(mut lines: UnboundedReceiver<String>, feed: Feed) {
    while let Some(line) = lines.recv().await {
        if line == "missed" {
            println!("missed {}", feed.missed());
        } else if let Some(events) = line.strip_prefix("publish ").and_then(number) {
            feed.publish(events);
        } else {
            eprintln!("cannot make sense of {line:?}");
        }
    }
    process::exit(0);
}
