//! Every command that a person or CI runs: `cargo xtask help`.
//!
//! - `demo.rs`, `nodes.rs`: the demo, built and served, by one server or by several over NATS.
//! - `test.rs`, `steps.rs`: everything that CI runs, step by step.
//! - `browser.rs`: the tests that need Chromium and Firefox.
//! - `servers.rs`: the servers before real clients and behind real proxies.
//! - `fuzz.rs`: the fuzz targets.
//! - `load.rs`: the servers and clients under load.
//! - `miri.rs`: the codec under Miri.
//! - `npm.rs`: `EventSource` for JavaScript: a script, and a package.
//! - `page.rs`: the wasm page.
//! - `promises.rs`: the tests that SECURITY.md names.
//! - `release.rs`, `published.rs`: whether the crates can be published, and publishing them.
//! - `size.rs`: how large pages are.
//! - `setup.rs`: what the machine must have, installed where that is possible.
//! - `whole.rs`: the workspace as one selection, so that dependencies are compiled once.
//! - `run.rs`, `background.rs`: running a program.
#![allow(clippy::print_stdout, reason = "it talks to a person")]

mod background;
mod browser;
mod demo;
mod fuzz;
mod load;
mod miri;
mod nodes;
mod npm;
mod page;
mod promises;
mod published;
mod release;
mod run;
mod servers;
mod setup;
mod size;
mod steps;
mod test;
mod whole;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand, value_parser};

/// Build, show and test the whole of it.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the demo page and serve it on 127.0.0.1 with live updates.
    Demo {
        /// The port; of several servers, that of the first.
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// How many servers there are. Several have the same events, which they keep in NATS.
        #[arg(long, default_value_t = 1, value_parser = value_parser!(u16).range(1..=9))]
        nodes: u16,
        /// Another page: the small one of guide/examples/yew.rs.
        #[arg(long, conflicts_with = "nodes")]
        yew: bool,
    },
    /// Run everything that CI runs.
    Test,
    /// Run the tests that need browsers: sse-wasm, and the demo page end to end.
    TestBrowser {
        /// Also those that take ten seconds each.
        #[arg(long)]
        long: bool,
        /// Only this browser.
        #[arg(long, value_parser = browser::NAMES)]
        browser: Option<String>,
        /// Only the tests of sse-wasm whose names contain this, in windows.
        #[arg(long)]
        filter: Option<String>,
    },
    /// Run the servers before browsers and other clients, behind nginx and HAProxy, and in trouble; and
    /// the demo, killed and started again, before `sse get`.
    TestServers,
    /// Fuzz the codec.
    Fuzz {
        /// How long each target runs.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Only this target.
        #[arg(long)]
        target: Option<String>,
    },
    /// Run the codec's unit tests under Miri.
    Miri,
    /// Print the tables of the codec beside its peers: five minutes, or `-- --quick`.
    Bench {
        /// Those of the servers instead: four minutes, or `--quick`.
        #[arg(long)]
        server: bool,
        /// Those of the clients instead: five minutes, or `--quick`.
        #[arg(long, conflicts_with = "server")]
        client: bool,
        /// Those of one feed for many instead: a quarter of an hour, or `--quick`.
        #[arg(long, conflicts_with_all = ["server", "client"])]
        hub: bool,
        /// The same as `-- --quick`.
        #[arg(long)]
        quick: bool,
        /// The same as `-- --smoke`, of the others: some seconds, only to see that everything runs.
        #[arg(long, conflicts_with = "quick")]
        smoke: bool,
        /// Passed on to the program that measures.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Check each event, for long: of a server under clients that misbehave, or of a client whose
    /// server is killed again and again.
    Soak(load::Soak),
    /// Attack `sse hub` and the client with hostile requests, floods and bombs, each under a memory limit of
    /// 512 MiB: some minutes, or `-- --smoke`.
    Attack {
        /// Arguments of the program that attacks: `-- --help` lists them.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Check what is to be published: metadata, packages, each feature, whose types are in public APIs,
    /// lowest versions, licences, advisories. Then publish all crates, with `cargo publish`.
    Release {
        /// Only check.
        #[arg(long)]
        dry_run: bool,
        /// Go on where a check cannot be made on this machine: advisories without network, the lowest Rust
        /// without its toolchain.
        #[arg(long)]
        allow_unchecked: bool,
    },
    /// Print how much each client of the browser adds to a page, beside others.
    Size,
    /// Build the demo page into target/page.
    Page,
    /// Build event-source.js, which defines EventSource on top of the fetch client, for any page.
    BuildPolyfill {
        /// The folder to write it to, with event-source.mjs, which exports it.
        #[arg(long)]
        out: PathBuf,
    },
    /// Build the npm package into target/npm/package.
    PackageNpm,
    /// Run the tests of the npm package, in Node, Bun, Deno, workerd and browsers, and check its types.
    TestNpm,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo {
            port, yew: true, ..
        } => page::build_yew().and_then(|page| demo::serve(port, &page)),
        Command::Demo { port, nodes: 1, .. } => {
            page::build().and_then(|page| demo::serve(port, &page))
        }
        Command::Demo { port, nodes, .. } => nodes::serve(port, nodes),
        Command::Test => test::all(),
        Command::TestBrowser {
            long,
            browser,
            filter,
        } => browser::test(long, browser.as_deref(), filter.as_deref()),
        Command::TestServers => servers::test(),
        Command::Fuzz { seconds, target } => fuzz::fuzz(seconds, target.as_deref()),
        Command::Miri => miri::test(),
        Command::Bench {
            server,
            client,
            hub,
            quick,
            smoke,
            mut arguments,
        } => {
            arguments.extend(quick.then(|| "--quick".to_owned()));
            arguments.extend(smoke.then(|| "--smoke".to_owned()));
            if server {
                load::servers(arguments)
            } else if client {
                load::clients(arguments)
            } else if hub {
                load::hub(arguments)
            } else {
                let mut table = run::cargo("run --release --package benches --bin table --");
                table.args(arguments);
                run::run(table)
            }
        }
        Command::Soak(soak) => soak.run(),
        Command::Attack { arguments } => load::attack(arguments),
        Command::Release {
            dry_run,
            allow_unchecked,
        } => release::release(dry_run, allow_unchecked),
        Command::Size => size::print(),
        Command::BuildPolyfill { out } => npm::polyfill(&out),
        Command::PackageNpm => npm::pack(),
        Command::TestNpm => npm::test(),
        Command::Page => page::build().map(|folder| println!("{}", folder.display())),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
