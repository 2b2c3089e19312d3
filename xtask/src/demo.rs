//! Serves the demo.

use std::path::Path;

use anyhow::Result;

use crate::run::{cargo, root, run};

/// Serves a built page with live updates on 127.0.0.1, and prints its address.
pub(crate) fn serve(port: u16, page: &Path) -> Result<()> {
    let mut server = cargo("run --package web --");
    server
        .arg("--port")
        .arg(port.to_string())
        .arg("--page")
        .arg(page);
    // Each port has its own journal, because two demos must not write to the same one.
    server
        .arg("--journal")
        .arg(root().join(format!("target/demo/events-{port}.sse")));
    run(server)
}
