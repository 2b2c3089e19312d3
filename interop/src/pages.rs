//! Pages of front-end libraries, served by the example `protocols`: each feature of each library in a browser.

use std::{fs, path::PathBuf, process::Command, thread::sleep, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{port, timeout::test_timeout};

use crate::{
    browser::Browser,
    check::Check,
    cutter::Cutter,
    folder,
    frame::Page,
    process::{Process, wait_until},
    proxy,
    server::{get, url},
};

/// Checks each feature of each library.
pub fn run(browser: Browser) -> Result<Vec<Check>> {
    let mut results = Vec::new();
    for library in LIBRARIES {
        let version = (library.version)()?;
        let own_features = library.own_features;
        for (max_age, features) in [
            (None, &[FEATURES, own_features, CLOSING].concat()[..]),
            (Some(MAX_AGE), RECONNECTION),
        ] {
            let wall = Wall::start(browser, max_age)?;
            for (feature, check) in features {
                let result = check(library, &wall);
                results.push(Check {
                    sdk: format!("{} in {browser:?}", library.name),
                    version: version.clone(),
                    feature: (*feature).to_owned(),
                    error: result.err().map(|error| format!("{error:#}")),
                });
            }
        }
    }
    Ok(results)
}

/// Maximum age of the streams of which a page reads several.
const MAX_AGE: Duration = Duration::from_millis(300);

/// Library that shows the wall of notes.
struct Library {
    name: &'static str,
    /// Path of its page.
    path: &'static str,
    version: fn() -> Result<String>,
    /// Expression that removes the element with the stream.
    removal: &'static str,
    /// Features that not all libraries have.
    own_features: &'static [Feature],
}

/// Feature with its name and its check. The page may have notes of earlier checks.
type Feature = (&'static str, fn(&Library, &Wall) -> Result<()>);

const LIBRARIES: &[Library] = &[
    Library {
        name: "htmx 2 with htmx-ext-sse",
        path: "/htmx/2",
        version: || {
            let (core, extension) = (npm_version("htmx-2")?, npm_version("htmx-ext-sse")?);
            Ok(format!("{core} with {extension}"))
        },
        removal: HTMX_REMOVAL,
        own_features: &[("event types", Library::counts)],
    },
    Library {
        name: "htmx 4",
        path: "/htmx/4",
        version: || npm_version("htmx.org"),
        removal: HTMX_REMOVAL,
        own_features: &[("event types", Library::counts)],
    },
    Library {
        name: "Turbo",
        path: "/turbo",
        version: || npm_version("@hotwired/turbo"),
        removal: REMOVAL,
        own_features: &[("replaces an element", Library::counts)],
    },
    Library {
        name: "Datastar",
        path: "/datastar",
        version: datastar_version,
        removal: REMOVAL,
        own_features: &[
            ("event types", Library::counts),
            ("script", Library::runs_scripts),
        ],
    },
];

/// Features of all libraries.
const FEATURES: &[Feature] = &[
    ("stream", Library::streams),
    ("data of several lines", Library::keeps_lines),
    ("escaped text and Unicode", Library::escapes),
    ("form", Library::posts),
];

/// Last features of all libraries, because no page keeps its stream after them.
const CLOSING: &[Feature] = &[
    ("closes with its element", Library::closes_with_its_element),
    ("closes at an event", Library::closes_at_an_event),
];

/// Features of all libraries that need streams with a maximum age.
const RECONNECTION: &[Feature] = &[("reconnects with Last-Event-ID", Library::reconnects)];

const REMOVAL: &str = "document.getElementById('source').remove()";

/// A page with htmx replaces an element by the response to a request.
const HTMX_REMOVAL: &str =
    "void htmx.ajax('GET', '/streams', { target: '#source', swap: 'outerHTML' })";

/// Expression for the texts of all notes on the page.
const NOTES: &str = "[...document.querySelectorAll('#notes > li')].map((note) => note.textContent)";

/// Expression for the text of the last note on the page.
const LAST_NOTE: &str = "document.querySelector('#notes > li:last-child')?.textContent";

/// Expression for the shown number of notes.
const COUNT: &str = "document.getElementById('count').textContent";

impl Library {
    /// Checks that the page shows the notes from before its request and the later ones, in their order.
    fn streams(&self, wall: &Wall) -> Result<()> {
        let mut notes = ["first", "second", "third"].map(str::to_owned).to_vec();
        for note in &notes {
            wall.post(note)?;
        }
        wall.page.load(self.path)?;
        wall.page.wait_for(NOTES, &json!(notes))?;
        for number in 4..=20 {
            let note = format!("note {number}");
            wall.post(&note)?;
            notes.push(note);
        }
        wall.page.wait_for(NOTES, &json!(notes))
    }

    /// Checks that a part of an event, or an event of another type, goes to another element.
    fn counts(&self, wall: &Wall) -> Result<()> {
        wall.page.load(self.path)?;
        wall.post("counted")?;
        wall.page.wait_for(LAST_NOTE, &json!("counted"))?;
        let notes = wall.page.evaluate(&format!("{NOTES}.length"))?;
        wall.page.wait_for(COUNT, &json!(format!("{notes} notes")))
    }

    fn keeps_lines(&self, wall: &Wall) -> Result<()> {
        wall.page.load(self.path)?;
        let lines = [
            ["two\nlines", "two\nlines"],
            ["CR\rand\r\nCRLF", "CR\nand\nCRLF"],
            ["\n\nempty\n\n\nlines\n\n", "\n\nempty\n\n\nlines\n\n"],
            [
                "selector #count\nmode remove",
                "selector #count\nmode remove",
            ],
            [
                "data: forged\n\nevent: closed\ndata:",
                "data: forged\n\nevent: closed\ndata:",
            ],
        ];
        for [posted, shown] in lines {
            wall.post(posted)?;
            wall.page.wait_for(LAST_NOTE, &json!(shown))?;
        }
        Ok(())
    }

    fn escapes(&self, wall: &Wall) -> Result<()> {
        wall.page.load(self.path)?;
        for text in [
            "<b>&amp; \"quotes\" and 'apostrophes'</b>",
            "</template></turbo-stream><script>document.title = 'forged'</script>",
            "{{ $count }} ${1 + 1} @get('/') %0A \\n",
            "Grüße, 日本語, العربية, 👩‍👩‍👧‍👦, \u{2028}\u{feff}\u{1b}",
        ] {
            wall.post(text)?;
            wall.page.wait_for(LAST_NOTE, &json!(text))?;
        }
        let title = wall.page.evaluate("document.title")?;
        ensure!(title != "forged", "a script of a note has run");
        Ok(())
    }

    /// Checks that the form of the page posts a note, and is cleared.
    fn posts(&self, wall: &Wall) -> Result<()> {
        wall.page.load(self.path)?;
        // The page listens to its form before it listens to its stream.
        wall.post("before the form")?;
        wall.page.wait_for(LAST_NOTE, &json!("before the form"))?;
        let input = "(() => {
            const text = document.querySelector('textarea');
            text.value = 'by the form';
            text.dispatchEvent(new Event('input', { bubbles: true }));
            text.form.requestSubmit();
        })()";
        wall.page.evaluate(input)?;
        wall.page.wait_for(LAST_NOTE, &json!("by the form"))?;
        let text = "document.querySelector('textarea').value";
        wall.page.wait_for(text, &json!(""))
    }

    fn runs_scripts(&self, wall: &Wall) -> Result<()> {
        wall.page.load(self.path)?;
        wall.post("with a script")?;
        wall.page.wait_for(LAST_NOTE, &json!("with a script"))?;
        let notes = wall.page.evaluate(&format!("{NOTES}.length"))?;
        let title = json!(format!("{notes} notes"));
        wall.page.wait_for("document.title", &title)?;
        // Each script removes its element.
        let scripts = "document.querySelectorAll('body > script').length";
        wall.page.wait_for(scripts, &json!(0))
    }

    /// Checks that no note is lost or doubled while the server ends each stream after a short time.
    fn reconnects(&self, wall: &Wall) -> Result<()> {
        wall.page.load(self.path)?;
        let mut notes = Vec::new();
        let mut resumed = 0;
        wait_until(test_timeout(), "the page resumes five times", || {
            let note = format!("note {}", notes.len());
            wall.post(&note)?;
            notes.push(note);
            resumed = wall.resumed();
            Ok(resumed >= 5)
        })?;
        wall.page.wait_for(NOTES, &json!(notes))?;
        // A note that is doubled would come after the next request.
        wait_until(test_timeout(), "the page resumes again", || {
            Ok(wall.resumed() >= resumed + 2)
        })?;
        wall.page.wait_for(NOTES, &json!(notes))
    }

    fn closes_with_its_element(&self, wall: &Wall) -> Result<()> {
        wall.page.load(self.path)?;
        wall.wait_for_streams(1)?;
        wall.page.evaluate(self.removal)?;
        wall.wait_for_streams(0)
    }

    fn closes_at_an_event(&self, wall: &Wall) -> Result<()> {
        wall.page.load(self.path)?;
        wall.wait_for_streams(1)?;
        let requests = wall.requests();
        wall.close()?;
        wall.wait_for_streams(0)?;
        // An `EventSource` that is not closed reconnects after this time.
        sleep(Duration::from_secs(6));
        ensure!(
            wall.requests() == requests,
            "the page has opened its stream again"
        );
        Ok(())
    }
}

/// Running example, and a browser for its pages.
struct Wall {
    page: Page,
    port: u16,
    /// Passes all requests of the page on.
    cutter: Cutter,
    _process: Process,
}

impl Wall {
    fn start(browser: Browser, max_age: Option<Duration>) -> Result<Self> {
        let port = port::free()?;
        let mut command = Command::new(folder::prepared("protocols")?);
        command.env("PORT", port.to_string());
        command.env("SCRIPTS", folder::prepared("clients/node_modules")?);
        if let Some(max_age) = max_age {
            command.env("MAX_AGE_MS", max_age.as_millis().to_string());
        }
        let process = Process::listening(&mut command, port)?;
        let cutter = Cutter::start_without_cut(port)?;
        let datastar = format!(
            "location = /scripts/datastar/datastar.js {{
    alias {};
    default_type text/javascript;
}}",
            datastar()?.display()
        );
        Ok(Self {
            page: Page::open(browser, |lines| {
                proxy::nginx(cutter.port, &[lines, &datastar].join("\n"))
            })?,
            port,
            cutter,
            _process: process,
        })
    }

    /// Posts a note, not by the page.
    fn post(&self, text: &str) -> Result<()> {
        let url = url(self.port, "/wall/notes");
        ureq::post(&url).send_form([("text", text)])?;
        Ok(())
    }

    /// Sends an event after which all pages close their streams.
    fn close(&self) -> Result<()> {
        ureq::post(&url(self.port, "/wall/close")).send_empty()?;
        Ok(())
    }

    fn wait_for_streams(&self, count: u64) -> Result<()> {
        wait_until(test_timeout(), &format!("{count} streams are open"), || {
            let streams = get(&url(self.port, "/streams"))?;
            Ok(serde_json::from_slice::<u64>(&streams)? == count)
        })?;
        Ok(())
    }

    /// Returns the number of requests for streams.
    fn requests(&self) -> usize {
        let lines = self.cutter.request_lines();
        lines.iter().filter(|line| line.contains("/stream")).count()
    }

    /// Returns the number of requests after the last event of an earlier stream.
    fn resumed(&self) -> usize {
        self.cutter.last_event_ids().iter().flatten().count()
    }
}

/// Returns the version in the `package.json` of an installed npm package.
fn npm_version(name: &str) -> Result<String> {
    let file = folder::prepared(&format!("clients/node_modules/{name}/package.json"))?;
    let package: Value = serde_json::from_slice(&fs::read(file)?)?;
    let version = package["version"].as_str();
    Ok(version.context("no version in package.json")?.to_owned())
}

/// Returns the path of Datastar. It is not on npm in a version that has its present protocol, so it is that of `StarHTML`.
fn datastar() -> Result<PathBuf> {
    folder::prepared("datastar/starhtml/static/js/datastar-core.js")
}

/// Returns the version in the first line of Datastar.
fn datastar_version() -> Result<String> {
    let script = fs::read_to_string(datastar()?)?;
    let line = script.split('\n').next().unwrap_or_default();
    let version = line.strip_prefix("// Datastar v");
    Ok(version.context("no version in Datastar")?.to_owned())
}
