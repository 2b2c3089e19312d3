//! Checks `sse hub --mercure` with pages of another origin, in Chromium and Firefox: `EventSource` with the cookie,
//! `fetch` with a token, and packages for pages.

use std::fs;

use anyhow::{Context, Result, ensure};
use interop::{
    browser::{Browser, Site},
    cutter::Cutter,
    folder,
    mercure::{Hub, earlier_token},
};
use serde_json::{Value, json};
use testkit::timeout::test_timeout;

/// Name of the cookie of the current draft.
const COOKIE: &str = "__Secure-mercure_access_token";

/// Name of the cookie of earlier drafts.
const EARLIER_COOKIE: &str = "mercureAuthorization";

/// Reconnection time of updates, in milliseconds. Some clients wait longer.
const RETRY: &str = "10";

#[test]
fn chromium() -> Result<()> {
    check(Browser::Chromium)
}

#[test]
fn firefox() -> Result<()> {
    check(Browser::Firefox)
}

/// Runs all jobs in one browser at the same time, because starting a browser is slower than the jobs.
fn check(browser: Browser) -> Result<()> {
    let html = fs::read_to_string(folder::prepared("clients/mercure.html")?)?;
    let mut site = Site::new(html)?;
    let origin = site.origin()?;
    let cors = ["--allow-origin", &origin];
    let publishing = ["--mercure-publish-origin", &origin];
    let current = Hub::start(&cors)?;
    let earlier = Hub::start_compatible(&[cors, publishing].concat())?;
    let earlier_cookie = earlier_token(&["publish", "subscribe"], &["*"])?;
    site.add_cookie(&current.cookie(COOKIE, &current.token(&["subscribe"])?));
    site.add_cookie(&earlier.cookie(EARLIER_COOKIE, &earlier_cookie));
    let mut checks = of_current_draft(&current)?;
    checks.extend(of_earlier_drafts(&earlier)?);
    let jobs = checks.iter().map(|check| check.job.clone()).collect();
    let results = browser.visit(site, &Value::Array(jobs))?;
    ensure!(results.len() == checks.len(), "{results:?}");
    for (check, result) in checks.iter().zip(&results) {
        let (client, url) = (&check.job["client"], &check.job["url"]);
        let job = || format!("{browser:?}: {client} {url}: {result}");
        check.passes(result).with_context(job)?;
    }
    eprintln!("{browser:?}: {} correct results for Mercure", checks.len());
    Ok(())
}

/// Returns the checks of a hub whose clients all need a token, and where pages may not publish with the cookie.
fn of_current_draft(hub: &Hub) -> Result<Vec<Check>> {
    let (publisher, subscriber) = (hub.token(&["publish"])?, hub.token(&["subscribe"])?);
    let page = Page {
        hub,
        parameter: "match",
        publisher: Access::Token(&publisher),
    };
    let token = Access::Token(&subscriber);
    let mut query = page.receives("fetch", "query", token, &["private", "public"]);
    query.job["url"] = json!(hub.url());
    query.job["body"] = json!({"match": topic("query"), "last_event_id": "earliest"});
    query.result = json!({"status": 200, "headers": {"mercure-last-event-id": "earliest"}});
    let mut by_cookie = page.receives("native", "by-cookie", Access::Cookie, &[]);
    by_cookie.job["publish"] = page.publish(Access::Cookie);
    by_cookie.result = json!({"published": [403]});
    let polyfill = json!({"lastEventIdQueryParameterName": "last_event_id"});
    Ok(vec![
        page.resumes("native", Access::Cookie, json!({}), by_header)?,
        page.resumes("fetch-event-source", token, json!({}), by_header)?,
        page.resumes("event-source-polyfill", token, polyfill, by_query)?,
        page.receives("fetch", "fetch", token, &["private", "public"]),
        query,
        by_cookie,
        page.adds_to_a_list("current"),
        page.is_refused("native", json!("closed")),
        page.is_refused("fetch", json!(401)),
    ])
}

/// Returns the checks of a hub whose clients may have no token, and where the page may publish with the cookie.
fn of_earlier_drafts(hub: &Hub) -> Result<Vec<Check>> {
    let subscriber = earlier_token(&["subscribe"], &["https://example.com/{any}"])?;
    let page = Page {
        hub,
        parameter: "topic",
        publisher: Access::Cookie,
    };
    let token = Access::Token(&subscriber);
    let mut template = page.receives("native", "books/{id}", Access::Cookie, &["private"]);
    template.job["updates"] = json!([update("books/1", "private")]);
    Ok(vec![
        page.resumes("native", Access::Cookie, json!({}), by_header)?,
        page.resumes("fetch-event-source", token, json!({}), by_header)?,
        page.resumes("event-source-polyfill", token, json!({}), by_query)?,
        page.receives("fetch", "fetch", token, &["private", "public"]),
        page.receives("native", "anonymous", Access::None, &["public"]),
        template,
        page.adds_to_a_list("earlier"),
    ])
}

/// Way in which a client sends its token.
#[derive(Clone, Copy)]
enum Access<'a> {
    Cookie,
    Token(&'a str),
    None,
}

impl Access<'_> {
    /// Adds it to the fields of a job.
    fn add_to(self, job: &mut Value) {
        match self {
            Self::Cookie => job["credentials"] = json!(true),
            Self::Token(token) => job["token"] = json!(token),
            Self::None => job["credentials"] = json!(false),
        }
    }
}

/// Jobs for one hub. Each has a topic of its own.
struct Page<'a> {
    hub: &'a Hub,
    /// Parameter with a topic.
    parameter: &'static str,
    publisher: Access<'a>,
}

impl Page<'_> {
    /// Returns a check that a client receives these updates of a private one and a public one.
    fn receives(
        &self,
        client: &str,
        name: &str,
        access: Access<'_>,
        data: &[&'static str],
    ) -> Check {
        let mut job = json!({
            "client": client,
            "url": self.url(self.hub.port, name),
            "publish": self.publish(self.publisher),
            "updates": [update(name, "private"), update(name, "public")],
            "count": data.len(),
            // The page has to post the other results in time.
            "limit": test_timeout().as_millis() / 2,
        });
        job["updates"][1]
            .as_object_mut()
            .and_then(|public| public.remove("private"));
        access.add_to(&mut job);
        Check::new(job, data)
    }

    /// Returns a check that the stream of a client is cut after an update, and that the client gets the next one.
    fn resumes(
        &self,
        client: &str,
        access: Access<'_>,
        options: Value,
        resumed: fn(&Cutter, &str) -> bool,
    ) -> Result<Check> {
        let name = format!("cut-{client}");
        let id = format!("urn:{name}");
        let cutter = Cutter::start_at(self.hub.port, &format!("id: {id}\n"))?;
        let mut check = self.receives(client, &name, access, &["private", "later"]);
        let mut first = update(&name, "private");
        first["id"] = json!(id);
        first["retry"] = json!(RETRY);
        check.job["url"] = json!(self.url(cutter.port, &name));
        check.job["updates"] = json!([first]);
        check.job["later"] = json!([update(&name, "later")]);
        check.job["options"] = options;
        check.resumption = Some(Resumption {
            cutter,
            id,
            resumed,
        });
        Ok(check)
    }

    /// Returns a check that the element of Symfony UX adds updates to a list with this ID.
    fn adds_to_a_list(&self, list: &str) -> Check {
        let mut check = self.receives("ux-turbo", list, Access::Cookie, &["private", "public"]);
        for (update, data) in [(0, "private"), (1, "public")] {
            let stream = format!(
                "<turbo-stream action='append' target='{list}'>\
                 <template><p>{data}</p></template></turbo-stream>"
            );
            check.job["updates"][update]["data"] = json!(stream);
        }
        check.job["options"] = json!({"list": list});
        check
    }

    /// Returns a check that a client without a token is refused.
    fn is_refused(&self, client: &str, status: Value) -> Check {
        let mut check = self.receives(client, "refused", Access::None, &[]);
        check.result = json!({"status": status, "published": []});
        check
    }

    fn url(&self, port: u16, name: &str) -> String {
        format!(
            "{}?{}={}",
            self.hub.url_at(port),
            self.parameter,
            topic(name)
        )
    }

    fn publish(&self, access: Access<'_>) -> Value {
        let mut publish = json!({"url": self.hub.url()});
        access.add_to(&mut publish);
        publish
    }
}

fn topic(name: &str) -> String {
    format!("https://example.com/{name}")
}

/// Returns a private update of a topic.
fn update(name: &str, data: &str) -> Value {
    json!({"topic": topic(name), "data": data, "private": "on"})
}

/// Job of the page, and its expected result.
struct Check {
    job: Value,
    data: Vec<&'static str>,
    /// Some fields of the result.
    result: Value,
    resumption: Option<Resumption>,
}

/// Proxy that has cut a stream, the ID of the last event before, and a function that checks the next request.
struct Resumption {
    cutter: Cutter,
    id: String,
    resumed: fn(&Cutter, &str) -> bool,
}

impl Check {
    fn new(job: Value, data: &[&'static str]) -> Self {
        Self {
            job,
            data: data.to_vec(),
            result: json!({}),
            resumption: None,
        }
    }

    fn passes(&self, result: &Value) -> Result<()> {
        let events = result["events"].as_array().context("no events")?;
        let data: Vec<_> = events.iter().map(|event| event["data"].as_str()).collect();
        let expected: Vec<_> = self.data.iter().copied().map(Some).collect();
        ensure!(data == expected, "expected {expected:?}");
        ensure!(contains(result, &self.result), "expected {}", self.result);
        if let Some(Resumption {
            cutter,
            id,
            resumed,
        }) = &self.resumption
        {
            ensure!(
                resumed(cutter, id),
                "not resumed after {id}: {:?}",
                cutter.request_lines()
            );
        }
        Ok(())
    }
}

/// Returns whether a value has all fields of another one.
fn contains(value: &Value, part: &Value) -> bool {
    match part.as_object() {
        Some(fields) => fields
            .iter()
            .all(|(name, part)| contains(&value[name], part)),
        None => value == part,
    }
}

fn by_header(cutter: &Cutter, id: &str) -> bool {
    cutter.last_event_ids() == [None, Some(id.to_owned())]
}

fn by_query(cutter: &Cutter, id: &str) -> bool {
    let lines = cutter.request_lines();
    let id = id.replace(':', "%3A");
    lines.len() == 2 && !lines[0].contains(&id) && lines[1].contains(&id)
}
