//! The events of a stream, and the event at which it starts.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use crate::server::{request, start, until};

#[tokio::test]
async fn a_stream_with_a_client_id_begins_with_the_counters() -> Result<()> {
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
async fn a_client_gets_only_the_requested_topics() -> Result<()> {
    let port = start("topics.sse").await?;
    let mut both = request(port, "GET /events?topic=time&topic=scores", "").await?;
    let text = until(&mut both, "event: scores").await?;
    ensure!(text.contains("event: time"), "{text}");
    ensure!(!text.contains("event: stocks"), "{text}");
    Ok(())
}

#[tokio::test]
async fn an_unknown_last_event_id_resets_the_stream() -> Result<()> {
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
async fn ids_continue_after_the_last_event_of_the_journal() -> Result<()> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("journal.sse");
    let block = |id| format!("event: news\nid: {id}\ndata: {{}}\n\n");
    let half = "event: news\nid: 9\ndata: {";
    fs::write(&path, [block(7), block(8), half.to_owned()].concat())?;
    let port = start("journal.sse").await?;
    let mut stream = request(port, "GET /events", "Last-Event-ID: 6\r\n").await?;
    let text = until(&mut stream, "id: 10").await?;
    let ids: Vec<_> = text.split("id: ").skip(1).map(|text| &text[..1]).collect();
    ensure!(ids == ["7", "8", "9", "1"], "{text}");
    let mut stream = request(port, "GET /events", "Last-Event-ID: 5\r\n").await?;
    until(&mut stream, r#"{"reason":"too old"}"#).await?;
    Ok(())
}

#[tokio::test]
async fn a_node_reports_the_urls_of_the_others() -> Result<()> {
    let port = start("node.sse").await?;
    let text = until(&mut request(port, "GET /events?client=a", "").await?, "}").await?;
    let others = [port - 1, port + 1].map(|port| format!("\"http://127.0.0.1:{port}/\""));
    let others = format!(r#""others":[{}]"#, others.join(","));
    ensure!(
        text.contains(r#""node":"Node 2 of 3, connected to NATS""#) && text.contains(&others),
        "{text}"
    );
    Ok(())
}
