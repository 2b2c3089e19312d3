//! Faults that a page can inject, and requests that may not inject them.

use std::time::Duration;

use anyhow::{Result, ensure};
use testkit::timeout::test_timeout;
use tokio::{
    io::AsyncReadExt,
    time::{Instant, timeout},
};

use crate::server::{ask, request, rest, start, until};

async fn inject(port: u16, client: &str, fault: &str) -> Result<()> {
    let line = format!("POST /break?client={client}&fault={fault}");
    let answer = ask(port, &line, "").await?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_cut_is_in_the_middle_of_an_event_and_of_no_other_client() -> Result<()> {
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
async fn silence_is_on_an_open_connection_and_loses_nothing() -> Result<()> {
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
async fn refusals_are_for_one_client_and_for_a_while() -> Result<()> {
    let port = start("refusals.sse").await?;
    let mut stream = request(port, "GET /events?client=a", "").await?;
    until(&mut stream, "id: ").await?;
    inject(port, "a", "503").await?;
    rest(&mut stream).await?;
    // The fault lasts for a few seconds. On a busy machine the request can come too late.
    let begin = Instant::now();
    let answer = loop {
        let mut stream = request(port, "GET /events?client=a", "").await?;
        let answer = until(&mut stream, "\r\n\r\n").await?;
        if answer.starts_with("HTTP/1.1 503") {
            break answer;
        }
        ensure!(begin.elapsed() < test_timeout(), "{answer}");
        inject(port, "a", "503").await?;
    };
    ensure!(answer.contains("retry-after: 6\r\n"), "{answer}");
    until(
        &mut request(port, "GET /events?client=b", "").await?,
        "id: ",
    )
    .await?;

    inject(port, "a", "204").await?;
    let answer = ask(port, "GET /events?client=a", "").await?;
    ensure!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    inject(port, "a", "none").await?;
    until(
        &mut request(port, "GET /events?client=a", "").await?,
        "id: ",
    )
    .await?;
    Ok(())
}

#[tokio::test]
async fn only_the_page_itself_may_break_its_streams() -> Result<()> {
    let port = start("control.sse").await?;
    let cut = "POST /break?client=a&fault=cut";
    let same = format!("Origin: http://127.0.0.1:{port}\r\n");
    let long = format!("POST /break?client={}&fault=cut", "x".repeat(65));
    for (line, headers, answer) in [
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
        let got = ask(port, line, headers).await?;
        let status = format!("HTTP/1.1 {answer}");
        ensure!(got.starts_with(&status), "{line} {headers}: {got}");
        ensure!(got.contains("content-type: text/plain"), "{got}");
    }
    Ok(())
}
