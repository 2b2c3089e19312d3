//! Tests the contract servers with real clients, with real proxies and with faults; the demo with the command; the hub
//! with clients of Mercure; and the page of an answer that is resumed.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    clients, npm,
    run::{cargo, run, target},
    setup, whole,
};

/// Programs that the tests run, each with its name in the tests and its path.
///
/// They are two servers of sse-hyper, the demo server, a node of the demo with several servers, the command, and a node of
/// sse-hub-nats that answers prompts.
const PROGRAMS: [(&str, &str); 6] = [
    ("hyper", "examples/contract_server"),
    ("axum", "examples/contract_server_axum"),
    ("web", "web"),
    ("node", "node"),
    ("sse", "sse"),
    ("answers", "examples/answers"),
];

/// Servers of other projects that the tests run, each with its program and its package.
const SERVERS: [(&str, &str); 8] = [
    ("nginx", "nginx"),
    ("haproxy", "haproxy"),
    ("varnishd", "varnish"),
    ("apache2", "apache2"),
    ("squid", "squid"),
    ("h2o", "h2o"),
    ("traffic_server", "trafficserver"),
    ("nats-server", "nats-server"),
];

/// Builds the programs, installs the proxies and the clients, and runs the tests of `interop`.
///
/// With `long`, runs also the tests that wait for default timeouts of proxies.
pub(crate) fn test(long: bool) -> Result<()> {
    for (name, package) in SERVERS {
        setup::server(name, package)?;
    }
    for (name, package) in [
        ("curl", "curl"),
        ("chromium", "chromium"),
        ("firefox-esr", "firefox-esr"),
        ("node", "nodejs"),
        ("npm", "npm"),
        ("python3", "python3-venv"),
    ] {
        setup::program(name, package)?;
    }
    let folder = target().join("interop");
    clients::empty(&folder.join("scratch"))?;
    programs(&folder)?;
    clients::install(
        "interop/clients",
        &folder.join("clients"),
        &folder.join("python"),
    )?;
    clients::install_datastar(&folder)?;
    npm::package(&folder.join("npm"))?;

    let mut tests = whole::cargo_all("test", "--test interop -- --nocapture --test-threads=4");
    tests.args(long.then_some("--include-ignored"));
    tests.env("INTEROP_FOLDER", &folder);
    if let Some(path) = setup::path() {
        tests.env("PATH", path);
    }
    run(tests)
}

/// Builds the programs and copies them into the folder.
///
/// Two of the examples have the same name, so the first is copied before the second is built.
fn programs(folder: &Path) -> Result<()> {
    whole::build(
        "--example contract_server --example contract_server_axum --example answers \
         --bin web --bin node --bin sse",
    )?;
    for (name, built) in PROGRAMS {
        copy(built, folder, name)?;
    }
    run(cargo(
        "build --package sse-warp --all-features --example contract_server",
    ))?;
    copy("examples/contract_server", folder, "warp")
}

pub(crate) fn copy(built: &str, folder: &Path, name: &str) -> Result<()> {
    let built = target().join("debug").join(built);
    fs::copy(&built, folder.join(name)).with_context(|| built.display().to_string())?;
    Ok(())
}
