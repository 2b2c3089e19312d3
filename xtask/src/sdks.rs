//! Tests the servers and the client with SDKs of other projects, and prints which of their features work.

use anyhow::Result;

use crate::{
    clients,
    run::{run, target},
    servers::copy,
    whole,
};

/// Programs that the SDKs use, each with its name in the tests and its path.
const PROGRAMS: [(&str, &str); 3] = [
    ("hyper", "examples/contract_server"),
    ("protocols", "examples/protocols"),
    ("mcp_client", "examples/mcp_client"),
];

/// Installs the SDKs, and prints the matrix of their features.
pub(crate) fn test() -> Result<()> {
    let folder = target().join("interop");
    let sdks = folder.join("sdks");
    clients::empty(&folder.join("scratch"))?;
    clients::install("interop/sdks", &sdks, &sdks.join("python"))?;
    whole::build("--example contract_server --example protocols --example mcp_client --bin sdks")?;
    for (name, built) in PROGRAMS {
        copy(built, &folder, name)?;
    }
    let mut program = whole::program("sdks");
    run(program.env("INTEROP_FOLDER", &folder))
}
