//! Page of any server in a browser, which a test loads, reloads, and reads with scripts.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use testkit::timeout::test_timeout;

use crate::{
    browser::{Browser, Site, Visit},
    folder,
    proxy::Proxy,
    server::url,
};

/// Interval at which to look at the page again.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Page in a frame of `clients/frame.html`.
///
/// A script may only look into a frame of its own origin. So the browser gets both pages from one nginx.
#[derive(Debug)]
pub struct Page {
    visit: Visit,
    _nginx: Proxy,
}

impl Page {
    /// Starts a browser without a page in the frame, and nginx, which gets lines for its `server` section.
    pub fn open(browser: Browser, start_nginx: impl FnOnce(&str) -> Result<Proxy>) -> Result<Self> {
        let site = Site::new(fs::read_to_string(folder::prepared("clients/frame.html")?)?)?;
        let origin = site.origin()?;
        let lines = format!(
            "location = /frame {{ proxy_pass {origin}/; }}
location = /results {{ proxy_pass {origin}; }}
location = /jobs {{ proxy_pass {origin}; proxy_read_timeout 1h; }}"
        );
        let nginx = start_nginx(&lines)?;
        Ok(Self {
            visit: browser.open(site, &url(nginx.port, "/frame"))?,
            _nginx: nginx,
        })
    }

    /// Loads the page with this path into the frame.
    pub fn load(&self, path: &str) -> Result<()> {
        self.run("load", path).map(drop)
    }

    /// Reloads the page in the frame.
    pub fn reload(&self) -> Result<()> {
        self.run("reload", "").map(drop)
    }

    /// Evaluates an expression in the page.
    pub fn evaluate(&self, expression: &str) -> Result<Value> {
        self.run("evaluate", expression)
    }

    /// Waits until the expression has this value.
    pub fn wait_for(&self, expression: &str, value: &Value) -> Result<()> {
        let (start, limit) = (Instant::now(), test_timeout());
        loop {
            let seen = self.evaluate(expression)?;
            if seen == *value {
                return Ok(());
            }
            ensure!(
                start.elapsed() < limit,
                "timeout after {limit:?}: {expression} is {seen}, expected {value}"
            );
            sleep(POLL_INTERVAL);
        }
    }

    fn run(&self, name: &str, argument: &str) -> Result<Value> {
        let result = self.visit.run(&json!([name, argument]))?;
        if let Some(error) = result.get("error") {
            bail!("{name} {argument}: {error}");
        }
        let value = result.get("value").cloned();
        value.with_context(|| format!("{name} {argument}: {result}"))
    }
}
