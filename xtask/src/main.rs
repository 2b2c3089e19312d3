//! Commands that developers and CI run: `cargo xtask help`.
//!
//! - `demo.rs`: serves the demo, with one server or with several over NATS.
//! - `test.rs`: runs everything that CI runs, step by step.
//! - `browser.rs`: runs the tests that need Chromium and Firefox.
//! - `servers.rs`: tests the servers with real clients and real proxies.
//! - `sdks.rs`: tests the servers and the client with SDKs, and prints which features work.
//! - `clients.rs`: installs clients of other projects for these tests.
//! - `compat.rs`: tests the replacements for other crates, and prints in which encoders fields can be forged.
//! - `dependents.rs`: tests programs that depend on crates that are replaced.
//! - `fuzz.rs`: runs the fuzz targets.
//! - `load.rs`: runs the load and soak tests.
//! - `mercure.rs`: runs the public conformance tests of Mercure.
//! - `npm.rs`: builds `EventSource` for JavaScript, as a script and as a package.
//! - `page.rs`: builds the wasm page.
//! - `promises.rs`: checks that the tests that SECURITY.md and CONFORMANCE.md name exist.
//! - `release.rs`, `published.rs`: check the crates that are published, and publish them.
//! - `size.rs`: prints the sizes of pages.
//! - `setup.rs`: installs required programs, or reports that they are missing.
//! - `words.rs`: finds forms of prose and names that are not used here.
//! - `whole.rs`: selects the whole workspace, so that dependencies are compiled once.
//! - `run.rs`: runs programs, also in the background, and steps one after the other.
#![allow(clippy::print_stdout, reason = "output for the user of the command")]

mod browser;
mod clients;
mod compat;
mod demo;
mod dependents;
mod fuzz;
mod load;
mod mercure;
mod npm;
mod page;
mod promises;
mod published;
mod release;
mod run;
mod sdks;
mod servers;
mod setup;
mod size;
mod test;
mod whole;
mod words;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand, value_parser};

/// Build, serve and test this workspace.
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
        /// Port of the server, or of the first one if there are several.
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// Number of servers. Several servers have the same events, which they keep in NATS.
        #[arg(long, default_value_t = 1, value_parser = value_parser!(u16).range(1..=9))]
        nodes: u16,
        /// Serve the small page of guide/examples/yew.rs instead.
        #[arg(long, conflicts_with = "nodes")]
        yew: bool,
    },
    /// Run everything that CI runs.
    Test,
    /// Check prose and names against the forms that xtask/words.toml lists.
    Words,
    /// Run the tests that need browsers: sse-wasm, and the demo page end to end.
    TestBrowser {
        /// Also run the tests that take ten seconds each.
        #[arg(long)]
        long: bool,
        /// Run only this browser.
        #[arg(long, value_parser = browser::NAMES)]
        browser: Option<String>,
        /// Run only the tests of sse-wasm in windows whose names contain this text.
        #[arg(long)]
        filter: Option<String>,
    },
    /// Take the screenshot of the demo page that the README shows.
    Screenshot,
    /// Test the servers with browsers and other clients, with proxies such as nginx, and with faults; test the demo
    /// with `sse get` while the demo is killed and started again.
    TestServers {
        /// Also measure the default timeouts of the proxies, which takes 16 minutes.
        #[arg(long)]
        long: bool,
    },
    /// Test the servers and the client with SDKs for LLMs, MCP and others, and print which features work.
    TestSdks {
        /// Leave out MCP's conformance tests and the pages in Firefox.
        #[arg(long)]
        smoke: bool,
    },
    /// Fuzz the codec.
    Fuzz {
        /// Duration of each target, in seconds.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Run only this target.
        #[arg(long)]
        target: Option<String>,
    },
    /// Run the codec's unit tests under Miri.
    Miri,
    /// Print the tables that compare the codec with other crates: five minutes, or less with `--quick`.
    Bench {
        /// Print the tables of the servers instead: four minutes, or less with `--quick`.
        #[arg(long)]
        server: bool,
        /// Print the tables of the clients instead: five minutes, or less with `--quick`.
        #[arg(long, conflicts_with = "server")]
        client: bool,
        /// Print the tables of one feed with many subscribers instead: 15 minutes, or less with `--quick`.
        #[arg(long, conflicts_with_all = ["server", "client"])]
        hub: bool,
        /// Print the tables of stores of events with many publishers instead: five minutes, or less with `--quick`.
        #[arg(long, conflicts_with_all = ["server", "client", "hub"])]
        store: bool,
        /// Print the tables of the Mercure protocol instead: five minutes, or less with `--quick`.
        #[arg(long, conflicts_with_all = ["server", "client", "hub", "store"])]
        mercure: bool,
        /// Print the table of async-openai with and without the replacement for eventsource-stream: one minute.
        #[arg(long, conflicts_with_all = ["server", "client", "hub", "store", "mercure"])]
        compat: bool,
        /// Measure for a shorter time, which is less exact.
        #[arg(long)]
        quick: bool,
        /// Measure for a few seconds, only to check that everything runs. Not for the tables of the codec.
        #[arg(long, conflicts_with = "quick")]
        smoke: bool,
        /// Arguments of the program that measures.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Check each event for a long time: of a server with clients that misbehave, of a client whose server is killed
    /// many times, or of hubs that are killed.
    Soak(load::Soak),
    /// Attack `sse hub` and the client with hostile requests, floods and bombs, each under a memory limit of
    /// 512 MiB: a few minutes, or less with `-- --smoke`.
    Attack {
        /// Arguments of the program that attacks: `-- --help` lists them.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Check the crates that are published, then publish them with `cargo publish`. The checks: metadata, packages,
    /// each feature, external types in public APIs, lowest versions, licences, advisories.
    Release {
        /// Check only, and do not publish.
        #[arg(long)]
        dry_run: bool,
        /// Continue if this machine cannot run a check: advisories without network, the lowest Rust without its
        /// toolchain.
        #[arg(long)]
        allow_unchecked: bool,
    },
    /// Print how many bytes each client for browsers adds to a page, and compare it with other clients.
    Size,
    /// Build the demo page into target/page.
    Page,
    /// Build event-source.js, which defines EventSource on top of the fetch client, for any page.
    BuildPolyfill {
        /// Folder for event-source.js, and for event-source.mjs, which exports EventSource.
        #[arg(long)]
        out: PathBuf,
    },
    /// Test the replacements for other crates, in `compat/`.
    TestCompat,
    /// Test programs that depend on the crates that `compat/` replaces, and print a table of the results: 40 minutes
    /// and a network.
    TestDependents {
        /// Test only the programs of this name.
        #[arg(long)]
        program: Option<String>,
    },
    /// Print the table of the encoders in which an attacker can forge fields.
    Forgery,
    /// Run the public conformance tests of the Mercure protocol in Chromium and Firefox. They are not a part of this
    /// repository: clone <https://github.com/dunglas/mercure> first.
    TestMercure {
        /// Folder `conformance-tests` of that repository.
        #[arg(long)]
        suite: PathBuf,
    },
    /// Build the npm package into target/npm/package.
    PackageNpm,
    /// Run the tests of the npm package in Node, Bun, Deno, workerd and browsers, and check its types.
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
        Command::Demo { port, nodes, .. } => demo::serve_nodes(port, nodes),
        Command::Test => test::all(),
        Command::Words => words::check(),
        Command::TestBrowser {
            long,
            browser,
            filter,
        } => browser::test(long, browser.as_deref(), filter.as_deref()),
        Command::Screenshot => browser::screenshot(),
        Command::TestServers { long } => servers::test(long),
        Command::TestSdks { smoke } => sdks::test(smoke),
        Command::Fuzz { seconds, target } => fuzz::fuzz(seconds, target.as_deref()),
        Command::Miri => test::miri(),
        Command::Bench {
            server,
            client,
            hub,
            store,
            mercure,
            compat,
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
            } else if store {
                load::store(arguments)
            } else if mercure {
                load::mercure(arguments)
            } else if compat {
                compat::bench()
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
        Command::TestCompat => compat::test(),
        Command::TestDependents { program } => dependents::test(program.as_deref()),
        Command::Forgery => compat::forgery(),
        Command::TestMercure { suite } => mercure::test(&suite),
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
