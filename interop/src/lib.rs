//! The servers of the contract before real clients, behind real proxies, and in trouble. Everything
//! runs on 127.0.0.1, each test with servers of its own. `cargo xtask test-servers` brings what they
//! need and runs them.
//!
//! - [`folder`]: where xtask has put the servers and the clients.
//! - [`process`]: programs that run as long as a test does.
//! - [`server`]: the servers, and what they say and take.
//! - [`proxy`]: nginx and HAProxy.
//! - [`live`]: when events come.
//! - [`cutter`]: a connection that breaks in the middle.
//! - [`browser`]: Chromium and Firefox, on a page of ours.
//! - [`demo`]: the demo server, which dies and comes back.
//! - [`nodes`]: several demo servers over NATS, which die and come back.
//!
//! Tests: `proxies.rs`, `clients.rs`, `browsers.rs`, `faults.rs`, `demo.rs` and `nodes.rs`. Small programs
//! in other languages are in `clients/`.

pub mod browser;
pub mod cutter;
pub mod demo;
pub mod folder;
pub mod live;
pub mod nodes;
pub mod process;
pub mod proxy;
pub mod server;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::Item;

/// Reads what a client prints: a list of `{"type", "data", "lastEventId"}`.
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
        .with_context(|| format!("a list, not {list}"))?;
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

/// Fails unless these are exactly the events of `/golden` that come after so many.
pub fn ensure_golden(items: &[Item], seen: usize) -> Result<()> {
    let golden = testkit::contract::golden();
    ensure!(
        items == &golden[seen..],
        "not the golden events after {seen}: {items:?}"
    );
    Ok(())
}
