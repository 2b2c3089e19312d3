//! Tests of the demo page in a real browser: live updates, all faults, and recovery without a gap.
//!
//! `cargo xtask test-browser` builds the page and provides the browser.

mod page;
mod server;

use anyhow::{Context, Result, ensure};
use fantoccini::{Locator, key::Key};
use page::Page;
use server::Server;
use sse_proto::{Chunk, Decoder, Item, client::DisconnectReason};

#[tokio::test]
async fn the_page_updates_and_survives_a_restart_of_the_server() -> Result<()> {
    let mut server = Server::start()?;
    Page::run(&server.url("/"), async |page| {
        ensure!(page.text("#support").await? == "Your browser supports server-sent events.");
        ensure!(page.text("#state").await? == "Live");
        for feed in ["#time", "#stocks", "#news", "#scores"] {
            page.wait_for_change(feed, "").await?;
            let before = page.text(feed).await?;
            page.wait_for_change(feed, &before).await?;
        }
        page.wait_for_text("#server-subscribers", "2").await?;
        page.screenshot("live").await?;

        server.stop();
        page.wait_for("#state[data-state=connecting]").await?;
        ensure!(page.text("#state").await? == "Connection lost, reconnecting…");
        let reason = DisconnectReason::NetworkError.to_string();
        page.wait_for_text("#fetch-reason", &reason).await?;
        page.wait_for_text("#fetch-reason", "Attempt 2").await?;
        page.screenshot("lost").await?;
        let before = page.event_ids().await?;
        let last = *before
            .last()
            .context("events before the server was stopped")?;

        server.restart()?;
        page.wait_for("#state[data-state=open]").await?;
        page.wait_for("#fetch-state[data-state=open]").await?;
        page.wait_for_events(8).await?;
        let ids = page.event_ids().await?;
        ensure!(ids.contains(&last), "earlier events are missing");
        page.ensure_no_gap().await?;
        let shown = page.number("#last-event-id").await?;
        ensure!(shown > last, "last event ID is {shown}, was {last}");

        page.client.goto(&server.url("/?force=unsupported")).await?;
        page.wait_for_text("#support", "Sorry! No server-sent events support..")
            .await?;
        ensure!(page.text("#stocks").await?.is_empty(), "feeds are shown");
        page.screenshot("unsupported").await
    })
    .await
}

#[tokio::test]
async fn both_clients_recover_from_faults_without_a_gap() -> Result<()> {
    let server = Server::start()?;
    Page::run(&server.url("/"), async |page| {
        for (fault, reason) in [
            ("cut", DisconnectReason::NetworkError),
            ("silence", DisconnectReason::IdleTimeout),
            ("503", DisconnectReason::Status(503)),
        ] {
            let replayed = page.number("#replayed").await?;
            page.click(&format!("[data-fault='{fault}']")).await?;
            page.wait_for_text("#fault", "The server").await?;
            page.wait_for("#state[data-state=connecting]").await?;
            page.wait_for_text("#fetch-reason", &reason.to_string())
                .await?;
            page.screenshot(fault).await?;
            page.wait_for("#state[data-state=open]").await?;
            page.wait_for("#fetch-state[data-state=open]").await?;
            page.wait_for_events(4).await?;
            page.ensure_no_gap().await?;
            let now = page.number("#replayed").await?;
            ensure!(now > replayed, "{fault}: no event was replayed");
        }

        page.click("#slow").await?;
        page.wait_for_text("#fault", "The page reads nothing")
            .await?;
        page.wait_for_text("#log", "too slow for").await?;
        page.screenshot("slow").await?;
        page.wait_for_events(4).await?;
        page.ensure_no_gap().await?;

        page.click("[data-fault='204']").await?;
        page.wait_for("#state[data-state=closed]").await?;
        page.wait_for("#fetch-state[data-state=closed]").await?;
        ensure!(page.text("#state").await? == "Closed");
        let reason = DisconnectReason::Status(204).to_string();
        page.wait_for_text("#fetch-reason", &reason).await?;
        page.screenshot("204").await?;
        page.click("#start").await?;
        page.wait_for("#state[data-state=open]").await?;
        page.wait_for("#fetch-state[data-state=open]").await?;
        page.wait_for_events(4).await?;
        page.ensure_no_gap().await
    })
    .await
}

#[tokio::test]
async fn the_page_starts_again_after_the_server_lost_its_events() -> Result<()> {
    let mut server = Server::start()?;
    Page::run(&server.url("/"), async |page| {
        page.wait_for_events(40).await?;
        let last = page.number("#last-event-id").await?;
        server.stop();
        page.wait_for("#state[data-state=connecting]").await?;
        server.delete_journal()?;
        server.restart()?;
        for log in ["log", "raw"] {
            page.click(&format!("#{log}-tab")).await?;
            let notice = "the server sent reset: {\"reason\":\"unknown\"}";
            page.wait_for_text(&format!("#{log}"), notice).await?;
        }
        page.wait_for("#state[data-state=open]").await?;
        page.wait_for("#fetch-state[data-state=open]").await?;
        page.wait_for_events(8).await?;
        page.screenshot("reset").await?;
        let shown = page.number("#last-event-id").await?;
        ensure!(shown < last, "last event ID is {shown}, was {last}");
        for meter in ["#lost", "#duplicate", "#fetch-lost", "#fetch-duplicate"] {
            ensure!(page.number(meter).await? == 0, "{meter}");
        }
        page.wait_for_text("#server-resets", "2").await
    })
    .await
}

#[tokio::test]
async fn the_logs_can_be_paused_filtered_and_exported() -> Result<()> {
    let server = Server::start()?;
    Page::run(&server.url("/"), async |page| {
        // Keeps the files that the page saves.
        page.script(
            "window.saved = [];
             const create = URL.createObjectURL;
             URL.createObjectURL = blob => (saved.push(blob), create.call(URL, blob));
             HTMLAnchorElement.prototype.click = function () { saved.push(this.download); };",
        )
        .await?;
        page.wait_for_events(20).await?;

        // A paused log does not change, and shows all events when it resumes.
        page.click("#log-pause").await?;
        let paused = page.event_ids().await?;
        page.wait_for_events(4).await?;
        ensure!(page.event_ids().await? == paused, "changed while paused");
        ensure!(
            saved(page, "log").await?.1 == paused,
            "the file differs from the log"
        );
        page.click("#log-pause").await?;
        ensure!(page.event_ids().await?.len() > paused.len());
        page.ensure_no_gap().await?;

        let filter = page.client.find(Locator::Css("#log-filter")).await?;
        filter.send_keys("NEWS").await?;
        let shown = "return Array.from(document.querySelectorAll('#log li:not([hidden]) .type'),
                         type => type.textContent)";
        let shown = page.script(shown).await?;
        let shown: Vec<String> = serde_json::from_value(shown)?;
        ensure!(
            !shown.is_empty() && shown.iter().all(|event_type| event_type == "news"),
            "{shown:?}"
        );
        page.script("scrollTo(0, document.body.scrollHeight)")
            .await?;
        page.screenshot("filter").await?;
        let (name, ids) = saved(page, "log").await?;
        ensure!(name == "events.sse", "{name}");
        ensure!(ids.len() >= shown.len(), "{ids:?}");
        filter.clear().await?;

        page.click("#log-clear").await?;
        let least = page.number("#last-event-id").await?;
        page.wait_for_events(4).await?;
        let ids = page.event_ids().await?;
        ensure!(ids.iter().all(|id| *id >= least), "{ids:?} from {least}");

        // Selects the other tab and back with the keyboard.
        page.click("#log-tab").await?;
        page.press(&Key::Right.to_string()).await?;
        ensure!(
            page.client
                .active_element()
                .await?
                .attr("id")
                .await?
                .as_deref()
                == Some("raw-tab")
        );
        let panel = page.client.find(Locator::Css("#raw-panel")).await?;
        ensure!(panel.is_displayed().await?);
        let raw = page.text("#raw").await?;
        ensure!(
            raw.contains("event: server\nretry: 1000\ndata: {\"now\":"),
            "{raw}"
        );
        ensure!(raw.contains("event: time\nid: "), "{raw}");
        page.script("scrollTo(0, document.body.scrollHeight)")
            .await?;
        page.screenshot("raw").await?;
        let (name, ids) = saved(page, "raw").await?;
        ensure!(name == "frames.sse", "{name}");
        for pair in ids.windows(2) {
            ensure!(pair[0] <= pair[1] && pair[1] <= pair[0] + 1, "{ids:?}");
        }
        page.press(&Key::Home.to_string()).await?;
        ensure!(!panel.is_displayed().await?);
        page.press(&Key::Left.to_string()).await?;
        ensure!(panel.is_displayed().await?, "Left selects the last tab");
        Ok(())
    })
    .await
}

/// Exports a log, and returns the name of the file and the last event IDs of its events.
async fn saved(page: &Page, log: &str) -> Result<(String, Vec<u64>)> {
    page.script("saved.length = 0").await?;
    // Clicked by script, because the button may be out of sight.
    page.script(&format!("document.getElementById('{log}-export').click()"))
        .await?;
    let read = "const done = arguments[arguments.length - 1];
                saved[0].text().then(text => done([saved[1], saved[0].type, text]))";
    let file = page.client.execute_async(read, Vec::new()).await?;
    let (name, content_type, stream): (String, String, String) = serde_json::from_value(file)?;
    ensure!(content_type == "text/event-stream");
    let (mut decoder, mut chunk) = (Decoder::new(), Chunk::from(&*stream));
    let (mut ids, mut again) = (Vec::new(), String::new());
    while let Some(item) = decoder.decode(&mut chunk)? {
        if let Item::Event(event) = item
            && event.event_type != "server"
        {
            ids.push(serde_json::from_str(event.last_event_id)?);
            sse_proto::Event::try_from(event)?.encode(&mut again);
        }
    }
    ensure!(
        log == "raw" || again == stream,
        "the decoded file encodes to other bytes"
    );
    Ok((name, ids))
}

#[tokio::test]
#[ignore = "`cargo xtask screenshot` runs it"]
async fn the_picture_of_the_readme() -> Result<()> {
    let server = Server::start()?;
    Page::run(&server.url("/"), async |page| {
        let style = "document.documentElement.style";
        page.script(&format!(
            "{style}.colorScheme = 'light'; {style}.overflow = 'hidden'"
        ))
        .await?;
        // Up to the end of the stocks.
        page.client.set_window_size(1280, 1278).await?;
        page.wait_for_events(60).await?;
        page.screenshot("readme").await
    })
    .await
}

#[tokio::test]
async fn the_page_fits_all_sizes_and_colours() -> Result<()> {
    let server = Server::start()?;
    Page::run(&server.url("/"), async |page| {
        page.wait_for_events(12).await?;
        for scheme in ["light", "dark"] {
            let set = format!("document.documentElement.style.colorScheme = '{scheme}'");
            page.script(&set).await?;
            page.client.set_window_size(1280, 2100).await?;
            page.screenshot(&format!("wide-{scheme}")).await?;
            page.client.set_window_size(1280, 1000).await?;
        }

        // A browser window cannot be as narrow as a phone, but a frame can.
        page.script(
            "document.body.innerHTML = '<iframe src=\"/\" style=\"border: 0\" width=360 height=2000>'",
        )
        .await?;
        page.client.set_window_size(700, 2200).await?;
        page.client.enter_frame(0).await?;
        page.wait_for("#state[data-state=open]").await?;
        page.wait_for_events(12).await?;
        for tab in ["#log-tab", "#raw-tab"] {
            page.click(tab).await?;
            let fits = "return document.documentElement.scrollWidth <= innerWidth";
            ensure!(page.script(fits).await? == true, "{tab}: scrolls sideways");
            page.script("scrollTo(0, 0)").await?;
            page.screenshot(&format!("narrow-{}", &tab[1..])).await?;
        }
        page.script("scrollTo(0, document.body.scrollHeight)").await?;
        page.screenshot("narrow-end").await
    })
    .await
}
