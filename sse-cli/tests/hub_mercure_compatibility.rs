//! `sse hub --mercure --mercure-compatibility`: clients of drafts up to 7, and their refusal without the option.
#![cfg(feature = "hub")]

mod support;

use futures_util::StreamExt as _;
use http::Method;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sse_source::Item;
use support::{
    hub::Follower,
    mercure::{MercureHub, PATH, form, now, token},
    run, sse,
};
use testkit::timeout::test_timeout;
use tokio::time::timeout;

const SECRET: &str = "a shared secret of more than 32 bytes";
const OTHER_SECRET: &str = "another secret of more than 32 bytes!";
const BOOKS: &str = "https://example.com/books/{id}";
const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// Starts a hub with two issuers, which have different keys.
fn start<const N: usize>(options: [&str; N]) -> MercureHub {
    let issuer = |id: &str, secret: &str| {
        let key = format!("{{ key = {secret:?}, algorithm = \"HS256\" }}");
        format!("[[issuer]]\nid = {id:?}\npublisher = {key}\nsubscriber = {key}\n")
    };
    let issuers = [
        issuer("https://other.example", OTHER_SECRET),
        issuer(support::mercure::ISSUER, SECRET),
    ];
    MercureHub::start_with(&issuers.concat(), options)
}

/// Signs claims as issuers for drafts up to 7 do.
fn sign(claims: &Value) -> String {
    sign_with(SECRET, claims)
}

fn sign_with(secret: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes()).unwrap();
    encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

fn publisher(selectors: Value) -> String {
    sign(&json!({"mercure": {"publish": selectors}}))
}

fn subscriber(selectors: Value) -> String {
    sign(&json!({"mercure": {"subscribe": selectors}}))
}

/// Sends a publication without a token in a header. Returns the status.
async fn publish(hub: &MercureHub, query: &str, headers: &[(&str, &str)]) -> u16 {
    let mut request = hub.request(Method::POST, query, None);
    request = request.header("content-type", FORM_TYPE);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    hub.hub.send(request, "topic=a").await.status
}

/// Opens a stream, and returns the headers with the last event ID.
async fn last_event_ids(source: sse_source::Builder) -> [Option<String>; 2] {
    let mut source = source.build().unwrap();
    let item = timeout(test_timeout(), source.next()).await.unwrap();
    let Some(Ok(Item::Open(head))) = item else {
        panic!("{item:?}");
    };
    ["last-event-id", "mercure-last-event-id"].map(|name| {
        let value = head.headers.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    })
}

#[tokio::test]
async fn a_topic_selects_a_text_or_the_expansions_of_a_template() {
    let hub = start(["--mercure-compatibility", "--mercure-anonymous"]);
    let book = "https://example.com/books/1";
    let mut matching = Vec::new();
    for query in [
        form(&[("topic", book)]),
        form(&[("topic", BOOKS)]),
        "topic=https://example.com/books/{id}".to_owned(),
        form(&[("topic", "other"), ("topic", "{+any}/books/{id:1}")]),
        form(&[("topic", "*")]),
        form(&[("match", "none"), ("topic", "alternate")]),
    ] {
        matching.push(hub.follow(&query, None).await);
    }
    let mut template = hub.follow(&form(&[("topic", "/x/{a")]), None).await;
    let mut exact = hub
        .follow(&form(&[("topic", "https://example.com/books")]), None)
        .await;
    hub.update(&[("topic", book), ("topic", "alternate"), ("data", "1")])
        .await;
    for follower in &mut matching {
        assert_eq!(follower.data().await, "1");
    }
    hub.update(&[("topic", "/x/{a"), ("data", "2")]).await;
    hub.update(&[("topic", "https://example.com/books"), ("data", "3")])
        .await;
    assert_eq!(template.data().await, "2");
    assert_eq!(exact.data().await, "3");
    // A URL pattern is not a template, and the namespace of matchers is still reserved.
    for query in [
        "",
        "?topic=",
        "?topic=%0a",
        "?match_uritemplate=a",
        "?Topic=a",
        "?topic={a:9999}",
    ] {
        assert_eq!(hub.get(query, None).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn the_last_event_id_has_other_names() {
    let hub = start(["--mercure-compatibility", "--mercure-anonymous"]);
    let first = hub.update(&[("topic", "a"), ("data", "1")]).await;
    hub.update(&[("topic", "a"), ("data", "2")]).await;
    for name in [
        "last_event_id",
        "lastEventID",
        "Last-Event-ID",
        "last-event-id",
        "lastEventId",
        "Last-Event-Id",
    ] {
        for (id, expected, data) in [
            (&*first, &*first, "2"),
            ("earliest", "earliest", "1"),
            ("x", "earliest", "1"),
        ] {
            let query = form(&[("topic", "a"), (name, id)]);
            let ids = last_event_ids(hub.source(&query, None)).await;
            assert_eq!(
                ids,
                [Some(expected); 2].map(|id| id.map(str::to_owned)),
                "{name}={id}"
            );
            let mut follower = hub.follow(&query, None).await;
            assert_eq!(follower.data().await, data, "{name}={id}");
        }
    }
    let by_header = hub
        .source("topic=a&lastEventID=x", None)
        .header("last-event-id", &first);
    assert_eq!(last_event_ids(by_header).await[0], Some(first));
    assert_eq!(
        last_event_ids(hub.source("topic=a", None)).await,
        [None, None]
    );
}

#[tokio::test]
async fn a_token_has_topic_selectors() {
    let hub = start(["--mercure-compatibility"]);
    let query = form(&[("topic", BOOKS), ("topic", "end")]);
    let namespaced =
        json!({"https://mercure.rocks/": {"subscribe": ["https://example.com/books/2"]}});
    let clients = [
        (
            subscriber(json!(["https://example.com/books/1"])),
            vec!["1", "end"],
        ),
        (sign_with(OTHER_SECRET, &namespaced), vec!["2", "end"]),
        (
            subscriber(json!(["https://example.com/users/foo/{?topic}"])),
            vec!["2", "end"],
        ),
        (subscriber(json!([BOOKS])), vec!["1", "2", "end"]),
        (subscriber(json!(["*"])), vec!["1", "2", "end"]),
        (subscriber(json!([])), vec!["end"]),
        (publisher(json!(["*"])), vec!["end"]),
    ];
    let mut followers = Vec::new();
    for (token, _) in &clients {
        followers.push(hub.follow(&query, Some(token)).await);
    }
    let publisher = publisher(json!([BOOKS, "https://example.com/users/{+rest}", "end"]));
    let alternate = "https://example.com/users/foo/?topic=https%3A%2F%2Fexample.com%2Fbooks%2F2";
    for fields in [
        vec![
            ("topic", "https://example.com/books/1"),
            ("data", "1"),
            ("private", "on"),
        ],
        vec![
            ("topic", "https://example.com/books/2"),
            ("topic", alternate),
            ("data", "2"),
            ("private", "on"),
        ],
        vec![("topic", "end"), ("data", "end")],
    ] {
        let reply = hub.publish_as(&publisher, &fields).await;
        assert_eq!(reply.status, 200, "{fields:?}: {}", reply.text);
    }
    for ((_, expected), follower) in clients.iter().zip(&mut followers) {
        for data in expected {
            assert_eq!(follower.data().await, *data);
        }
    }
    for (token, status) in [
        (subscriber(json!(["*"])), 403),
        (sign(&json!({"mercure": {}})), 403),
        (self::publisher(json!([])), 403),
        (self::publisher(json!(["https://example.com/{id}"])), 403),
        (
            sign(&json!({"mercure": {"publish": ["*"]}, "exp": now() - 1})),
            401,
        ),
        (
            sign(&json!({"mercure": {"publish": ["*"]}, "iss": "https://evil.example"})),
            401,
        ),
        (
            sign(&json!({"mercure": {"publish": [{"match": "*"}]}})),
            401,
        ),
        (
            sign_with(
                "a third secret of more than 32 bytes!",
                &json!({"mercure": {"publish": ["*"]}}),
            ),
            401,
        ),
        (sign(&json!({})), 401),
    ] {
        let reply = hub
            .publish_as(&token, &[("topic", "https://example.com/books/1")])
            .await;
        assert_eq!(reply.status, status, "{token}");
    }
    assert_eq!(hub.get("?topic=a", None).await.status, 401);
    // Tokens of the current draft have their own rules.
    let current = token(&["publish"], json!([{"match": "a"}]));
    assert_eq!(
        hub.publish_as(&current, &[("topic", "a")]).await.status,
        200
    );
    assert_eq!(
        hub.publish_as(&current, &[("topic", "b")]).await.status,
        403
    );
}

#[tokio::test]
async fn a_token_may_be_in_the_query_or_the_old_cookie() {
    let hub = start(["--mercure-compatibility"]);
    let good = sign(&json!({"mercure": {"publish": ["*"], "subscribe": ["*"]}}));
    let in_query = format!("authorization={good}");
    let cookie = format!("mercureAuthorization={good}");
    let mut followers = vec![
        hub.follow(&format!("topic=a&{in_query}"), None).await,
        Follower::new(hub.source("topic=a", None).header("cookie", &*cookie)).await,
    ];
    let own = ("origin", "http://hub.example");
    for (query, headers, status) in [
        (format!("?{in_query}"), vec![], 200),
        (
            format!("?{in_query}"),
            vec![("cookie", "mercureAuthorization=x")],
            200,
        ),
        (String::new(), vec![("cookie", &*cookie), own], 200),
        (String::new(), vec![("cookie", &*cookie)], 403),
        (
            String::new(),
            vec![("cookie", &*cookie), ("origin", "https://evil.example")],
            403,
        ),
        (
            format!("?{in_query}"),
            vec![("authorization", "Bearer x")],
            401,
        ),
        (
            "?authorization=x".to_owned(),
            vec![("cookie", &*cookie), own],
            401,
        ),
        (format!("?{in_query}&{in_query}"), vec![], 400),
        ("?authorization=".to_owned(), vec![], 400),
        (String::new(), vec![], 401),
    ] {
        assert_eq!(
            publish(&hub, &query, &headers).await,
            status,
            "{query} {headers:?}"
        );
    }
    for follower in &mut followers {
        for _ in 0..3 {
            follower.event().await;
        }
    }
}

#[tokio::test]
async fn tokens_in_urls_are_not_logged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("access.log");
    let access_log = format!("--access-log={}", path.display());
    let mut hub = start(["--mercure-compatibility", "--log=trace", &access_log]);
    let good = sign(&json!({"mercure": {"publish": ["b"], "subscribe": ["*"]}}));
    let bad = format!("{good}AAAA");
    for token in [&good, &bad] {
        let query = format!("?topic=%0A&authorization={token}");
        hub.get(&query, None).await;
        publish(&hub, &query, &[]).await;
        hub.get(
            &format!("?authorization={token}&authorization={token}"),
            None,
        )
        .await;
        hub.hub
            .get(&format!("{PATH}/subscriptions?authorization={token}"))
            .await;
        let cookie = format!("mercureAuthorization={token}");
        publish(&hub, "", &[("cookie", &cookie)]).await;
    }
    drop(
        hub.follow(&format!("topic=a&authorization={good}"), None)
            .await,
    );
    hub.hub.running.stderr.expect("access token refused");
    let log = hub.hub.running.stderr.seen();
    drop(hub);
    let access_log = std::fs::read_to_string(&path).unwrap();
    assert!(access_log.contains(PATH), "{access_log}");
    for part in good.split('.') {
        assert!(!log.contains(part), "{part} is in the log");
        assert!(!access_log.contains(part), "{part} is in the access log");
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_token_expires() {
    let hub = start(["--mercure-compatibility"]);
    let end = now() + 2;
    let token = sign(&json!({"mercure": {"subscribe": ["*"]}, "exp": end}));
    let mut follower = hub.follow("topic=a", Some(&token)).await;
    loop {
        match follower.next().await {
            Some(Ok(Item::Event(event))) => panic!("{event:?}"),
            Some(Ok(_)) => {}
            // The client has reconnected.
            Some(Err(error)) => break assert!(error.to_string().contains("401"), "{error}"),
            None => panic!("no error"),
        }
    }
    assert!(now() >= end);
}

#[tokio::test]
async fn the_documents_about_subscriptions_have_the_payload() {
    let hub = start(["--mercure-compatibility", "--mercure-subscriptions"]);
    let claim = json!({"subscribe": ["*"], "payload": ["any", {"room": 7}]});
    let token = sign(&json!({ "mercure": claim }));
    let query = form(&[("topic", BOOKS), ("topic", "a")]);
    let _follower = hub.follow(&query, Some(&token)).await;
    let path = format!("{PATH}/subscriptions");
    let reply = hub.hub.get(&format!("{path}?authorization={token}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let collection: Value = serde_json::from_str(&reply.text).unwrap();
    let documents = collection["subscriptions"].as_array().unwrap();
    let described = documents.iter().map(|document| {
        assert_eq!(document["payload"], claim["payload"]);
        [&document["match_type"], &document["match"]].map(|value| value.as_str().unwrap())
    });
    assert_eq!(
        described.collect::<Vec<_>>(),
        [["exact", "a"], ["uritemplate", BOOKS]]
    );
    let other = subscriber(json!(["a"]));
    assert_eq!(
        hub.hub
            .get(&format!("{path}?authorization={other}"))
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn without_the_option_all_of_it_is_refused() {
    let hub = start(["--mercure-anonymous"]);
    let first = hub.update(&[("topic", "a"), ("data", "1")]).await;
    assert_eq!(hub.get("?topic=a", None).await.status, 400);
    for name in [
        "lastEventID",
        "Last-Event-ID",
        "last-event-id",
        "lastEventId",
    ] {
        let query = form(&[("match", "a"), (name, &first)]);
        assert_eq!(
            last_event_ids(hub.source(&query, None)).await,
            [None, None],
            "{name}"
        );
    }
    let query = form(&[("match", "a"), ("last_event_id", &first)]);
    assert_eq!(
        last_event_ids(hub.source(&query, None)).await,
        [None, Some(first)]
    );

    let old = sign(&json!({"mercure": {"publish": ["*"], "subscribe": ["*"]}, "exp": now() + 600}));
    let current = token(&["publish", "subscribe"], json!([{"match": "*"}]));
    assert_eq!(hub.publish_as(&old, &[("topic", "a")]).await.status, 401);
    assert_eq!(hub.get("?match=a", Some(&old)).await.status, 401);
    for token in [&old, &current] {
        let cookie = format!("mercureAuthorization={token}");
        let headers = [("cookie", &*cookie), ("origin", "http://hub.example")];
        assert_eq!(publish(&hub, "", &headers).await, 401);
        assert_eq!(
            publish(&hub, &format!("?authorization={token}"), &[]).await,
            401
        );
        // The client is anonymous.
        let source = hub.source(&format!("match=a&authorization={token}"), None);
        let mut follower = Follower::new(source.header("cookie", &*cookie)).await;
        hub.update(&[("topic", "a"), ("data", "private"), ("private", "on")])
            .await;
        hub.update(&[("topic", "a"), ("data", "public")]).await;
        assert_eq!(follower.data().await, "public");
    }
}

#[test]
fn the_option_requires_the_protocol() {
    let done = run(
        &mut sse(["hub", "--listen=127.0.0.1:0", "--mercure-compatibility"]),
        "",
    );
    assert_ne!(done.code, Some(0));
    assert!(done.stderr.contains("--mercure"), "{}", done.stderr);
}
