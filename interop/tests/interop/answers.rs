//! Checks the page of the example `answers` over NATS, in Chromium and Firefox. It shows the whole answer, also if it is
//! reloaded in the middle, and if the node that serves it and writes the answer is killed.

use std::{process::Command, thread::sleep, time::Duration};

use anyhow::{Result, ensure};
use interop::{
    browser::Browser,
    curl, folder,
    frame::Page,
    process::{Process, wait_until},
    proxy,
    server::url,
};
use serde_json::json;
use testkit::{Item, contract, nats::Nats, port, timeout::test_timeout};

const PROMPT: &str = "Why is the sky <blue> & \"deep\", 🌌?";

/// First words of each answer. Some seconds later, the answer ends with numbers up to 30.
const FIRST_WORDS: &str = "An answer to the prompt: ";

/// Expression for the answer on the page.
const TEXT: &str = "document.getElementById('text').textContent";

/// Expression for the state of the answer on the page.
const STATE: &str = "document.querySelector('section').dataset.state";

#[test]
fn reloaded_in_chromium() -> Result<()> {
    check(Browser::Chromium, |cluster| cluster.page.reload())
}

#[test]
fn reloaded_in_firefox() -> Result<()> {
    check(Browser::Firefox, |cluster| cluster.page.reload())
}

#[test]
fn killed_in_chromium() -> Result<()> {
    check(Browser::Chromium, kill_the_writer)
}

#[test]
fn killed_in_firefox() -> Result<()> {
    check(Browser::Firefox, kill_the_writer)
}

#[test]
fn killed_and_reloaded_in_chromium() -> Result<()> {
    check(Browser::Chromium, kill_the_writer_and_reload)
}

#[test]
fn killed_and_reloaded_in_firefox() -> Result<()> {
    check(Browser::Firefox, kill_the_writer_and_reload)
}

#[test]
fn without_nodes_for_some_time_in_chromium() -> Result<()> {
    check(Browser::Chromium, kill_all_nodes_and_start_one)
}

#[test]
fn without_nodes_for_some_time_in_firefox() -> Result<()> {
    check(Browser::Firefox, kill_all_nodes_and_start_one)
}

fn kill_the_writer(cluster: &mut Cluster) -> Result<()> {
    cluster.first.kill();
    Ok(())
}

fn kill_the_writer_and_reload(cluster: &mut Cluster) -> Result<()> {
    cluster.first.kill();
    cluster.page.reload()
}

/// Kills both nodes. nginx answers 502 meanwhile, after which a browser does not reconnect by itself.
fn kill_all_nodes_and_start_one(cluster: &mut Cluster) -> Result<()> {
    cluster.first.kill();
    cluster.second.kill();
    cluster.page.wait_for(STATE, &json!("reconnecting"))?;
    // The browser tries once after the reconnection time of 1 s.
    sleep(Duration::from_secs(3));
    cluster.second.start()
}

/// Asks on the page, changes something in the middle of the answer, and checks that the page shows the whole answer.
fn check(browser: Browser, change: impl Fn(&mut Cluster) -> Result<()>) -> Result<()> {
    let mut cluster = Cluster::start(browser)?;
    cluster.page.load("/")?;
    wait_until(test_timeout(), "an answer is in its middle", || {
        cluster.start_answer()?;
        // On a busy machine, it may be complete already.
        Ok(cluster.page.evaluate(STATE)? == "writing")
    })?;
    change(&mut cluster)?;
    cluster.ends()
}

/// Two nodes, NATS, and a page that reaches the nodes through nginx.
struct Cluster {
    page: Page,
    /// Node that gets all requests until it is killed.
    first: Node,
    second: Node,
    _nats: Nats,
}

impl Cluster {
    fn start(browser: Browser) -> Result<Self> {
        let nats = Nats::start()?;
        let first = Node::start_new(&nats)?;
        let second = Node::start_new(&nats)?;
        let page = Page::open(browser, |lines| {
            proxy::nginx_with_failover(first.port, second.port, lines)
        })?;
        Ok(Self {
            page,
            first,
            second,
            _nats: nats,
        })
    }

    /// Asks with the form of the page, and waits for the first words of the answer.
    fn start_answer(&self) -> Result<()> {
        let prompt = json!(PROMPT);
        self.page.evaluate(&format!(
            "(() => {{
                const {{ prompt }} = document.forms[0];
                prompt.value = {prompt};
                prompt.form.requestSubmit();
            }})()"
        ))?;
        let has_begun = format!("{TEXT}.startsWith({})", json!(FIRST_WORDS));
        self.page.wait_for(&has_begun, &json!(true))
    }

    /// Waits until the answer is complete, and checks that no token is lost or doubled at any time.
    fn ends(&self) -> Result<()> {
        let numbers: String = (1..=30).map(|number| format!(" {number}")).collect();
        let whole = format!("{FIRST_WORDS}{PROMPT}{numbers}");
        wait_until(test_timeout(), "the answer is complete", || {
            let state = self.page.evaluate(STATE)?;
            let text = self.page.evaluate(TEXT)?;
            let is_part = text.as_str().is_some_and(|text| whole.starts_with(text));
            ensure!(is_part, "not a part of the answer: {text}");
            Ok(state == "complete")
        })?;
        let text = self.page.evaluate(TEXT)?;
        ensure!(text == *whole, "not the whole answer: {text}");
        let id = self.page.evaluate("location.hash.slice(1)")?;
        let path = format!("/answers/{}", id.as_str().unwrap_or_default());
        let (_, stream) = curl::response(&url(self.second.port, &path), &[])?;
        let fresh: String = contract::events(&stream)
            .into_iter()
            .filter_map(|item| match item {
                Item::Event { data, .. } => Some(data),
                _ => None,
            })
            .collect();
        ensure!(fresh == whole, "another reader gets {fresh:?}");
        Ok(())
    }
}

/// Node that keeps its port when it is started again.
struct Node {
    port: u16,
    nats: String,
    process: Option<Process>,
}

impl Node {
    fn start_new(nats: &Nats) -> Result<Self> {
        let mut node = Self {
            port: port::free()?,
            nats: nats.url(),
            process: None,
        };
        node.start()?;
        Ok(node)
    }

    fn start(&mut self) -> Result<()> {
        let mut command = Command::new(folder::prepared("answers")?);
        command.args(["--listen", &format!("127.0.0.1:{}", self.port)]);
        command.args(["--nats", &self.nats]);
        command.args(["--pace", "100", "--patience", "500"]);
        self.process = Some(Process::listening(&mut command, self.port)?);
        Ok(())
    }

    /// Kills the node with SIGKILL.
    fn kill(&mut self) {
        self.process = None;
    }
}
