//! What a page can break, seen from the wire, and who may not.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};
use web::{Demo, Journal, publish_feeds};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server with a journal of this name.
async fn start(name: &str) -> Result<u16> {
    let journal = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let (journal, hub) = Journal::open(&journal).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let demo = Demo::new(hub.clone(), "no page".into());
    tokio::spawn(async move {
        let _ = tokio::join!(publish_feeds(&hub, journal), demo.serve(listener));
    });
    Ok(port)
}

/// Sends a request.
async fn request(port: u16, line: &str, headers: &str) -> Result<TcpStream> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    let head = format!("{line} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n");
    connection.write_all(head.as_bytes()).await?;
    Ok(connection)
}

/// All that comes before the connection ends.
async fn rest(connection: &mut TcpStream) -> Result<String> {
    let mut text = Vec::new();
    timeout(PATIENCE, connection.read_to_end(&mut text)).await??;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// What comes up to this text.
async fn until(connection: &mut TcpStream, wanted: &str) -> Result<String> {
    let mut text = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&text).contains(wanted) {
            if connection.read_buf(&mut text).await? == 0 {
                break;
            }
        }
        std::io::Result::Ok(())
    };
    let result = timeout(PATIENCE, read).await;
    let text = String::from_utf8_lossy(&text).into_owned();
    result.with_context(|| format!("{wanted:?} in {text:?}"))??;
    ensure!(text.contains(wanted), "{wanted:?} in {text:?}");
    Ok(text)
}

/// The answer to a request that ends.
async fn ask(port: u16, line: &str, headers: &str) -> Result<String> {
    let headers = format!("{headers}Connection: close\r\n");
    rest(&mut request(port, line, &headers).await?).await
}

async fn inject(port: u16, client: &str, fault: &str) -> Result<()> {
    let line = format!("POST /break?client={client}&fault={fault}");
    let answer = ask(port, &line, "").await?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_stream_begins_with_the_counters_and_without_a_client_it_has_none() -> Result<()> {
    let port = start("counters.sse").await?;
    let mut page = request(port, "GET /events?client=a", "").await?;
    let text = until(&mut page, "id: ").await?;
    let events = text.split_once("\n\n").context("the opening comment")?.1;
    ensure!(
        events.contains("event: server\nretry: 1000\ndata: {\"now\":"),
        "{text}"
    );
    let mut plain = request(port, "GET /events", "").await?;
    let text = until(&mut plain, "id: ").await?;
    ensure!(
        !text.contains("server") && !text.contains("retry"),
        "{text}"
    );
    Ok(())
}

#[tokio::test]
async fn a_client_hears_of_the_topics_it_asks_for() -> Result<()> {
    let port = start("topics.sse").await?;
    let mut both = request(port, "GET /events?topic=time&topic=scores", "").await?;
    let text = until(&mut both, "event: scores").await?;
    ensure!(text.contains("event: time"), "{text}");
    ensure!(!text.contains("event: stocks"), "{text}");
    Ok(())
}

#[tokio::test]
async fn one_that_has_seen_what_never_was_begins_anew() -> Result<()> {
    let port = start("reset.sse").await?;
    for (line, header) in [
        ("GET /events", "Last-Event-ID: 99999999\r\n"),
        ("GET /events?lastEventId=x", ""),
    ] {
        let text = until(&mut request(port, line, header).await?, "event: time").await?;
        let events = text.split_once("\n\n").context("the opening comment")?.1;
        ensure!(
            events.contains("event: reset\nid: ") && events.contains(r#"{"reason":"unknown"}"#),
            "{text}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_numbers_go_on_where_the_journal_ends() -> Result<()> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("journal.sse");
    let block = |id| format!("event: news\nid: {id}\ndata: {{}}\n\n");
    let half = "event: news\nid: 9\ndata: {";
    std::fs::write(&path, [block(7), block(8), half.to_owned()].concat())?;
    let port = start("journal.sse").await?;
    let mut stream = request(port, "GET /events", "Last-Event-ID: 6\r\n").await?;
    let text = until(&mut stream, "id: 10").await?;
    let ids: Vec<_> = text.split("id: ").skip(1).map(|it| &it[..1]).collect();
    ensure!(ids == ["7", "8", "9", "1"], "{text}");
    let mut stream = request(port, "GET /events", "Last-Event-ID: 5\r\n").await?;
    until(&mut stream, r#"{"reason":"too old"}"#).await?;
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
    // What was under way before.
    let _ = timeout(Duration::from_millis(500), rest(&mut stream)).await;
    let start = Instant::now();
    let mut byte = [0];
    ensure!(
        timeout(PATIENCE, stream.read(&mut byte)).await?? == 1,
        "it was closed"
    );
    ensure!(
        start.elapsed() > Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    Ok(())
}

#[tokio::test]
async fn refusals_are_for_one_client_and_for_a_while() -> Result<()> {
    let port = start("refusals.sse").await?;
    let mut stream = request(port, "GET /events?client=a", "").await?;
    until(&mut stream, "id: ").await?;
    inject(port, "a", "503").await?;
    rest(&mut stream).await?;
    let answer = ask(port, "GET /events?client=a", "").await?;
    ensure!(answer.starts_with("HTTP/1.1 503"), "{answer}");
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
