//! The demo page in a real browser: it updates by itself, sees its server go, and goes on without a
//! gap when it is back. `cargo xtask test-browser` builds the page and brings the browser.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;
use tokio::time::{Instant, sleep};

/// How long anything may take before it counts as not happening.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_page_updates_by_itself_and_survives_its_server() -> Result<()> {
    let mut server = Server::start()?;
    let page = Page::open(&server.url("/")).await?;
    let result = watch(&page, &mut server).await;
    page.screenshot("end").await?;
    page.client.close().await?;
    result
}

async fn watch(page: &Page, server: &mut Server) -> Result<()> {
    page.wait_for("#state[data-state=open]").await?;
    ensure!(page.text("#support").await? == "Your browser supports server-sent events.");
    for feed in ["#time", "#stocks", "#news", "#scores"] {
        page.wait_for_change(feed, "").await?;
        let before = page.text(feed).await?;
        page.wait_for_change(feed, &before).await?;
    }
    page.screenshot("live").await?;

    server.stop();
    page.wait_for("#state[data-state=connecting]").await?;
    ensure!(page.text("#state").await? == "Connection lost, reconnecting…");
    page.screenshot("lost").await?;
    let before = page.event_ids().await?;
    let last = *before
        .last()
        .context("events before the server was stopped")?;

    server.start_again()?;
    page.wait_for("#state[data-state=open]").await?;
    page.wait_until("20 more events", async || {
        Ok(page
            .event_ids()
            .await?
            .last()
            .is_some_and(|id| *id > last + 20))
    })
    .await?;
    let ids = page.event_ids().await?;
    ensure!(ids.contains(&last), "what came before is still there");
    for pair in ids.windows(2) {
        ensure!(
            pair[0] + 1 == pair[1],
            "a gap or a duplicate at {pair:?} of {ids:?}"
        );
    }
    let shown: u64 = serde_json::from_str(&page.text("#last-event-id").await?)?;
    ensure!(shown > last, "the last event ID moves on: {shown}");

    page.client.goto(&server.url("/?force=unsupported")).await?;
    page.wait_until("the sorry text", async || {
        Ok(page.text("#support").await? == "Sorry! No server-sent events support..")
    })
    .await?;
    ensure!(page.text("#stocks").await?.is_empty(), "no feeds are shown");
    page.screenshot("unsupported").await
}

/// The page as a person sees it.
struct Page {
    client: Client,
}

impl Page {
    async fn open(url: &str) -> Result<Self> {
        let driver = env::var("WEBDRIVER").context("run `cargo xtask test-browser`")?;
        let capabilities = serde_json::from_str(&env::var("WEBDRIVER_CAPABILITIES")?)?;
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&driver).await?;
        client.set_window_size(1280, 1000).await?;
        client.goto(url).await?;
        Ok(Self { client })
    }

    async fn text(&self, selector: &str) -> Result<String> {
        Ok(self
            .client
            .find(Locator::Css(selector))
            .await?
            .text()
            .await?)
    }

    /// The IDs of the events in the log, oldest first.
    async fn event_ids(&self) -> Result<Vec<u64>> {
        let script = "return Array.from(document.querySelectorAll('#log [data-event-id]'),
                          entry => Number(entry.dataset.eventId)).reverse()";
        let ids = self.client.execute(script, Vec::<Value>::new()).await?;
        Ok(serde_json::from_value(ids)?)
    }

    async fn wait_for(&self, selector: &str) -> Result<()> {
        let wait = self.client.wait().at_most(PATIENCE);
        wait.for_element(Locator::Css(selector))
            .await
            .with_context(|| selector.to_owned())?;
        Ok(())
    }

    async fn wait_for_change(&self, selector: &str, before: &str) -> Result<()> {
        let what = format!("{selector} to change from {before:?}");
        self.wait_until(&what, async || Ok(self.text(selector).await? != before))
            .await
    }

    async fn wait_until(
        &self,
        what: &str,
        condition: impl AsyncFn() -> Result<bool>,
    ) -> Result<()> {
        let start = Instant::now();
        while !condition().await? {
            ensure!(start.elapsed() < PATIENCE, "waited in vain for {what}");
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// `target/screenshots/NAME.png`, to be looked at.
    async fn screenshot(&self, name: &str) -> Result<()> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
        fs::create_dir_all(&folder)?;
        let picture = self.client.screenshot().await?;
        Ok(fs::write(folder.join(format!("{name}.png")), picture)?)
    }
}

/// The demo server, on one port and one journal over all its lives.
struct Server {
    port: u16,
    journal: PathBuf,
    process: Child,
}

impl Server {
    fn start() -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let journal = Path::new(env!("CARGO_TARGET_TMPDIR")).join("events.sse");
        if journal.exists() {
            fs::remove_file(&journal)?;
        }
        let process = spawn(port, &journal)?;
        Ok(Self {
            port,
            journal,
            process,
        })
    }

    /// As hard as it gets: it has no time to say goodbye.
    fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn start_again(&mut self) -> Result<()> {
        self.process = spawn(self.port, &self.journal)?;
        Ok(())
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(port: u16, journal: &Path) -> Result<Child> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/page");
    Command::new(env!("CARGO_BIN_EXE_web"))
        .arg("--port")
        .arg(port.to_string())
        .arg("--page")
        .arg(page)
        .arg("--journal")
        .arg(journal)
        .spawn()
        .context("cannot start the demo server")
}
