//! The demo, built and served.

use anyhow::Result;

use crate::{
    page,
    run::{cargo, root, run},
};

/// Builds the page, serves it on 127.0.0.1 with live updates, and prints the address.
pub(crate) fn serve(port: u16) -> Result<()> {
    let page = page::build()?;
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
