//! Tests of the debugger page of `sse hub` in a real browser: it subscribes, publishes and reconnects.
//!
//! `cargo xtask test-browser` provides the browser.
#![cfg(feature = "hub")]

mod support;

use std::{env, fs, path::Path};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use support::{
    hub::{Hub, TOKEN},
    mercure::{MercureHub, PATH, URL, token},
};
use testkit::{port, timeout::test_timeout};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant, sleep},
};

/// Lock for the browser window, because some drivers support only one window at a time.
static WINDOW: Mutex<()> = Mutex::const_new(());

struct Page {
    client: Client,
    _window: MutexGuard<'static, ()>,
}

impl Page {
    async fn open(url: &str) -> Self {
        let window = WINDOW.lock().await;
        let driver = env::var("WEBDRIVER").expect("run `cargo xtask test-browser`");
        let capabilities = env::var("WEBDRIVER_CAPABILITIES").unwrap();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let builder = builder.capabilities(serde_json::from_str(&capabilities).unwrap());
        let client = builder.connect(&driver).await.unwrap();
        client.set_window_size(1280, 1100).await.unwrap();
        client.goto(url).await.unwrap();
        Self {
            client,
            _window: window,
        }
    }

    /// Closes the window.
    async fn close(self) {
        self.client.close().await.unwrap();
    }

    async fn text(&self, selector: &str) -> String {
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        element.text().await.unwrap()
    }

    async fn click(&self, selector: &str) {
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        element.click().await.unwrap();
    }

    /// Replaces the text of an input field.
    async fn fill(&self, selector: &str, text: &str) {
        let field = self.client.find(Locator::Css(selector)).await.unwrap();
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    async fn wait_for(&self, selector: &str, wanted: &str) {
        let start = Instant::now();
        let mut text = String::new();
        while !text.contains(wanted) {
            let limit = test_timeout();
            assert!(
                start.elapsed() < limit,
                "no {wanted:?} in {selector}: {text:?}"
            );
            sleep(Duration::from_millis(50)).await;
            text = match self.client.find(Locator::Css(selector)).await {
                Ok(element) => element.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
        }
    }

    async fn script(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Saves a screenshot as `target/screenshots/BROWSER/NAME.png`, for manual inspection.
    async fn screenshot(&self, name: &str) {
        let capabilities = self.client.capabilities();
        let browser = capabilities.and_then(|capabilities| capabilities.get("browserName"));
        let browser = browser.and_then(Value::as_str).unwrap_or("browser");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../screenshots");
        let folder = folder.join(browser);
        fs::create_dir_all(&folder).unwrap();
        let picture = self.client.screenshot().await.unwrap();
        fs::write(folder.join(format!("{name}.png")), picture).unwrap();
    }
}

#[tokio::test]
async fn the_debugger_subscribes_publishes_and_reconnects() {
    let options = [
        "--debugger",
        "--subscribe-token=for-readers",
        "--retry=0.5",
        "--max-event=1000",
    ];
    let hub = Hub::start(options);
    let page = Page::open(&format!("http://{}/debug", hub.address)).await;

    page.click("#subscribe .main").await;
    page.wait_for("#state", "Refused").await;
    page.wait_for("#reason", "Status 401: subscribing requires")
        .await;
    page.fill("#subscribe [name=token]", "for-readers").await;
    page.fill("#subscribe [name=topics]", "news\norders/*")
        .await;
    page.click("#subscribe .main").await;
    page.wait_for("#state", "Open").await;
    page.wait_for("#log", "position").await;

    let data = "<b>1</b>\n2 äöü 😀";
    let event = serde_json::json!({"topic": "orders/7", "type": "add", "data": data});
    let reply = hub.publish("", "application/json", event.to_string()).await;
    assert_eq!(reply.status, 200);
    page.wait_for("#log li:first-child .type", "add").await;
    assert_eq!(page.text("#log li:first-child .data").await, data);
    let id: Value = serde_json::from_str(&reply.text).unwrap();
    let id = id["id"].as_str().unwrap();
    assert_eq!(page.text("#log li:first-child .id").await, id);
    assert_eq!(page.text("#last-event-id").await, id);
    assert_eq!(page.text("#count").await, "1");

    page.fill("#publish [name=topics]", "news").await;
    page.fill("#publish [name=token]", "wrong").await;
    page.click("#publish .main").await;
    page.wait_for("#published", "Status 401: this is not the publish token")
        .await;
    page.fill("#publish [name=token]", TOKEN).await;
    page.fill("#publish [name=type]", "greeting").await;
    page.click("#publish .main").await;
    page.wait_for("#published", "Published as").await;
    page.wait_for("#log li:first-child .type", "greeting").await;
    assert_eq!(
        page.text("#log li:first-child .data").await,
        "{\"hello\": \"world\"}"
    );
    page.screenshot("debugger").await;
    page.click("#raw").await;
    let frame = page.text("#log li:first-child .frame").await;
    assert!(frame.contains("event: greeting\n"), "{frame}");
    page.screenshot("debugger-raw").await;
    page.click("#raw").await;
    page.click("#quiet").await;
    let visible = "return [...document.querySelectorAll('#log li')].filter(entry => entry.offsetHeight).length";
    assert_eq!(page.script(visible).await, 2);
    page.click("#quiet").await;

    // It begins after an event ID.
    page.click("#stop").await;
    page.wait_for("#state", "Stopped").await;
    let last = page.text("#last-event-id").await;
    hub.news("news", "missed").await;
    page.fill("#subscribe [name=lastEventId]", &last).await;
    page.click("#subscribe .main").await;
    page.wait_for("#log", "missed").await;
    assert_eq!(page.text("#count").await, "3");

    // The policy of the page does not allow other scripts.
    let injected = "const script = document.createElement('script');
                    try { script.textContent = 'window.injected = 1'; } catch {}
                    document.body.append(script);
                    return window.injected === undefined";
    assert_eq!(page.script(injected).await, true);

    // It reconnects after each end of a stream, and misses no event.
    let hub = Hub::start(["--debugger", "--max-age=1", "--retry=0.1"]);
    page.client
        .goto(&format!("http://{}/debug", hub.address))
        .await
        .unwrap();
    page.click("#subscribe .main").await;
    page.wait_for("#state", "Open").await;
    for number in 1..=6 {
        hub.news("a", &number.to_string()).await;
        page.wait_for("#count", &number.to_string()).await;
        sleep(Duration::from_millis(500)).await;
    }
    let data = "return [...document.querySelectorAll('#log li:not(.quiet) .data')].map(data => data.textContent)";
    let all: Vec<_> = (1..=6)
        .rev()
        .map(|number: u32| number.to_string())
        .collect();
    assert_eq!(page.script(data).await, serde_json::json!(all));
    let connections = hub
        .metric("sse_hub_requests_total{path=\"/events\",status=\"200\"}")
        .await;
    assert!(connections > 2, "{connections}");
    page.close().await;
}

#[tokio::test]
async fn the_debugger_speaks_mercure() {
    let port = port::free().unwrap();
    let origin = format!("http://127.0.0.1:{port}");
    let hub = MercureHub::start([
        "--debugger",
        "--mercure-subscriptions",
        "--mercure-cookie=token",
        "--retry=0.5",
        &format!("--listen=127.0.0.1:{port}"),
        &format!("--mercure-publish-origin={origin}"),
    ]);
    let page = Page::open(&format!("{origin}/debug")).await;
    assert_eq!(page.text("header code").await, URL);
    let others = "return document.querySelectorAll('[name=newest], [name=topic]').length";
    assert_eq!(page.script(others).await, 0);

    // The page shows why the hub refuses.
    page.click("#subscribe .main").await;
    page.wait_for("#reason", "Status 401: an access token is required")
        .await;
    page.fill("#subscribe [name=token]", "wrong").await;
    page.click("#subscribe .main").await;
    page.wait_for("#state", "Refused").await;
    page.wait_for("#reason", "Status 401: the access token is not valid")
        .await;
    page.click("#reload").await;
    page.wait_for("#listed", "Status 401: the access token is not valid")
        .await;

    let book = "https://example.com/books/1";
    let books = json!([{"match": "/books/:id", "match_type": "urlpattern"}]);
    let limited = token(&["subscribe"], books);
    page.fill("#subscribe [name=token]", &limited).await;
    page.fill("#subscribe [name=match]", "").await;
    page.click("#subscribe .main").await;
    page.wait_for("#reason", "Status 400: no topic matcher")
        .await;
    page.click("#reload").await;
    page.wait_for(
        "#listed",
        "Status 403: the access token does not grant this",
    )
    .await;
    let reader = token(&["subscribe"], json!([{"match": "*"}]));
    page.fill("#subscribe [name=token]", &reader).await;
    page.fill("#subscribe [name=match]", "news\nother").await;
    page.fill(
        "#subscribe [name=match_urlpattern]",
        "https://example.com/books/:id",
    )
    .await;
    page.click("#subscribe .main").await;
    page.wait_for("#state", "Open").await;

    // A private update with all fields.
    let data = "<b>1</b>\n2 äöü ✓";
    page.fill("#publish [name=topics]", &format!("{book}\nalternate"))
        .await;
    page.fill("#publish [name=data]", data).await;
    page.fill("#publish [name=id]", "urn:example:ä").await;
    page.fill("#publish [name=type]", "lent").await;
    page.fill("#publish [name=retry]", "1500").await;
    page.click("#publish [name=private]").await;
    page.fill("#publish [name=token]", &reader).await;
    page.click("#publish .main").await;
    page.wait_for(
        "#published",
        "Status 403: the access token does not grant this",
    )
    .await;
    let writer = token(&["publish"], json!([{"match": "*"}]));
    page.fill("#publish [name=token]", &writer).await;
    page.click("#publish .main").await;
    page.wait_for("#published", "Published as urn:example:ä")
        .await;
    page.wait_for("#log li:first-child .type", "lent").await;
    assert_eq!(page.text("#log li:first-child .data").await, data);
    assert_eq!(page.text("#log li:first-child .id").await, "urn:example:ä");
    assert_eq!(page.text("#count").await, "1");
    page.click("#raw").await;
    let frame = page.text("#log li:first-child .frame").await;
    assert!(frame.contains("retry: 1500"), "{frame}");
    page.click("#raw").await;
    let public = hub.get("?match=*", None).await;
    assert_eq!(public.status, 401);

    page.click("#reload").await;
    page.wait_for("#listed", "3 active at").await;
    for (number, match_type, value) in [
        (1, "exact", "news"),
        (2, "exact", "other"),
        (3, "urlpattern", "https://example.com/books/:id"),
    ] {
        let row = format!("#subscriptions li:nth-child({number})");
        assert_eq!(page.text(&format!("{row} .type")).await, match_type);
        assert_eq!(page.text(&format!("{row} .data")).await, value);
        let subscriber = page.text(&format!("{row} .id")).await;
        assert!(subscriber.starts_with("urn:uuid:"), "{subscriber}");
    }
    page.screenshot("debugger-mercure").await;

    // It begins after an event ID, and the hub tells from where.
    page.click("#stop").await;
    page.wait_for("#state", "Stopped").await;
    hub.update(&[("topic", "news"), ("data", "missed")]).await;
    for (id, start, count) in [
        ("urn:example:ä", "urn:example:ä", "2"),
        ("x", "earliest", "4"),
    ] {
        page.fill("#subscribe [name=lastEventId]", id).await;
        page.click("#subscribe .main").await;
        page.wait_for("#reason", &format!("Mercure-Last-Event-ID: {start}"))
            .await;
        page.wait_for("#count", count).await;
    }
    page.wait_for("#log", "missed").await;

    // No token is in a URL or in the storage of the browser.
    let traces = "return [location.href, document.cookie, JSON.stringify(localStorage), \
                  JSON.stringify(sessionStorage), \
                  ...performance.getEntries().map(entry => entry.name)].join(' ')";
    let traces = page.script(traces).await;
    let traces = traces.as_str().unwrap();
    assert!(traces.contains(PATH), "{traces}");
    for token in [&reader, &writer, &limited] {
        assert!(!traces.contains(&**token), "{traces}");
    }

    // Without a token, the browser sends its cookie.
    let both = token(&["publish", "subscribe"], json!([{"match": "*"}]));
    let cookie = format!("document.cookie = 'token={both}; path=/'");
    page.script(&cookie).await;
    for form in ["subscribe", "publish"] {
        page.fill(&format!("#{form} [name=token]"), "").await;
    }
    page.fill("#subscribe [name=lastEventId]", "").await;
    page.click("#subscribe .main").await;
    page.wait_for("#state", "Open").await;
    page.fill("#publish [name=id]", "").await;
    page.fill("#publish [name=type]", "by-cookie").await;
    page.click("#publish .main").await;
    page.wait_for("#published", "Published as #").await;
    page.wait_for("#log li:first-child .type", "by-cookie")
        .await;

    // Clients of older drafts select topics with templates.
    let hub = MercureHub::start([
        "--debugger",
        "--mercure-anonymous",
        "--mercure-compatibility",
    ]);
    let url = format!("http://{}/debug", hub.hub.address);
    page.client.goto(&url).await.unwrap();
    page.fill("#subscribe [name=match]", "").await;
    page.fill("#subscribe [name=topic]", "https://example.com/books/{id}")
        .await;
    page.click("#subscribe .main").await;
    page.wait_for("#state", "Open").await;
    hub.update(&[("topic", "news"), ("data", "0")]).await;
    hub.update(&[("topic", book), ("data", "1")]).await;
    page.wait_for("#count", "1").await;
    assert_eq!(page.text("#log li:first-child .data").await, "1");
    let list = "return document.querySelectorAll('#subscriptions, #reload').length";
    assert_eq!(page.script(list).await, 0);
    page.close().await;
}
