//! `sse hub --debugger`: how its page is served. `end_to_end.rs` uses the page in browsers.
#![cfg(feature = "hub")]

mod support;

use http::Method;
use serde_json::{Value, json};
use support::{
    hub::{Hub, Reply, TOKEN},
    mercure::{ISSUER, MercureHub, SECRET, URL},
    run, sse,
};

/// Returns the description of the hub that the page has for its script.
fn description(page: &Reply) -> Value {
    let (_, rest) = page.text.split_once("data-hub=\"").unwrap();
    let (value, _) = rest.split_once('"').unwrap();
    let json = value.replace("&quot;", "\"").replace("&amp;", "&");
    serde_json::from_str(&json).unwrap()
}

#[tokio::test]
async fn it_is_off_by_default() {
    let mercure = MercureHub::start(["--mercure-anonymous"]);
    for hub in [&Hub::start([]), &mercure.hub] {
        is_off(hub).await;
    }
}

async fn is_off(hub: &Hub) {
    for method in [Method::GET, Method::HEAD, Method::POST] {
        assert_eq!(
            hub.send(hub.request(method, "/debug"), "").await.status,
            404
        );
    }
}

#[tokio::test]
async fn its_page_loads_nothing_else_and_runs_no_other_script() {
    let mercure = MercureHub::start(["--debugger", "--mercure-subscriptions"]);
    for hub in [&Hub::start(["--debugger"]), &mercure.hub] {
        is_served_safely(hub).await;
    }
}

async fn is_served_safely(hub: &Hub) {
    let page = hub.get("/debug").await;
    assert_eq!(page.status, 200);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
    let policy = page.header("content-security-policy");
    let (_, rest) = policy.split_once("script-src 'nonce-").unwrap();
    let (nonce, _) = rest.split_once('\'').unwrap();
    assert_eq!(nonce.len(), 32);
    for directive in [
        "default-src 'none'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.text.matches(&format!(" nonce=\"{nonce}\"")).count(), 2);
    assert!(!page.text.contains("{{"), "a place was not filled");
    for other in [
        "src=",
        "url(",
        "import ",
        "innerHTML",
        "stylesheet",
        "onclick",
        "Storage",
        "document.cookie",
        SECRET,
        ISSUER,
        TOKEN,
    ] {
        assert!(!page.text.contains(other), "{other}");
    }
    // Each response has another nonce.
    let another = hub.get("/debug").await;
    assert!(!another.text.contains(nonce));

    let head = hub.send(hub.request(Method::HEAD, "/debug"), "").await;
    assert_eq!((head.status, &*head.text), (200, ""));
    let post = hub.send(hub.request(Method::POST, "/debug"), "").await;
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD"));
    // As every path, it is served for the hosts of the hub only.
    let request = hub
        .request(Method::GET, "/debug")
        .header("host", "evil.example");
    assert_eq!(hub.send(request, "").await.status, 421);
}

#[tokio::test]
async fn its_page_knows_the_protocol_of_the_hub() {
    let hub = Hub::start(["--debugger"]);
    let page = hub.get("/debug").await;
    assert_eq!(description(&page), json!({"features": ["events"]}));

    let cookie = "__Secure-mercure_access_token";
    let hub = MercureHub::start(["--debugger"]);
    let page = hub.hub.get("/debug").await;
    let expected = json!({"features": ["mercure"], "url": URL, "cookie": cookie});
    assert_eq!(description(&page), expected);
    for path in ["/events?topic=a", "/publish"] {
        assert_eq!(hub.hub.get(path).await.status, 404, "{path}");
    }

    // No option leaves the attribute that has it.
    let url = "http://hub.example/a&quot;'%22>{{nonce}}/mercure";
    let options = [
        "--debugger",
        "--mercure-subscriptions",
        "--mercure-compatibility",
        "--mercure-cookie=a&quot'b",
    ];
    let hub = MercureHub::start_at(url, options);
    let page = hub.hub.get("/debug").await;
    let expected = json!({
        "features": ["mercure", "subscriptions", "compatibility"],
        "url": "http://hub.example/a&quot;'%22%3E%7B%7Bnonce%7D%7D/mercure",
        "cookie": "a&quot'b",
    });
    assert_eq!(description(&page), expected);
    let html = page.text.split('\n').nth(1).unwrap();
    assert!(html.starts_with("<html lang=\"en\" data-hub=\"{"), "{html}");
    assert!(html.ends_with("}\">"), "{html}");
}

#[test]
fn its_help_names_the_protocols() {
    let help = run(sse(["hub"]).arg("--help"), "").stdout;
    let words: Vec<_> = help.split_whitespace().collect();
    let help = words.join(" ");
    let (_, help) = help
        .split_once("--debugger Serve a page at /debug")
        .unwrap();
    let (help, _) = help.split_once("[env: SSE_HUB_DEBUGGER").unwrap();
    assert!(
        help.contains("With --mercure, it speaks the Mercure protocol"),
        "{help}"
    );
}
