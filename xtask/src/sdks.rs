//! Tests the servers and the client with SDKs and front-end libraries of other projects, and prints which of their
//! features work.

use anyhow::Result;

use crate::{
    clients,
    run::{run, target},
    servers::copy,
    setup, whole,
};

/// Programs that the SDKs use, each with its name in the tests and its path.
const PROGRAMS: [(&str, &str); 3] = [
    ("hyper", "examples/contract_server"),
    ("protocols", "examples/protocols"),
    ("mcp_client", "examples/mcp_client"),
];

/// Installs the SDKs, and prints the matrix of their features. With `smoke`, leaves out MCP's conformance tests and the
/// pages in Firefox.
pub(crate) fn test(smoke: bool) -> Result<()> {
    let folder = target().join("interop");
    let sdks = folder.join("sdks");
    setup::server("nginx", "nginx")?;
    for browser in ["chromium", "firefox-esr"] {
        setup::program(browser, browser)?;
    }
    clients::empty(&folder.join("scratch"))?;
    clients::install("interop/sdks", &sdks, &sdks.join("python"))?;
    clients::install(
        "interop/clients",
        &folder.join("clients"),
        &folder.join("python"),
    )?;
    clients::install_datastar(&folder)?;
    whole::build("--example contract_server --example protocols --example mcp_client --bin sdks")?;
    for (name, built) in PROGRAMS {
        copy(built, &folder, name)?;
    }
    let mut program = whole::program("sdks");
    program.args(smoke.then_some("--smoke"));
    if let Some(path) = setup::path() {
        program.env("PATH", path);
    }
    run(program.env("INTEROP_FOLDER", &folder))
}
