//! The demo page in a browser, driven by WebDriver.

use std::{env, fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::Value;
use testkit::timeout::test_timeout;
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Instant, sleep},
};

/// Lock for the browser window, because some drivers support only one window at a time.
static WINDOW: Mutex<()> = Mutex::const_new(());

pub(crate) struct Page {
    pub(crate) client: Client,
    _window: MutexGuard<'static, ()>,
}

impl Page {
    /// Opens the page, runs a test with it, and closes it, even if the test fails.
    pub(crate) async fn run(url: &str, test: impl AsyncFnOnce(&Self) -> Result<()>) -> Result<()> {
        let window = WINDOW.lock().await;
        let driver = env::var("WEBDRIVER").context("run `cargo xtask test-browser`")?;
        let capabilities = serde_json::from_str(&env::var("WEBDRIVER_CAPABILITIES")?)?;
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&driver).await?;
        let page = Self {
            client,
            _window: window,
        };
        let result = async {
            page.client.set_window_size(1280, 1000).await?;
            page.client.goto(url).await?;
            page.wait_for("#state[data-state=open]").await?;
            test(&page).await
        };
        let result = result.await;
        if result.is_err() {
            page.screenshot(std::thread::current().name().unwrap_or("failed"))
                .await?;
        }
        page.client.clone().close().await?;
        result
    }

    pub(crate) async fn text(&self, selector: &str) -> Result<String> {
        let element = self.client.find(Locator::Css(selector)).await?;
        Ok(element.text().await?)
    }

    pub(crate) async fn number(&self, selector: &str) -> Result<u64> {
        let text = self.text(selector).await?;
        serde_json::from_str(&text).with_context(|| format!("{selector}: {text:?}"))
    }

    pub(crate) async fn click(&self, selector: &str) -> Result<()> {
        let element = self.client.find(Locator::Css(selector)).await?;
        element.click().await.with_context(|| selector.to_owned())
    }

    /// Presses keys in the focused element.
    pub(crate) async fn press(&self, keys: &str) -> Result<()> {
        let element = self.client.active_element().await?;
        Ok(element.send_keys(keys).await?)
    }

    pub(crate) async fn script(&self, script: &str) -> Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// Returns the IDs of the events in the log, oldest first.
    pub(crate) async fn event_ids(&self) -> Result<Vec<u64>> {
        let script = "return Array.from(document.querySelectorAll('#log [data-event-id]'),
                          entry => Number(entry.dataset.eventId)).reverse()";
        Ok(serde_json::from_value(self.script(script).await?)?)
    }

    /// Checks that the log has each event from its first to its last exactly once.
    pub(crate) async fn ensure_no_gap(&self) -> Result<()> {
        let ids = self.event_ids().await?;
        for pair in ids.windows(2) {
            ensure!(
                pair[0] + 1 == pair[1],
                "a gap or a duplicate at {pair:?} of {ids:?}"
            );
        }
        for meter in ["#lost", "#duplicate", "#fetch-lost", "#fetch-duplicate"] {
            let count = self.number(meter).await?;
            ensure!(count == 0, "{meter}: {count}");
        }
        Ok(())
    }

    pub(crate) async fn wait_for(&self, selector: &str) -> Result<()> {
        self.wait_until(selector, async || {
            let elements = self.client.find_all(Locator::Css(selector)).await?;
            Ok(!elements.is_empty())
        })
        .await
    }

    pub(crate) async fn wait_for_text(&self, selector: &str, wanted: &str) -> Result<()> {
        let what = format!("{wanted:?} in {selector}");
        self.wait_until(&what, async || {
            Ok(self.text(selector).await?.contains(wanted))
        })
        .await
    }

    pub(crate) async fn wait_for_change(&self, selector: &str, before: &str) -> Result<()> {
        let what = format!("{selector} to change from {before:?}");
        self.wait_until(&what, async || Ok(self.text(selector).await? != before))
            .await
    }

    /// Waits until both clients have received this number of further events.
    pub(crate) async fn wait_for_events(&self, more: u64) -> Result<()> {
        let wanted = [
            ("#count", self.number("#count").await? + more),
            ("#fetch-count", self.number("#fetch-count").await? + more),
        ];
        for (count, wanted) in wanted {
            let what = format!("{wanted} in {count}");
            self.wait_until(&what, async || Ok(self.number(count).await? >= wanted))
                .await?;
        }
        Ok(())
    }

    pub(crate) async fn wait_until(
        &self,
        what: &str,
        condition: impl AsyncFn() -> Result<bool>,
    ) -> Result<()> {
        let (start, limit) = (Instant::now(), test_timeout());
        while !condition().await? {
            ensure!(start.elapsed() < limit, "timeout while waiting for {what}");
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Saves a screenshot as `target/screenshots/BROWSER/NAME.png`, for manual inspection.
    pub(crate) async fn screenshot(&self, name: &str) -> Result<()> {
        let browser = self
            .client
            .capabilities()
            .and_then(|capabilities| capabilities.get("browserName"));
        let browser = browser.and_then(Value::as_str).unwrap_or("browser");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../screenshots");
        let folder = folder.join(browser);
        fs::create_dir_all(&folder)?;
        let picture = self.client.screenshot().await?;
        Ok(fs::write(folder.join(format!("{name}.png")), picture)?)
    }
}
