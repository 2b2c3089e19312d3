//! Faults that a page can inject, and requests that may not inject them.

use std::time::Duration;

use anyhow::{Result, ensure};
use testkit::timeout::test_timeout;
use tokio::{
    io::AsyncReadExt,
    time::{Instant, timeout},
};

use crate::server::{request, rest, send, start, until};

async fn inject(port: u16, client: &str, fault: &str) -> Result<()> {
    let line = format!("POST /break?client={client}&fault={fault}");
    let response = send(port, &line, "").await?;
    ensure!(response.starts_with("HTTP/1.1 200"), "{response}");
    Ok(())
}

#[tokio::test]
async fn a_cut_breaks_only_the_streams_of_its_client() -> Result<()> {
    let port = start("cut.sse").await?;
    let mut mine = request(port, "GET /events?client=mine", "").await?;
    let mut other = request(port, "GET /events?client=other", "").await?;
    until(&mut mine, "id: ").await?;
    until(&mut other, "id: ").await?;
    inject(port, "mine", "cut").await?;
    let text = rest(&mut mine).await?;
    ensure!(!text.ends_with("\n\n\r\n"), "a whole event: {text:?}");
    ensure!(!text.ends_with("0\r\n\r\n"), "the end of a body: {text:?}");
    until(&mut other, "event: server").await?;
    Ok(())
}

#[tokio::test]
async fn silence_keeps_the_connection_open() -> Result<()> {
    let port = start("silence.sse").await?;
    let mut stream = request(port, "GET /events?client=a", "").await?;
    until(&mut stream, "id: ").await?;
    inject(port, "a", "silence").await?;
    // Some events were sent before the fault. The feeds have an event every 250 ms.
    let begin = Instant::now();
    let mut bytes = [0; 4096];
    let mut silence = Duration::ZERO;
    while silence < Duration::from_secs(4) {
        ensure!(begin.elapsed() < test_timeout(), "never silent");
        let start = Instant::now();
        let count = timeout(test_timeout(), stream.read(&mut bytes)).await??;
        ensure!(count > 0, "the stream was closed");
        silence = start.elapsed();
    }
    Ok(())
}

#[tokio::test]
async fn refusals_affect_one_client_for_a_limited_time() -> Result<()> {
    let port = start("refusals.sse").await?;
    let mut stream = request(port, "GET /events?client=a", "").await?;
    until(&mut stream, "id: ").await?;
    inject(port, "a", "503").await?;
    rest(&mut stream).await?;
    // The fault lasts for a few seconds. On a busy machine the request can come too late.
    let begin = Instant::now();
    let response = loop {
        let mut stream = request(port, "GET /events?client=a", "").await?;
        let response = until(&mut stream, "\r\n\r\n").await?;
        if response.starts_with("HTTP/1.1 503") {
            break response;
        }
        ensure!(begin.elapsed() < test_timeout(), "{response}");
        inject(port, "a", "503").await?;
    };
    ensure!(response.contains("retry-after: 6\r\n"), "{response}");
    until(
        &mut request(port, "GET /events?client=b", "").await?,
        "id: ",
    )
    .await?;

    inject(port, "a", "204").await?;
    let response = send(port, "GET /events?client=a", "").await?;
    ensure!(response.starts_with("HTTP/1.1 204"), "{response}");
    inject(port, "a", "none").await?;
    until(
        &mut request(port, "GET /events?client=a", "").await?,
        "id: ",
    )
    .await?;
    Ok(())
}

#[tokio::test]
async fn only_the_page_can_inject_faults() -> Result<()> {
    let port = start("control.sse").await?;
    let cut = "POST /break?client=a&fault=cut";
    let same = format!("Origin: http://127.0.0.1:{port}\r\n");
    let long = format!("POST /break?client={}&fault=cut", "x".repeat(65));
    for (line, headers, response) in [
        (cut, "", "200"),
        (cut, same.as_str(), "200"),
        (cut, "Sec-Fetch-Site: same-origin\r\n", "200"),
        (cut, "Sec-Fetch-Site: cross-site\r\n", "403"),
        (cut, "Sec-Fetch-Site: same-site\r\n", "403"),
        (cut, "Origin: http://evil.example\r\n", "403"),
        (cut, "Origin: null\r\n", "403"),
        ("GET /break?client=a&fault=cut", "", "405"),
        ("POST /break?fault=cut", "", "400"),
        ("POST /break?client=&fault=cut", "", "400"),
        ("POST /break?client=a&fault=all", "", "400"),
        (long.as_str(), "", "400"),
        ("GET /events?client=", "", "400"),
        ("GET /events?client=a&lastEventId=%00", "", "400"),
        ("GET /events?topic=", "", "400"),
    ] {
        let actual = send(port, line, headers).await?;
        let status = format!("HTTP/1.1 {response}");
        ensure!(actual.starts_with(&status), "{line} {headers}: {actual}");
        ensure!(actual.contains("content-type: text/plain"), "{actual}");
    }
    Ok(())
}
