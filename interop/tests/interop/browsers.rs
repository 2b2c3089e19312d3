//! Checks that browsers read `/golden` with their own `EventSource` or with ours, resume after the connection breaks,
//! and never receive forged events.

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

/// Runs all jobs in one browser, because starting a browser is slower than the jobs.
fn check(browser: Browser, client: Client) -> Result<()> {
    let texts = hostile();
    let mut servers = Vec::new();
    let mut jobs = Vec::new();
    for name in server::ALL {
        let server = Server::start(name)?;
        let cutter = Cutter::start(server.port)?;
        // `fetch` needs a preflight request before it may send `Last-Event-ID` to another origin. So `clients.rs`
        // tests the resumption of our clients, and this test uses the server directly.
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
    eprintln!("{browser:?}, {client:?}: {count} correct streams");
    Ok(())
}

/// Checks the results of one server.
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
        let refused = result["refused"].as_bool().context("no `refused`")?;
        let seen = items(&result["events"])?;
        ensure!(refused == expected.is_none(), "{expected:?}: {result}");
        ensure!(
            seen == Vec::from_iter(expected),
            "{data:?}, {event_type:?}, {id:?}: {seen:?}"
        );
    }
    Ok(())
}

/// Returns the text that the browser shows. `EventSource` of Firefox drops the NULs of a line, against the standard.
fn shown(browser: Browser, client: Client, text: &str) -> String {
    match (browser, client) {
        (Browser::Firefox, Client::Native) => text.replace('\0', ""),
        _ => text.to_owned(),
    }
}

/// Returns data, event type and ID of each hostile event.
fn hostile() -> Vec<[&'static str; 3]> {
    let each = HOSTILE.into_iter();
    each.flat_map(|text| [[text, "", ""], ["data", text, ""], ["data", "", text]])
        .collect()
}

fn golden(port: u16) -> Value {
    let url = server::url(port, "/golden");
    json!({ "url": url, "types": ["message", "update", "done"], "count": 7 })
}

/// Returns a job that also listens to the types of forged events.
fn echo(server: &Server, [data, event_type, id]: [&str; 3]) -> Value {
    let url = server.url(&echo_path(data, event_type, id));
    json!({ "url": url, "types": ["message", "x", "y", "a", "ab", event_type], "count": null })
}
