//! Browsers read `/golden` with their own `EventSource` or with ours, go on where they were when the
//! connection broke, and cannot be made to see what was not sent.

use anyhow::{Context, Result, ensure};
use interop::{
    browser::{Browser, Client},
    cutter::Cutter,
    ensure_golden, items,
    server::{self, Server},
};
use serde_json::{Value, json};
use testkit::contract::{HOSTILE, echo_path, echoed};

#[test]
fn chromium() -> Result<()> {
    check(Browser::Chromium, Client::Native)
}

#[test]
fn our_script_in_chromium() -> Result<()> {
    check(Browser::Chromium, Client::Script)
}

#[test]
fn our_script_in_a_worker_of_chromium() -> Result<()> {
    check(Browser::Chromium, Client::ScriptInWorker)
}

#[test]
fn our_package_in_chromium() -> Result<()> {
    check(Browser::Chromium, Client::Package)
}

#[test]
fn firefox() -> Result<()> {
    check(Browser::Firefox, Client::Native)
}

#[test]
fn our_script_in_firefox() -> Result<()> {
    check(Browser::Firefox, Client::Script)
}

#[test]
fn our_script_in_a_worker_of_firefox() -> Result<()> {
    check(Browser::Firefox, Client::ScriptInWorker)
}

#[test]
fn our_package_in_firefox() -> Result<()> {
    check(Browser::Firefox, Client::Package)
}

/// One browser does it all, because to start one costs more than all that it does then.
fn check(browser: Browser, client: Client) -> Result<()> {
    let texts = hostile();
    let mut servers = Vec::new();
    let mut jobs = Vec::new();
    for name in server::ALL {
        let server = Server::start(name)?;
        let cutter = Cutter::start(server.port)?;
        // `fetch` must ask another origin before it may send `Last-Event-ID`, so ours goes on at a
        // server of its own origin: in `clients.rs`.
        let resumed = match client {
            Client::Native => cutter.port,
            _ => server.port,
        };
        jobs.extend([golden(server.port), golden(resumed)]);
        jobs.extend(texts.iter().map(|texts| echo(&server, *texts)));
        servers.push((server, cutter));
    }
    let count = jobs.len();
    let results = browser.run(client, &Value::Array(jobs))?;
    ensure!(
        results.len() == count,
        "{} results of {count}",
        results.len()
    );
    let each = results.chunks(texts.len() + 2).zip(&servers);
    each.into_iter()
        .try_for_each(|(results, (server, cutter))| {
            are_right(browser, client, results, cutter).context(server.name)
        })?;
    eprintln!("{browser:?}, {client:?}: {count} streams as they should be");
    Ok(())
}

/// Checks the items that came from one server.
fn are_right(browser: Browser, client: Client, results: &[Value], cutter: &Cutter) -> Result<()> {
    for result in &results[..2] {
        ensure_golden(&items(&result["events"])?, 0)?;
    }
    if let Client::Native = client {
        let ids = cutter.last_event_ids();
        ensure!(ids == [None, Some("3".to_owned())], "{ids:?}");
    }
    for ([data, event_type, id], result) in hostile().iter().zip(&results[2..]) {
        let shown = |text| shown(browser, client, text);
        let expected = echoed(&shown(data), &shown(event_type), id);
        let refused = result["refused"].as_bool().context("refused")?;
        let seen = items(&result["events"])?;
        ensure!(refused == expected.is_none(), "{expected:?}: {result}");
        ensure!(
            seen == Vec::from_iter(expected),
            "{data:?}, {event_type:?}, {id:?}: {seen:?}"
        );
    }
    Ok(())
}

/// Firefox's own drops the NULs of a line, against the standard.
fn shown(browser: Browser, client: Client, text: &str) -> String {
    match (browser, client) {
        (Browser::Firefox, Client::Native) => text.replace('\0', ""),
        _ => text.to_owned(),
    }
}

/// Data, event type and ID.
fn hostile() -> Vec<[&'static str; 3]> {
    let each = HOSTILE.into_iter();
    each.flat_map(|text| [[text, "", ""], ["data", text, ""], ["data", "", text]])
        .collect()
}

fn golden(port: u16) -> Value {
    let url = server::url(port, "/golden");
    json!({ "url": url, "types": ["message", "update", "done"], "count": 7 })
}

/// Listens also to what could be forged.
fn echo(server: &Server, [data, event_type, id]: [&str; 3]) -> Value {
    let url = server.url(&echo_path(data, event_type, id));
    json!({ "url": url, "types": ["message", "x", "y", "a", "ab", event_type], "count": null })
}
