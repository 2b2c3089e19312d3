//! Interoperability tests: the contract servers with real clients, behind real proxies, and with faults; and the hub
//! with clients of Mercure.
//!
//! Everything runs on 127.0.0.1, and each test has its own servers. `cargo xtask test-servers` prepares and runs the
//! tests.
//!
//! - [`folder`]: the folder in which xtask puts the servers and the clients.
//! - [`process`]: programs that run as long as a test.
//! - [`server`]: the contract servers, their open streams and their memory.
//! - [`proxy`]: nginx, HAProxy and other proxies.
//! - [`curl`]: a client that reads a stream as it arrives.
//! - [`live`]: delays of events.
//! - [`cutter`]: a connection that breaks in the middle of a stream.
//! - [`browser`]: Chromium and Firefox with a test page.
//! - [`frame`]: any page in a browser, which a test loads, reloads and reads.
//! - [`pages`]: pages of front-end libraries, served by the example `protocols`.
//! - [`demo`]: the demo server, which is killed and restarted.
//! - [`nodes`]: several demo servers over NATS, which are killed and restarted.
//! - [`mercure`]: `sse hub` with the Mercure protocol.
//! - [`check`]: features that were checked, and tables of them.
//! - [`sdks`]: SDKs for LLMs, MCP and others.
//!
//! The tests are in `proxies.rs`, `clients.rs`, `browsers.rs`, `faults.rs`, `demo.rs`, `nodes.rs`, `mercure.rs`,
//! `mercure_browsers.rs` and `answers.rs`. `clients/` has small programs in other languages.

pub mod browser;
pub mod check;
pub mod curl;
pub mod cutter;
pub mod demo;
pub mod folder;
pub mod frame;
pub mod live;
pub mod mercure;
pub mod nodes;
pub mod pages;
pub mod process;
pub mod proxy;
pub mod sdks;
pub mod server;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::Item;

/// Parses the output of a client: a list of `{"type", "data", "lastEventId"}`.
pub fn items(list: &Value) -> Result<Vec<Item>> {
    let text = |event: &Value, name: &str| {
        let text = event.get(name).and_then(Value::as_str);
        Ok::<_, anyhow::Error>(
            text.with_context(|| format!("{name} of {event}"))?
                .to_owned(),
        )
    };
    let list = list
        .as_array()
        .with_context(|| format!("not a list: {list}"))?;
    list.iter()
        .map(|event| {
            Ok(Item::Event {
                event_type: text(event, "type")?,
                data: text(event, "data")?,
                last_event_id: text(event, "lastEventId")?,
            })
        })
        .collect()
}

/// Checks that these are exactly the events of `/golden` after the first `seen` ones.
pub fn ensure_golden(items: &[Item], seen: usize) -> Result<()> {
    let golden = testkit::contract::golden();
    ensure!(
        items == &golden[seen..],
        "not the golden events after {seen}: {items:?}"
    );
    Ok(())
}
