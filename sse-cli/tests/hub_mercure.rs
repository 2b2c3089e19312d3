//! `sse hub --mercure`: the endpoints of the Mercure protocol.
#![cfg(feature = "hub")]

mod support;

use std::time::Duration;

use http::{
    HeaderMap, HeaderValue, Method,
    header::{AUTHORIZATION, COOKIE},
};
use serde_json::{Value, json};
use sse_source::{EventSource, Item};
use support::{
    http2::Http2,
    hub::{Follower, Reply},
    mercure::{ISSUER, MercureHub, PATH, URL, claims, form, now, sign, token},
    run, sse,
};
use testkit::timeout::test_timeout;
use tokio::time::timeout;

const ALL: [(&str, &str); 1] = [("match", "*")];

/// Returns a token that may read private updates of these topics.
fn reader(topics: Value) -> String {
    token(&["subscribe"], topics)
}

fn challenge(reply: &Reply) -> &str {
    reply.header("www-authenticate")
}

fn event(event_type: &str, id: &str, data: &str) -> (String, String, String) {
    (event_type.to_owned(), id.to_owned(), data.to_owned())
}

#[tokio::test]
async fn an_update_reaches_the_subscribers_whose_matchers_match() {
    let hub = MercureHub::start(["--mercure-anonymous"]);
    let book = "https://example.com/books/1";
    let pattern = "https://example.com/books/:id";
    let mut matching = Vec::new();
    for query in [
        form(&[("match", book)]),
        form(&[("match_exact", book)]),
        form(&[("match", "other"), ("match_urlpattern", pattern)]),
        form(&ALL),
        form(&[("match", "alternate")]),
    ] {
        matching.push(hub.follow(&query, None).await);
    }
    let query = form(&[("match", pattern), ("match_urlpattern", "/books/:id")]);
    let mut others = hub.follow(&query, None).await;
    let id = hub
        .update(&[
            ("topic", book),
            ("topic", "alternate"),
            ("data", "a\r\nb\n\nevent: c"),
            ("id", "urn:uuid:1"),
            ("type", "changed"),
            ("retry", "1500"),
        ])
        .await;
    assert_eq!(id, "urn:uuid:1");
    for follower in &mut matching {
        let expected = event("changed", "urn:uuid:1", "a\nb\n\nevent: c");
        assert_eq!(follower.event().await, expected);
    }
    let id = hub.update(&[("topic", "/books/2")]).await;
    assert!(id.starts_with('#'), "{id}");
    assert_eq!(others.event().await, event("message", &id, ""));
}

#[tokio::test]
async fn the_response_is_the_id_as_plain_text() {
    let hub = MercureHub::start([]);
    let reply = hub.publish(&[("topic", "a"), ("id", "é\"1")]).await;
    assert_eq!((reply.status, &*reply.text), (200, "é\"1"));
    assert_eq!(reply.header("content-type"), "text/plain; charset=utf-8");
}

#[tokio::test]
async fn private_updates_reach_only_subscribers_with_a_grant() {
    let hub = MercureHub::start(["--mercure-anonymous"]);
    let book = |number: &str| format!("https://example.com/books/{number}");
    let query = form(&[("match_urlpattern", "https://example.com/books/:id")]);
    let one = reader(json!([{"match": book("1")}]));
    let user =
        reader(json!([{"match": "https://example.com/users/42/*", "match_type": "urlpattern"}]));
    let publisher = token(&["publish"], json!([{"match": "*"}]));
    let clients = [
        (None, vec!["public"]),
        (Some(one), vec!["1", "public"]),
        (Some(user), vec!["2", "public"]),
        (
            Some(reader(json!([{"match": "*"}]))),
            vec!["1", "2", "3", "public"],
        ),
        (Some(publisher), vec!["public"]),
    ];
    let mut live = Vec::new();
    for (token, _) in &clients {
        live.push(hub.follow(&query, token.as_deref()).await);
    }
    hub.update(&[("topic", &book("1")), ("data", "1"), ("private", "on")])
        .await;
    let alternate = "https://example.com/users/42/books/2";
    hub.update(&[
        ("topic", &book("2")),
        ("topic", alternate),
        ("data", "2"),
        ("private", ""),
    ])
    .await;
    hub.update(&[("topic", &book("3")), ("data", "3"), ("private", "false")])
        .await;
    hub.update(&[("topic", &book("1")), ("data", "public")])
        .await;
    for ((token, expected), follower) in clients.iter().zip(&mut live) {
        let replay = format!("{query}&last_event_id=earliest");
        let mut replayed = hub.follow(&replay, token.as_deref()).await;
        for data in expected {
            assert_eq!(follower.data().await, *data);
            assert_eq!(replayed.data().await, *data, "replayed");
        }
    }
}

/// Opens a stream, and returns the value of `Mercure-Last-Event-ID` and a follower of the events.
async fn resume(source: sse_source::Builder) -> (Option<String>, EventSource) {
    use futures_util::StreamExt as _;

    let mut source = source.build().unwrap();
    let item = timeout(test_timeout(), source.next()).await.unwrap();
    let Some(Ok(Item::Open(head))) = item else {
        panic!("{item:?}");
    };
    let id = head.headers.get("mercure-last-event-id");
    (
        id.map(|id| String::from_utf8(id.as_bytes().to_vec()).unwrap()),
        source,
    )
}

async fn next_data(source: &mut EventSource) -> String {
    use futures_util::StreamExt as _;

    loop {
        let item = timeout(test_timeout(), source.next()).await.unwrap();
        match item.unwrap().unwrap() {
            Item::Event(event) => return event.data,
            Item::Comment(_) | Item::Retry(_) => {}
            item => panic!("{item:?}"),
        }
    }
}

#[tokio::test]
async fn a_client_resumes_after_its_last_event() {
    let hub = MercureHub::start(["--mercure-anonymous"]);
    let query = form(&[("match", "a")]);
    let (none, mut early) = resume(hub.source(&format!("{query}&last_event_id=x"), None)).await;
    assert_eq!(none.as_deref(), Some("earliest"), "no updates yet");
    hub.update(&[("topic", "a"), ("data", "1"), ("id", "urn:é")])
        .await;
    let second = hub.update(&[("topic", "a"), ("data", "2")]).await;
    hub.update(&[("topic", "a"), ("data", "3")]).await;
    assert_eq!(next_data(&mut early).await, "1");
    let encoded = |id: &str| form(&[("last_event_id", id)]);
    for (id, expected, first) in [
        ("urn:é", "urn:é", "2"),
        (&*second, &*second, "3"),
        ("earliest", "earliest", "1"),
        ("unknown", "earliest", "1"),
        ("#", "earliest", "1"),
        ("#99-1", "earliest", "1"),
    ] {
        let source = hub.source(&format!("{query}&{}", encoded(id)), None);
        let (echoed, mut source) = resume(source).await;
        assert_eq!(echoed.as_deref(), Some(expected), "{id}");
        assert_eq!(next_data(&mut source).await, first, "{id}");
        let by_header = hub
            .source(&format!("{query}&last_event_id=x"), None)
            .header("last-event-id", id);
        let (echoed, mut source) = resume(by_header).await;
        assert_eq!(echoed.as_deref(), Some(expected), "{id} in the header");
        assert_eq!(next_data(&mut source).await, first, "{id} in the header");
    }
    let (absent, mut live) = resume(hub.source(&query, None)).await;
    assert_eq!(absent, None);
    hub.update(&[("topic", "a"), ("data", "4")]).await;
    assert_eq!(next_data(&mut live).await, "4");
}

#[tokio::test]
async fn a_reused_id_is_that_of_the_first_update() {
    let hub = MercureHub::start(["--mercure-anonymous"]);
    for data in ["1", "2", "3"] {
        hub.update(&[("topic", "a"), ("data", data), ("id", "same")])
            .await;
    }
    let source = hub.source("match=a&last_event_id=same", None);
    let (id, mut source) = resume(source).await;
    assert_eq!(id.as_deref(), Some("same"));
    assert_eq!(next_data(&mut source).await, "2");
    assert_eq!(next_data(&mut source).await, "3");
}

#[tokio::test]
async fn malformed_requests_are_refused() {
    let hub = MercureHub::start(["--mercure-anonymous", "--max-event=1000"]);
    for query in [
        "",
        "?topic=a",
        "?match=",
        "?match=%0a",
        "?match=%E2%80%AE",
        "?match=%ff",
        "?Match=a",
        "?match=a&match_Exact=b",
        "?match=a&match_regex=b",
        "?match=a&matching=b",
        "?match_urlpattern=(",
    ] {
        let reply = hub.get(query, None).await;
        assert_eq!(reply.status, 400, "{query}: {}", reply.text);
        assert_eq!(challenge(&reply), "");
    }
    let long = "x".repeat(5000);
    for (fields, status) in [
        (vec![("data", "x")], 400),
        (vec![("topic", "*")], 400),
        (vec![("topic", "/.well-known/%6dercure/x")], 400),
        (
            vec![("topic", "https://a.example/.well-known/mercure")],
            400,
        ),
        (vec![("topic", "a\n")], 400),
        (vec![("topic", "a"), ("id", "#1")], 400),
        (vec![("topic", "a"), ("id", "earliest")], 400),
        (vec![("topic", "a"), ("type", "mercure")], 400),
        (vec![("topic", "a"), ("type", "a\rb")], 400),
        (vec![("topic", "a"), ("retry", "1s")], 400),
        (vec![("topic", &*long)], 413),
        (vec![("topic", "a"), ("id", &*long)], 413),
        (vec![("topic", "a"), ("data", &*long)], 413),
        (
            vec![("topic", "a"), ("retry", "99999999999999999999999")],
            200,
        ),
        (
            vec![("topic", "a"), ("type", "reset"), ("unknown", "x")],
            200,
        ),
    ] {
        let reply = hub.publish(&fields).await;
        assert_eq!(reply.status, status, "{fields:?}: {}", reply.text);
    }
    let body = "x".repeat(200_000);
    let reply = hub.publish(&[("topic", "a"), ("data", &body)]).await;
    assert_eq!(reply.status, 413);
    let publisher = token(&["publish"], json!([{"match": "*"}]));
    for content_type in ["application/json", "multipart/form-data; boundary=x", ""] {
        let request = hub.request(Method::POST, "", Some(&publisher));
        let request = request.header("content-type", content_type);
        assert_eq!(hub.hub.send(request, "topic=a").await.status, 415);
    }
    for (method, path) in [
        (Method::PUT, PATH),
        (Method::POST, "/.well-known/mercure/subscriptions"),
        (
            Method::DELETE,
            "/.well-known/oauth-protected-resource/.well-known/mercure",
        ),
    ] {
        let reply = hub.hub.send(hub.hub.request(method, path), "").await;
        assert_eq!(reply.status, 405, "{path}");
    }
    for path in [
        "/",
        "/events?topic=a",
        "/publish",
        "/.well-known/mercury",
        "/.well-known/mercure/x",
    ] {
        assert_eq!(hub.hub.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn its_url_may_have_the_path_of_another_protocol() {
    for path in ["/events", "/publish"] {
        let hub = MercureHub::start_at(&format!("http://hub.example{path}"), []);
        let reply = hub.hub.get(&format!("{path}?topic=a&match=a")).await;
        assert_eq!(
            (reply.status, &*reply.text),
            (401, "an access token is required\n")
        );
    }
}

#[tokio::test]
async fn tokens_are_required_and_checked() {
    let hub = MercureHub::start([]);
    let metadata = "Bearer resource_metadata=\"http://hub.example/.well-known/oauth-protected-resource\
                    /.well-known/mercure\"";
    let publisher = token(&["publish"], json!([{"match": "a"}]));
    let missing = hub.get("?match=a", None).await;
    assert_eq!((missing.status, challenge(&missing)), (401, metadata));
    let request = hub.request(Method::POST, "", None);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let missing = hub.hub.send(request, "topic=a").await;
    assert_eq!((missing.status, challenge(&missing)), (401, metadata));

    let mut expired = claims(&["publish", "subscribe"], json!([{"match": "*"}]));
    expired["exp"] = json!(now() - 1);
    let mut other = claims(&["publish", "subscribe"], json!([{"match": "*"}]));
    other["aud"] = json!("https://other.example/.well-known/mercure");
    let invalid = format!("{metadata}, error=\"invalid_token\"");
    for token in [
        sign(&expired),
        sign(&other),
        "a.b.c".to_owned(),
        format!("{publisher}x"),
    ] {
        let subscribed = hub.get("?match=a", Some(&token)).await;
        assert_eq!(
            (subscribed.status, challenge(&subscribed)),
            (401, &*invalid)
        );
        let published = hub.publish_as(&token, &[("topic", "a")]).await;
        assert_eq!((published.status, challenge(&published)), (401, &*invalid));
    }
    for authorization in ["Basic eA==", "Bearer", ""] {
        let request = hub
            .request(Method::GET, "?match=a", None)
            .header("authorization", authorization);
        let reply = hub.hub.send(request, "").await;
        let expected = format!("{metadata}, error=\"invalid_request\"");
        assert_eq!(
            (reply.status, challenge(&reply)),
            (400, &*expected),
            "{authorization}"
        );
    }
    let scope = format!("{metadata}, error=\"insufficient_scope\"");
    for topics in [&["b"][..], &["a", "b"], &["b", "a"]] {
        let fields: Vec<_> = topics.iter().map(|topic| ("topic", *topic)).collect();
        let reply = hub.publish_as(&publisher, &fields).await;
        assert_eq!(
            (reply.status, challenge(&reply)),
            (403, &*scope),
            "{topics:?}"
        );
    }
    let subscriber = reader(json!([{"match": "*"}]));
    let reply = hub.publish_as(&subscriber, &[("topic", "a")]).await;
    assert_eq!((reply.status, challenge(&reply)), (403, &*scope));
    // The token is neither accepted in the URL nor written to the log.
    let in_url = hub
        .get(
            &format!("?match=a&access_token={subscriber}&authorization={subscriber}"),
            None,
        )
        .await;
    assert_eq!(in_url.status, 401);
}

#[tokio::test]
async fn tokens_are_not_logged() {
    let mut hub = MercureHub::start(["--log=trace", "--access-log=-"]);
    let good = token(&["publish"], json!([{"match": "a"}]));
    let bad = format!("{good}AAAA");
    for token in [&good, &bad] {
        hub.publish_as(token, &[("topic", "b")]).await;
        hub.get(&format!("?Match=a&authorization={token}"), Some(token))
            .await;
        let request = hub.request(Method::GET, "?Match=a", None);
        let request = request.header("cookie", format!("__Secure-mercure_access_token={token}"));
        hub.hub.send(request, "").await;
        let http2 = Http2::connect(&hub.hub.address).await;
        let url = format!("http://hub.example{PATH}?match=a");
        for (name, value) in [
            (AUTHORIZATION, format!("Bearer {token}")),
            (COOKIE, format!("__Secure-mercure_access_token={token}")),
        ] {
            let headers = HeaderMap::from_iter([(name, HeaderValue::try_from(value).unwrap())]);
            let in_url = format!("{url}&access_token={token}");
            drop(http2.get(&in_url, headers.clone()).await);
            drop(http2.get(&url, headers).await);
        }
    }
    hub.hub.running.stderr.expect("access token refused");
    let log = hub.hub.running.stderr.seen();
    for part in good.split('.') {
        assert!(!log.contains(part), "{part} is in the log");
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    let hub = MercureHub::start(["--mercure-anonymous"]);
    for options in [true, false] {
        let mut claims = claims(&["subscribe"], json!([{"match": "*"}]));
        claims["exp"] = json!(now() + 2);
        let mut follower = hub.follow("match=a", Some(&sign(&claims))).await;
        hub.update(&[("topic", "a"), ("data", "1"), ("private", "on")])
            .await;
        assert_eq!(follower.data().await, "1");
        // The client reconnects, and its token is refused then.
        loop {
            match follower.next().await {
                Some(Ok(Item::Event(event))) => panic!("{event:?}"),
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    assert!(error.to_string().contains("401"), "{error} {options}");
                    break;
                }
                None => panic!("no error"),
            }
        }
        assert!(now() >= claims["exp"].as_u64().unwrap());
    }
}

#[tokio::test]
async fn the_metadata_describe_the_hub() {
    let path = format!("/.well-known/oauth-protected-resource{PATH}");
    let key = "{ key = \"a shared secret of more than 32 bytes\", algorithm = \"HS256\" }";
    let issuers = format!(
        "[[issuer]]\nid = {ISSUER:?}\nauthorization-server = true\npublisher = {key}\n\
         [[issuer]]\nid = \"other\"\nsubscriber = {key}\n"
    );
    let hub = MercureHub::start_with(
        &issuers,
        ["--mercure-cookie=token", "--mercure-subscriptions"],
    );
    let reply = hub.hub.get(&path).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, "application/json")
    );
    let expected = json!({
        "resource": URL,
        "authorization_servers": [ISSUER],
        "authorization_details_types_supported": ["https://mercure.rocks/authorization-detail"],
        "bearer_methods_supported": ["header"],
        "mercure_cookie": "token",
        "mercure_matcher_types_supported": ["exact", "urlpattern"],
        "mercure_subscriptions": true,
    });
    assert_eq!(
        serde_json::from_str::<Value>(&reply.text).unwrap(),
        expected
    );
}

#[tokio::test]
async fn a_cookie_authorizes_pages_of_allowed_origins() {
    let hub = MercureHub::start(["--mercure-publish-origin=https://app.example"]);
    let token = token(&["publish", "subscribe"], json!([{"match": "*"}]));
    let cookie = format!("a=b; __Secure-mercure_access_token={token}");
    let publish = async |origin: Option<(&str, &str)>| {
        let mut request = hub
            .request(Method::POST, "", None)
            .header("cookie", &cookie);
        if let Some((name, value)) = origin {
            request = request.header(name, value);
        }
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        hub.hub.send(request, "topic=a").await.status
    };
    for (origin, status) in [
        (None, 403),
        (Some(("origin", "https://evil.example")), 403),
        (Some(("origin", "null")), 403),
        (Some(("origin", "https://app.example.evil.example")), 403),
        (Some(("origin", "https://app.example")), 200),
        (Some(("origin", "http://hub.example")), 200),
        (Some(("referer", "https://app.example/page?x")), 200),
        (
            Some(("referer", "https://evil.example/https://app.example")),
            403,
        ),
    ] {
        assert_eq!(publish(origin).await, status, "{origin:?}");
    }
    let source = hub
        .source("match=a&last_event_id=earliest", None)
        .header("cookie", &cookie);
    let mut follower = Follower::new(source).await;
    follower.event().await;
    // A header takes precedence over the cookie.
    let request = hub
        .request(Method::GET, "?match=a", Some("x"))
        .header("cookie", &cookie);
    assert_eq!(hub.hub.send(request, "").await.status, 401);
}

#[tokio::test]
async fn pages_of_other_origins_send_cookies_and_read_headers() {
    let hub = MercureHub::start(["--allow-origin=https://app.example", "--mercure-anonymous"]);
    let preflight = |origin: &'static str, method: &'static str| {
        let request = hub.request(Method::OPTIONS, "", None);
        let request = request
            .header("origin", origin)
            .header("access-control-request-method", method);
        hub.hub.send(
            request.header("access-control-request-headers", "authorization"),
            "",
        )
    };
    for method in ["GET", "POST", "QUERY"] {
        let reply = preflight("https://app.example", method).await;
        assert_eq!(
            reply.header("access-control-allow-origin"),
            "https://app.example"
        );
        assert_eq!(reply.header("access-control-allow-credentials"), "true");
        assert!(
            reply
                .header("access-control-allow-methods")
                .contains(method)
        );
    }
    let evil = preflight("https://evil.example", "GET").await;
    assert_eq!(evil.header("access-control-allow-origin"), "");
    let request = hub
        .request(Method::GET, "", None)
        .header("origin", "https://app.example");
    let refused = hub.hub.send(request, "").await;
    assert_eq!(refused.status, 400);
    let exposed = refused
        .header("access-control-expose-headers")
        .to_ascii_lowercase();
    for name in ["link", "mercure-last-event-id", "www-authenticate"] {
        assert!(exposed.contains(name), "{exposed}");
    }
    let open = MercureHub::start(["--allow-origin=*", "--mercure-anonymous"]);
    let request = open
        .request(Method::GET, "", None)
        .header("origin", "https://evil.example");
    let reply = open.hub.send(request, "").await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    assert_eq!(reply.header("access-control-allow-credentials"), "");
}

#[tokio::test]
async fn a_query_has_matchers_in_its_body() {
    let hub = MercureHub::start(["--mercure-anonymous"]);
    hub.update(&[("topic", "a"), ("data", "1"), ("id", "one")])
        .await;
    hub.update(&[("topic", "b"), ("data", "2")]).await;
    let query = Method::from_bytes(b"QUERY").unwrap();
    let body = form(&[("match", "b"), ("last_event_id", "earliest")]);
    let source = EventSource::request(
        query.clone(),
        format!("http://{}{PATH}?match=a&last_event_id=one", hub.hub.address),
    )
    .header("content-type", "application/x-www-form-urlencoded")
    .body(body);
    let mut follower = Follower::new(source).await;
    assert_eq!(follower.data().await, "2", "the ID of the query counts");
    hub.update(&[("topic", "a"), ("data", "3")]).await;
    assert_eq!(follower.data().await, "3");
    let request = hub
        .request(query.clone(), "?match=a", None)
        .header("content-type", "text/plain");
    assert_eq!(hub.hub.send(request, "match=b").await.status, 415);
    let request = hub
        .request(query, "", None)
        .header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(hub.hub.send(request, "Match=b").await.status, 400);
}

#[tokio::test]
async fn active_subscriptions_are_published_and_listed() {
    let hub = MercureHub::start(["--mercure-anonymous", "--mercure-subscriptions"]);
    let namespace =
        json!([{"match": "/.well-known/mercure/subscriptions*", "match_type": "urlpattern"}]);
    let watcher_token = reader(namespace);
    let query = form(&[("match_urlpattern", "/.well-known/mercure/subscriptions/*")]);
    let mut watcher = hub.follow(&query, Some(&watcher_token)).await;
    let (event_type, _, own) = watcher.event().await;
    let own: Value = serde_json::from_str(&own).unwrap();
    assert_eq!(
        (&*event_type, own["active"].as_bool()),
        ("mercure", Some(true))
    );
    assert_eq!(own["match"], "/.well-known/mercure/subscriptions/*");

    let mut with_payload = claims(&["subscribe"], json!([{"match": "a/b"}]));
    with_payload["authorization_details"][0]["payload"] = json!({"room": 7});
    let follower = hub
        .follow(
            &form(&[("match", "a/b"), ("match", "c")]),
            Some(&sign(&with_payload)),
        )
        .await;
    let mut documents = Vec::new();
    for _ in 0..2 {
        let (event_type, _, data) = watcher.event().await;
        assert_eq!(event_type, "mercure");
        documents.push(serde_json::from_str::<Value>(&data).unwrap());
    }
    let subscriber = documents[0]["subscriber"].as_str().unwrap();
    assert!(subscriber.starts_with("urn:uuid:"));
    let encoded = subscriber.replace(':', "%3A");
    assert_eq!(
        documents[0],
        json!({
            "id": format!("{PATH}/subscriptions/exact/a%2Fb/{encoded}"),
            "type": "subscription",
            "match_type": "exact",
            "match": "a/b",
            "subscriber": subscriber,
            "active": true,
            "payload": {"room": 7},
        })
    );
    assert_eq!(documents[1]["subscriber"], subscriber);
    assert_eq!(documents[1].get("payload"), None);

    let get = async |path: &str, token: &str| {
        let request = hub
            .hub
            .request(Method::GET, path)
            .header("authorization", format!("Bearer {token}"));
        hub.hub.send(request, "").await
    };
    let id = documents[0]["id"].as_str().unwrap();
    let one = get(id, &watcher_token).await;
    assert_eq!(
        (one.status, one.header("content-type")),
        (200, "application/json")
    );
    assert_eq!(
        serde_json::from_str::<Value>(&one.text).unwrap(),
        documents[0]
    );
    let link = one.header("link");
    let expected = format!("<{URL}>; rel=\"mercure\"; last-event-id=\"#");
    assert!(link.starts_with(&expected), "{link}");
    assert!(
        link.ends_with("\"; type=\"mercure\"; content-type=\"application/json\""),
        "{link}"
    );
    for (path, count) in [
        ("/subscriptions", 3),
        ("/subscriptions/exact/a%2Fb", 1),
        ("/subscriptions/exact/none", 0),
        ("/subscriptions/urlpattern/a%2Fb", 0),
    ] {
        let path = format!("{PATH}{path}");
        let reply = get(&path, &watcher_token).await;
        let collection: Value = serde_json::from_str(&reply.text).unwrap();
        assert_eq!(
            (&collection["id"], &collection["type"]),
            (&json!(path), &json!("subscriptions"))
        );
        assert_eq!(
            collection["subscriptions"].as_array().unwrap().len(),
            count,
            "{path}"
        );
    }
    let other = reader(json!([{"match": "a/b"}]));
    assert_eq!(
        get(&format!("{PATH}/subscriptions"), &other).await.status,
        403
    );
    assert_eq!(
        hub.hub.get(&format!("{PATH}/subscriptions")).await.status,
        401
    );

    drop(follower);
    for document in &documents {
        let (_, _, data) = watcher.event().await;
        let ended: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(
            (&ended["id"], &ended["active"]),
            (&document["id"], &json!(false))
        );
    }
    assert_eq!(get(id, &watcher_token).await.status, 404);
    // Others do not learn about subscriptions.
    let all = hub.source("match=*&last_event_id=earliest", None);
    let (_, mut all) = resume(all).await;
    hub.update(&[("topic", "a"), ("data", "public")]).await;
    assert_eq!(next_data(&mut all).await, "public");
}

#[tokio::test]
async fn without_the_option_there_are_no_active_subscriptions() {
    let hub = MercureHub::start([]);
    let all = reader(json!([{"match": "*"}]));
    let path = format!("{PATH}/subscriptions");
    let request = hub
        .hub
        .request(Method::GET, &path)
        .header("authorization", format!("Bearer {all}"));
    assert_eq!(hub.hub.send(request, "").await.status, 404);
    let mut watcher = hub.follow("match=*", Some(&all)).await;
    let _other = hub.follow("match=a", Some(&all)).await;
    hub.update(&[("topic", "a"), ("data", "1")]).await;
    assert_eq!(watcher.data().await, "1");
}

#[tokio::test]
async fn clients_have_a_maximum_number_of_streams() {
    let hub = MercureHub::start([
        "--mercure-max-per-subject=2",
        "--mercure-max-per-address=3",
        "--mercure-anonymous",
    ]);
    let alice = reader(json!([{"match": "*"}]));
    let first = hub.follow("match=a", Some(&alice)).await;
    let _second = hub.follow("match=a", Some(&alice)).await;
    assert_eq!(hub.get("?match=a", Some(&alice)).await.status, 429);
    let _third = hub.follow("match=a", None).await;
    assert_eq!(hub.get("?match=a", None).await.status, 429);
    drop(first);
    let again = timeout(test_timeout(), async {
        while hub.hub.metric("sse_hub_subscribers").await > 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        hub.follow("match=a", Some(&alice)).await
    });
    again.await.unwrap();
}

#[test]
fn options_are_checked_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("issuers.toml");
    let start = |url: &str, issuers: &str| {
        std::fs::write(&path, issuers).unwrap();
        let mut command = sse(["hub", "--listen=127.0.0.1:0", "--mercure", url]);
        let done = run(command.arg("--mercure-issuers").arg(&path), "");
        assert_ne!(done.code, Some(0));
        done.stderr
    };
    for (url, reason) in [
        ("hub.example", "not a URL"),
        ("https://hub.example", "no path"),
        (
            "https://hub.example/x?y",
            "only a scheme, a host, a port and a path",
        ),
        ("https://hub.example/debug", "is a path of the server"),
        (
            "https://hub.example/openapi.json",
            "is a path of the server",
        ),
        ("https://hub.example/healthz", "is a path of the server"),
        ("https://hub.example/metrics", "is a path of the server"),
    ] {
        assert!(start(url, "").contains(reason), "{url}");
    }
    for (issuers, reason) in [
        ("", "missing field `issuer`"),
        ("issuer = []", "no issuer"),
        (
            "[[issuer]]\nid = \"a\"\nsecret = 1",
            "line 3: unknown field `secret`",
        ),
        (
            "[[issuer]]\nid = \"a\"\npublisher = \"the secret\"",
            "line 3: invalid type: string\n",
        ),
        (
            "[[issuer]]\nid = \"a\"\npublisher = {}",
            "issuer \"a\": publisher: exactly one of",
        ),
        (
            "[[issuer]]\nid = \"a\"\npublisher = { key = \"k\" }",
            "`algorithm` is missing",
        ),
        (
            "[[issuer]]\nid = \"a\"\npublisher = { key = \"k\", algorithm = \"none\" }",
            "unknown algorithm \"none\"",
        ),
        (
            "[[issuer]]\nid = \"a\"\npublisher = { key = \"k\", algorithm = \"HS256\" }",
            "shared secret is 1 bytes, minimum is 32",
        ),
        (
            "[[issuer]]\nid = \"a\"\npublisher = { key-file = \"none\", algorithm = \"RS256\" }",
            "cannot read ",
        ),
        (
            "[[issuer]]\nid = \"a\"\npublisher = { key = \"k\", algorithm = \"RS256\" }",
            "not a public key in PEM",
        ),
        (
            "[[issuer]]\nid = \"a\"\n[[issuer]]\nid = \"a\"",
            "issuer \"a\" is given twice",
        ),
    ] {
        let error = start(URL, issuers);
        assert!(
            error.contains(reason) && error.contains("issuers.toml"),
            "{issuers}: {error}"
        );
        assert!(!error.contains("the secret"), "{error}");
    }
}
