//! Headless Chromium and Firefox with a page that runs jobs with an `EventSource`.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::{
    browser::{self, CHROMIUM, Slot},
    timeout::test_timeout,
};

use crate::{folder, process::Process, server::url};

/// Browser without access to the network: all addresses except 127.0.0.1 use a proxy that does not exist.
#[derive(Clone, Copy, Debug)]
pub enum Browser {
    /// Chromium.
    Chromium,
    /// Firefox.
    Firefox,
}

/// Implementation of `EventSource` in the page.
#[derive(Clone, Copy, Debug)]
pub enum Client {
    /// `EventSource` of the browser.
    Native,
    /// `EventSource` of the script `event-source.js`.
    Script,
    /// `EventSource` of the script `event-source.js`, in a worker.
    ScriptInWorker,
    /// `EventSource` of the npm package.
    Package,
}

impl Client {
    /// Returns `clients/page.html` with this client.
    fn page(self, html: &str) -> String {
        let head = match self {
            Self::Native => "",
            Self::Script => r#"<script src="/event-source.js"></script>"#,
            Self::ScriptInWorker => {
                return r#"<script>new Worker("/worker.js")</script>"#.to_owned();
            }
            Self::Package => {
                r#"<script type="module">
                    import { EventSource } from "/index.js";
                    window.EventSource = EventSource;
                </script>"#
            }
        };
        html.replacen("<script", &[head, "<script"].concat(), 1)
    }
}

impl Browser {
    /// Opens `clients/page.html` with these jobs, and returns the results that the page posts.
    pub fn run(self, client: Client, jobs: &Value) -> Result<Vec<Value>> {
        let html = fs::read_to_string(folder::prepared("clients/page.html")?)?;
        let mut site = Site::new(client.page(&html))?;
        site.content.worker = worker(&html)?;
        self.visit(site, jobs)
            .with_context(|| format!("{client:?}"))
    }

    /// Opens the page of a site with these jobs, and returns the results that the page posts.
    pub fn visit(self, site: Site, jobs: &Value) -> Result<Vec<Value>> {
        let page = [&site.origin()?, "/"].concat();
        let results = self.open(site, &page)?.run(jobs)?;
        Ok(serde_json::from_value(results)?)
    }

    /// Opens the page of a site at this URL, which may be that of a proxy.
    pub fn open(self, site: Site, page: &str) -> Result<Visit> {
        let Site { listener, content } = site;
        let (jobs, next_jobs) = channel();
        let (sender, results) = channel();
        let next_jobs = Arc::new(Mutex::new(next_jobs));
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (content, sender) = (content.clone(), sender.clone());
                let next_jobs = Arc::clone(&next_jobs);
                // After an error here, the page posts no results.
                thread::spawn(move || content.answer(connection, &next_jobs, &sender));
            }
        });
        let slot = browser::slot()?;
        Ok(Visit {
            browser: self,
            jobs,
            results,
            _process: self.start(page)?,
            _slot: slot,
        })
    }

    fn start(self, page: &str) -> Result<Process> {
        let profile = folder::scratch("browser")?;
        let mut command = match self {
            Self::Chromium => chromium(&profile),
            Self::Firefox => firefox(&profile)?,
        };
        let log = File::create(profile.join("log"))?;
        command.arg(page).stdout(log.try_clone()?).stderr(log);
        Process::start(&mut command)
    }
}

/// Browser with an open page, which gets jobs.
#[derive(Debug)]
pub struct Visit {
    browser: Browser,
    jobs: Sender<String>,
    results: Receiver<Vec<u8>>,
    _process: Process,
    /// Released after the process has ended.
    _slot: Slot,
}

impl Visit {
    /// Gives the page its next jobs, and returns the results that it posts.
    pub fn run(&self, jobs: &Value) -> Result<Value> {
        self.jobs.send(jobs.to_string())?;
        let results = self.results.recv_timeout(test_timeout());
        let results =
            results.with_context(|| format!("{:?}: the page posts no results", self.browser))?;
        Ok(serde_json::from_slice(&results)?)
    }
}

fn chromium(profile: &Path) -> Command {
    let mut command = Command::new("chromium");
    command.args(CHROMIUM).arg("--proxy-server=127.0.0.1:9");
    command.arg(format!("--user-data-dir={}", profile.display()));
    command
}

fn firefox(profile: &Path) -> Result<Command> {
    let preferences = r#"
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
"#;
    fs::write(profile.join("user.js"), preferences)?;
    let mut command = Command::new("firefox-esr");
    command
        .args(["--headless", "--no-remote", "--profile"])
        .arg(profile);
    Ok(command)
}

/// Web site with one page, which gets jobs from it and posts the results to it.
#[derive(Debug)]
pub struct Site {
    listener: TcpListener,
    content: Content,
}

impl Site {
    /// Creates a site with this page.
    pub fn new(page: String) -> Result<Self> {
        Ok(Self {
            listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
            content: Content {
                page,
                ..Content::default()
            },
        })
    }

    /// Returns the origin of the page.
    pub fn origin(&self) -> Result<String> {
        Ok(url(self.listener.local_addr()?.port(), ""))
    }

    /// Adds a cookie, which the browser gets with the page. It is the value of a header `Set-Cookie`.
    pub fn add_cookie(&mut self, cookie: &str) {
        let header = format!("Set-Cookie: {cookie}\r\n");
        self.content.cookies.push_str(&header);
    }
}

/// Contents of a site.
#[derive(Clone, Debug, Default)]
struct Content {
    page: String,
    worker: String,
    /// Headers `Set-Cookie`, each with the end of its line.
    cookies: String,
}

impl Content {
    /// Answers one request: for the page, the worker, the jobs, the results, or a file of an npm package.
    fn answer(
        &self,
        connection: TcpStream,
        jobs: &Mutex<Receiver<String>>,
        results: &Sender<Vec<u8>>,
    ) -> Result<()> {
        let mut reader = BufReader::new(connection);
        let mut request = String::new();
        reader.read_line(&mut request)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = serde_json::from_str(value.trim())?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let (content_type, bytes) = match request.split(' ').nth(1).unwrap_or_default() {
            "/" => ("text/html", self.page.clone().into_bytes()),
            "/worker.js" => ("text/javascript", self.worker.clone().into_bytes()),
            "/jobs" => {
                let jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
                ("application/json", jobs.recv()?.into_bytes())
            }
            "/results" => ("text/plain", Vec::new()),
            path => file(path)?,
        };
        write!(
            reader.get_mut(),
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n",
            bytes.len(),
            self.cookies
        )?;
        reader.get_mut().write_all(&bytes)?;
        if request.starts_with("POST") {
            results.send(body)?;
        }
        Ok(())
    }
}

/// Returns the script of the page for a worker.
fn worker(html: &str) -> Result<String> {
    let script = html.split("<script type=\"module\">").nth(1);
    let script = script.and_then(|rest| rest.split("</script>").next());
    let script = script.context("the page has no script")?;
    Ok([
        "importScripts('/event-source.js');\n(async () => {",
        script,
        "})();",
    ]
    .concat())
}

/// Returns a file of our npm package, or of one in `/node_modules`.
fn file(path: &str) -> Result<(&'static str, Vec<u8>)> {
    let content_type = match path.ends_with(".wasm") {
        true => "application/wasm",
        false => "text/javascript",
    };
    let folder = match path.starts_with("/node_modules/") {
        true => "clients",
        false => "npm",
    };
    let file = folder::prepared(&[folder, path].concat())?;
    Ok((content_type, fs::read(file)?))
}
