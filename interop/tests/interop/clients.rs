//! Checks that clients of other projects read `/golden`, and resume after the connection breaks.

use std::process::Command;

use anyhow::{Result, bail, ensure};
use interop::{
    cutter::Cutter,
    ensure_golden, folder, items,
    process::output,
    server::{self, Server},
};
use testkit::{
    Item,
    contract::{HOSTILE, echo_path, echoed, events},
};

use crate::hyper_client::Client;

/// Servers that accept HTTP/2 with prior knowledge.
const HTTP_2_SERVERS: [&str; 2] = ["hyper", "axum"];

#[test]
fn curl() -> Result<()> {
    server::each(&server::ALL, |server| {
        reads_and_resumes(|seen| read_by_curl(server, seen, &[]))
    })
}

#[test]
fn curl_over_http_2() -> Result<()> {
    let options = ["--http2-prior-knowledge"];
    server::each(&HTTP_2_SERVERS, |server| {
        reads_and_resumes(|seen| read_by_curl(server, seen, &options))
    })
}

#[test]
fn hyper_over_http_1() -> Result<()> {
    server::each(&server::ALL, |server| {
        let client = Client::new(false)?;
        reads_and_resumes(|seen| client.read(&server.url("/golden"), seen))
    })
}

#[test]
fn hyper_over_http_2() -> Result<()> {
    server::each(&HTTP_2_SERVERS, |server| {
        let client = Client::new(true)?;
        reads_and_resumes(|seen| client.read(&server.url("/golden"), seen))
    })
}

#[test]
fn httpx_sse() -> Result<()> {
    server::each(&server::ALL, |server| {
        reads_and_resumes(|seen| {
            let mut python = Command::new(folder::prepared("python/bin/python3")?);
            python
                .arg(folder::prepared("clients/read.py")?)
                .arg(server.url("/golden"));
            python.args(seen.map(|id| id.to_string()));
            items(&serde_json::from_slice(&output(&mut python)?)?)
        })
    })
}

#[test]
fn eventsource_of_npm() -> Result<()> {
    in_node("eventsource")
}

#[test]
fn our_package_for_npm() -> Result<()> {
    in_node(&folder::prepared("npm/node.js")?.display().to_string())
}

#[test]
fn undici_of_npm() -> Result<()> {
    in_node("undici")
}

/// Checks that a server echoes each text as one event, or answers with a reason.
#[test]
fn curl_gets_one_event_or_a_reason() -> Result<()> {
    let long = "x".repeat(20_000);
    server::each(&server::ALL, |server| {
        for text in HOSTILE.into_iter().chain([long.as_str()]) {
            echoes(server, [text, "", ""])?;
            echoes(server, ["data", text, ""])?;
            // Clients ignore longer IDs by default.
            let id = &text[..text.len().min(MAX_ID_BYTES)];
            echoes(server, ["data", "", id])?;
        }
        // The HTTP library refuses a URL that is too long, before the code of this project runs.
        let (status, _) = get(server, &echo_path(&"x".repeat(30_000), "", ""))?;
        ensure!(status == 414, "{status}");
        Ok(())
    })
}

/// Maximum length of an ID that a client keeps by default.
const MAX_ID_BYTES: usize = 8 * 1024;

/// Reads all events, then those after the third one.
fn reads_and_resumes(read: impl Fn(Option<usize>) -> Result<Vec<Item>>) -> Result<()> {
    ensure_golden(&read(None)?, 0)?;
    ensure_golden(&read(Some(3))?, 3)
}

/// Reads in node with the `EventSource` of a package, which sends the last event ID when it reconnects.
fn in_node(package: &str) -> Result<()> {
    server::each(&server::ALL, |server| {
        let read = |port| {
            let mut node = Command::new("node");
            node.arg(folder::prepared("clients/read.mjs")?);
            node.args([package, &server::url(port, "/golden")]);
            ensure_golden(&items(&serde_json::from_slice(&output(&mut node)?)?)?, 0)
        };
        read(server.port)?;
        let cutter = Cutter::start(server.port)?;
        read(cutter.port)?;
        let ids = cutter.last_event_ids();
        ensure!(ids == [None, Some("3".to_owned())], "{ids:?}");
        Ok(())
    })
}

fn read_by_curl(server: &Server, seen: Option<usize>, options: &[&str]) -> Result<Vec<Item>> {
    let mut curl = Command::new("curl");
    curl.args(["-sSN", "--fail", "--noproxy", "*"])
        .args(options);
    if let Some(id) = seen {
        curl.args(["-H", &format!("Last-Event-ID: {id}")]);
    }
    Ok(events(&output(curl.arg(server.url("/golden")))?))
}

fn echoes(server: &Server, [data, event_type, id]: [&str; 3]) -> Result<()> {
    let path = echo_path(data, event_type, id);
    let (status, body) = get(server, &path)?;
    match echoed(data, event_type, id) {
        Some(event) if status == 200 => ensure!(events(&body) == [event], "{path}: {body:?}"),
        None if status == 400 => ensure!(!body.is_empty(), "{path}: no reason"),
        _ => bail!("{path}: {status} {}", String::from_utf8_lossy(&body)),
    }
    Ok(())
}

/// Requests a path with curl, and returns the status and the body.
fn get(server: &Server, path: &str) -> Result<(u16, Vec<u8>)> {
    let mut curl = Command::new("curl");
    curl.args([
        "-sSN",
        "--noproxy",
        "*",
        "-w",
        "%{http_code}",
        &server.url(path),
    ]);
    let mut body = output(&mut curl)?;
    let status = body.split_off(body.len() - 3);
    Ok((serde_json::from_slice(&status)?, body))
}
