//! The demo, built and served.

use std::path::Path;

use anyhow::Result;

use crate::run::{cargo, root, run};

/// Serves a page that is built on 127.0.0.1 with live updates, and prints the address.
pub(crate) fn serve(port: u16, page: &Path) -> Result<()> {
    let mut server = cargo("run --package web --");
    server
        .arg("--port")
        .arg(port.to_string())
        .arg("--page")
        .arg(page);
    // A journal for each port: two demos at a time must not write to one.
    server
        .arg("--journal")
        .arg(root().join(format!("target/demo/events-{port}.sse")));
    run(server)
}
