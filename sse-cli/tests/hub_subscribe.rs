//! Subscriptions of `sse hub`: positions, queries, tokens, hosts, origins and slow subscribers.
#![cfg(feature = "hub")]

mod support;

use http::Method;
use support::hub::{Follower, Hub, TOKEN};

#[tokio::test]
async fn a_stream_goes_on_where_it_was() {
    let hub = Hub::start([]);
    let mut ids = Vec::new();
    for data in ["1", "2", "3", "4"] {
        ids.push(hub.news("a/b", data).await);
    }
    hub.news("c", "not selected").await;
    let after_2 = hub.source("topic=a/**").last_event_id(ids[1].parse_id());
    let mut follower = Follower::new(after_2).await;
    assert_eq!(
        (follower.data().await, follower.data().await),
        ("3".into(), "4".into())
    );
    let mut follower = hub
        .follow(&format!("topic=a/*&lastEventId={}", ids[2]))
        .await;
    assert_eq!(
        follower.event().await,
        ("message".into(), ids[3].clone(), "4".into())
    );
    // A browser that reconnects sends both. The ID in the header is newer.
    let both = hub.source(&format!("topic=a/*&lastEventId={}", ids[0]));
    let mut follower = Follower::new(both.last_event_id(ids[2].parse_id())).await;
    assert_eq!(follower.data().await, "4");
    let mut follower = hub.follow("topic=a/b&newest=2").await;
    assert_eq!(
        (follower.data().await, follower.data().await),
        ("3".into(), "4".into())
    );
    assert_eq!(hub.metric("sse_hub_replayed_total").await, 6);
    let (epoch, _) = ids[0].split_once('-').expect("an epoch");
    let future = format!("{epoch}-99");
    for id in ["nonsense", "17", "99999999999999999999", &future] {
        let mut follower = hub.follow(&format!("topic=a/b&lastEventId={id}")).await;
        is_reset(&mut follower).await;
        hub.news("a/b", "5").await;
        assert_eq!(follower.data().await, "5");
    }
}

async fn is_reset(follower: &mut Follower) {
    let (event_type, _, data) = follower.event().await;
    assert_eq!((&*event_type, &*data), ("reset", r#"{"reason":"unknown"}"#));
}

#[tokio::test]
async fn an_id_from_before_a_restart_resets() {
    for ids_are_sealed in [false, true] {
        let mut ids = Vec::new();
        for _ in 0..2 {
            let hub = match ids_are_sealed {
                false => Hub::start([]),
                true => Hub::start(["--id-key", "000102030405060708090a0b0c0d0e0f"]),
            };
            for id in &ids {
                is_reset(&mut hub.follow(&format!("topic=a&lastEventId={id}")).await).await;
            }
            for n in 0..3 {
                ids.push(hub.news("a", &n.to_string()).await);
            }
            // By now, the hub uses the numbers of these IDs again.
            for id in &ids[..ids.len() - 3] {
                is_reset(&mut hub.follow(&format!("topic=a&lastEventId={id}")).await).await;
            }
        }
    }
}

#[tokio::test]
async fn sealed_ids_resume_and_cannot_be_made_up() {
    let hub = Hub::start(["--id-key", "000102030405060708090a0b0c0d0e0f"]);
    let first = hub.news("a", "1").await;
    let second = hub.news("a", "2").await;
    assert_eq!((first.len(), second.len()), (32, 32), "{first} {second}");
    let mut follower = hub.follow(&format!("topic=a&lastEventId={first}")).await;
    assert_eq!(
        follower.event().await,
        ("message".into(), second.clone(), "2".into())
    );
    for id in ["1", &first.replace(&first[..2], "zz"), &"0".repeat(32)] {
        let mut follower = hub.follow(&format!("topic=a&lastEventId={id}")).await;
        assert_eq!(follower.event().await.2, "{\"reason\":\"unknown\"}", "{id}");
    }
}

/// Checks that an invalid ID gets a `reset` and not an error status. By the standard, any status but 200 ends an
/// `EventSource` for good.
#[tokio::test]
async fn an_id_of_another_scheme_resets_and_ends_no_client() {
    let hub = Hub::start([]);
    let long = "7".repeat(1025);
    for id in [
        &b"seven"[..],
        b"-1",
        b"2024-01-01/7",
        b"\xFF",
        long.as_bytes(),
    ] {
        let id = http::HeaderValue::from_bytes(id).unwrap();
        let source = hub.source("topic=a").header("last-event-id", id.clone());
        let event = Follower::new(source).await.event().await;
        let reset = ("reset", "{\"reason\":\"unknown\"}");
        assert_eq!((&*event.0, &*event.2), reset, "{id:?}");
    }
    for id in ["seven", "1%0A", "%00", &long] {
        let mut follower = hub.follow(&format!("topic=a&lastEventId={id}")).await;
        assert_eq!(follower.event().await.0, "reset", "{id}");
    }
    // After the reset, the client has an ID of this hub.
    let mut follower = hub.follow("topic=a&lastEventId=seven").await;
    let (_, position, _) = follower.event().await;
    hub.news("a", "1").await;
    assert_eq!(follower.data().await, "1");
    let mut again = hub.follow(&format!("topic=a&lastEventId={position}")).await;
    assert_eq!(again.data().await, "1");
}

#[tokio::test]
async fn a_query_says_where_to_begin() {
    let hub = Hub::start([]);
    let mut ids = Vec::new();
    for data in ["1", "2", "3"] {
        ids.push(hub.news("a", data).await);
    }
    let first = async |query: &str| hub.follow(&format!("topic=a&{query}")).await.data().await;
    for name in [
        "lastEventId",
        "lastEventID",
        "last-event-id",
        "last_event_id",
    ] {
        assert_eq!(first(&format!("{name}={}", ids[1])).await, "3", "{name}");
        assert_eq!(
            first(&format!("newest=3&{name}={}", ids[0])).await,
            "2",
            "{name}"
        );
        assert_eq!(first(&format!("newest=2&{name}=")).await, "2", "{name}");
        assert_eq!(first(&format!("{name}=earliest")).await, "1", "{name}");
    }
    assert_eq!(first("newest=1").await, "3");
    for query in ["earliest", "earliest=true&newest=1"] {
        assert_eq!(first(query).await, "1");
    }
    // The ID in the header is newer.
    let id = ids[1].parse_id();
    let again = hub.source("topic=a&earliest").last_event_id(id);
    assert_eq!(Follower::new(again).await.data().await, "3");
}

/// Checks that events expire although nothing is published meanwhile.
#[tokio::test]
async fn what_is_older_than_it_is_kept_for_does_not_come_again() {
    let hub = Hub::start(["--keep-for=0.2"]);
    let first = hub.news("a", "1").await;
    let second = hub.news("a", "2").await;
    tokio::time::sleep(core::time::Duration::from_millis(500)).await;
    for query in ["newest=9", "earliest", "lastEventId=earliest"] {
        let mut follower = hub.follow(&format!("topic=a&{query}")).await;
        hub.news("b", "of no interest").await;
        hub.news("a", query).await;
        assert_eq!(follower.data().await, query);
        tokio::time::sleep(core::time::Duration::from_millis(500)).await;
    }
    let mut follower = hub.follow(&format!("topic=a&lastEventId={first}")).await;
    assert_eq!(follower.event().await.2, "{\"reason\":\"too old\"}");
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_quiet_topic_keeps_its_last_event_beside_a_busy_one() {
    for (option, expected) in [
        ("--keep-per-topic=1", "the last"),
        ("--keep-per-topic=0", "next"),
    ] {
        let hub = Hub::start(["--keep-events=10", option]);
        hub.news("quiet", "the last").await;
        for _ in 0..20 {
            hub.news("busy", "x").await;
        }
        for query in ["newest=1", "earliest"] {
            let mut follower = hub.follow(&format!("topic=quiet&{query}")).await;
            hub.news("quiet", "next").await;
            assert_eq!(follower.data().await, expected, "{option}, {query}");
        }
    }
}

trait ParseId {
    fn parse_id(&self) -> sse_source::EventId;
}

impl ParseId for String {
    fn parse_id(&self) -> sse_source::EventId {
        sse_source::EventId::new(self.clone()).unwrap()
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_told() {
    let hub = Hub::start([]);
    let many = "&topic=a".repeat(65);
    let long = "x".repeat(1025);
    for (query, reason) in [
        ("", "no topic; use /events?topic=…"),
        (
            "topics=a",
            "unknown parameter \"topics\"; did you mean topic?",
        ),
        (
            "topic=a&newst=3",
            "unknown parameter \"newst\"; did you mean newest?",
        ),
        (
            "topic=a&x=3",
            "unknown parameter \"x\"; known ones are topic, newest",
        ),
        ("topic=", "topic is empty"),
        (
            "topic=a&topic=b%0D%0A",
            r"topic has the control character '\r' at byte 1",
        ),
        ("topic=a*", "`*` must be a whole segment"),
        ("topic=**/a", "`**` the last one"),
        ("topic=a////////////////**", "17 segments, limit is 16"),
        ("topic=*/*/*/*/*", "5 segments `*`, limit is 4"),
        ("topic=%ff", "the query: not UTF-8 when decoded"),
        ("topic=a&newest=1&newest=2", "newest: given twice"),
        (
            "topic=a&lastEventId=1&lastEventId=2",
            "lastEventId: given twice",
        ),
        (
            "topic=a&lastEventId=1&last_event_id=2",
            "last_event_id: given twice",
        ),
        (
            "topic=a&earliest=10",
            "earliest: \"10\" is not true or false",
        ),
        ("topic=a&newest=-1", r#"newest: "-1": invalid digit"#),
        (&many, "more than 64 topics"),
        (
            &format!("topic={long}"),
            "topic is 1025 bytes, limit is 256",
        ),
    ] {
        let reply = hub.get(&format!("/events?{query}")).await;
        assert_eq!(reply.status, 400, "{query}: {}", reply.text);
        assert!(reply.text.contains(reason), "{query}: {}", reply.text);
    }
    // This is more than the limit of a head.
    let head = hub.request(Method::GET, "/events?topic=a");
    let head = head.header("last-event-id", "7".repeat(200_000));
    assert_eq!(hub.send(head, "").await.status, 431);
    let accept = hub
        .request(Method::GET, "/events?topic=a")
        .header("accept", "text/html");
    assert_eq!(hub.send(accept, "").await.status, 406);
    for method in [Method::POST, Method::OPTIONS, Method::DELETE] {
        let reply = hub.send(hub.request(method, "/events?topic=a"), "").await;
        assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD"));
    }
    let reply = hub
        .send(hub.request(Method::HEAD, "/events?topic=a"), "")
        .await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, "text/event-stream")
    );
    assert_eq!(hub.get("/").await.status, 404);
    assert_eq!(hub.metric("sse_hub_subscribers").await, 0);
}

#[tokio::test]
async fn with_a_token_only_those_who_have_it() {
    let hub = Hub::start(["--subscribe-token=for-readers"]);
    let path = "/events?topic=a&access_token=for-readers";
    assert_eq!(hub.get(path).await.status, 401);
    let reply = hub.get("/events?topic=a").await;
    assert_eq!(
        (reply.status, reply.header("www-authenticate")),
        (401, "Bearer")
    );
    assert_eq!(hub.get("/healthz").await.text, "ok\n");
    for token in ["wrong", TOKEN] {
        let request = hub.request(Method::GET, "/events?topic=a");
        let request = request.header("authorization", format!("Bearer {token}"));
        assert_eq!(hub.send(request, "").await.status, 401);
    }
    let allowed = hub
        .source("topic=a")
        .header("authorization", "bearer for-readers");
    let mut follower = Follower::new(allowed).await;
    hub.news("a", "1").await;
    assert_eq!(follower.data().await, "1");

    let hub = Hub::start(["--subscribe-token=for-readers", "--token-in-url"]);
    // With a token in the URL, an `Authorization` of another scheme is for a proxy.
    let through_a_proxy = hub
        .source("topic=a&access_token=for-readers")
        .header("authorization", "Basic dXNlcjpwYXNzd29yZA==");
    drop(Follower::new(through_a_proxy).await);
    let request = hub.request(Method::GET, "/events?topic=a");
    let request = request.header("authorization", "Basic dXNlcjpwYXNzd29yZA==");
    assert_eq!(hub.send(request, "").await.status, 401);
    let mut follower = hub.follow("topic=a&access_token=for-readers").await;
    assert_eq!(
        hub.get("/events?topic=a&access_token=wrong").await.status,
        401
    );
    hub.news("a", "1").await;
    assert_eq!(follower.data().await, "1");
}

#[tokio::test]
async fn another_host_is_not_served() {
    let hub = Hub::start([
        "--allow-host=Events.example.:443",
        "--allow-host=*.below.example",
    ]);
    let port = hub.address.rsplit(':').next().unwrap();
    let status = async |host: String| {
        let request = hub.request(Method::GET, "/healthz").header("host", host);
        hub.send(request, "").await
    };
    for host in [
        "localhost",
        "LOCALHOST",
        "a.localhost",
        "127.0.0.1",
        "127.1.2.3",
        "[::1]",
        "Events.example",
        "events.example.",
        "a.below.example",
        "b.a.below.example",
    ] {
        assert_eq!(status(host.to_owned()).await.status, 200, "{host}");
        assert_eq!(status(format!("{host}:{port}")).await.status, 200, "{host}");
    }
    for host in [
        "evil.example",
        "below.example",
        "evilbelow.example",
        "localhost.evil.example",
        "10.0.0.1",
        "127.0.0.1.evil.example",
    ] {
        let reply = status(host.to_owned()).await;
        assert_eq!(reply.status, 421, "{host}");
        assert!(reply.text.contains("--allow-host"), "{}", reply.text);
    }
}

#[tokio::test]
async fn pages_of_other_origins_read_only_if_they_may() {
    let origin = "https://app.example";
    let preflight = async |hub: &Hub, path: &str, origin: &str| {
        let request = hub
            .request(Method::OPTIONS, path)
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header(
                "access-control-request-headers",
                "last-event-id, authorization",
            );
        hub.send(request, "").await
    };
    let hub = Hub::start([
        "--allow-origin=https://app.example",
        "--allow-origin=http://b.example:81",
    ]);
    let reply = preflight(&hub, "/events?topic=a", origin).await;
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (200, origin)
    );
    let allowed = reply.header("access-control-allow-headers");
    assert!(
        ["last-event-id", "authorization", "content-type"]
            .iter()
            .all(|header| allowed.contains(header))
    );
    assert!(
        !reply
            .headers
            .contains_key("access-control-allow-credentials")
    );
    let request = hub.request(Method::GET, "/events").header("origin", origin);
    let reply = hub.send(request, "").await;
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (400, origin)
    );
    let reply = preflight(&hub, "/events?topic=a", "https://evil.example").await;
    assert!(!reply.headers.contains_key("access-control-allow-origin"));
    // Pages with the token can also publish.
    let reply = preflight(&hub, "/publish", origin).await;
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (200, origin)
    );
    let methods = reply.header("access-control-allow-methods");
    assert!(methods.contains("POST"), "{methods}");
    let reply = preflight(&hub, "/publish", "https://evil.example").await;
    assert!(!reply.headers.contains_key("access-control-allow-origin"));
    let publish = async |token: &str| {
        let request = hub.request(Method::POST, "/publish?topic=a");
        let request = request.header("origin", origin);
        let request = request.header("content-type", "text/plain");
        let request = request.header("authorization", format!("Bearer {token}"));
        let reply = hub.send(request, "x").await;
        assert_eq!(reply.header("access-control-allow-origin"), origin);
        reply.status
    };
    assert_eq!((publish(TOKEN).await, publish("wrong").await), (200, 401));

    let hub = Hub::start([
        "--allow-origin=https://*.App.example:443",
        "--allow-origin=https://bücher.example.",
        "--allow-header=X-Trace",
        "--allow-header=x-tenant",
        "--expose-header=X-Served-By",
    ]);
    for (origin, is_allowed) in [
        ("https://a.app.example", true),
        ("https://b.a.app.example", true),
        ("https://xn--bcher-kva.example", true),
        ("https://app.example", false),
        ("http://a.app.example", false),
        ("https://evilapp.example", false),
    ] {
        let reply = preflight(&hub, "/events?topic=a", origin).await;
        let allowed = reply.headers.contains_key("access-control-allow-origin");
        assert_eq!(allowed, is_allowed, "{origin}");
        let request = hub.request(Method::GET, "/events").header("origin", origin);
        let reply = hub.send(request, "").await;
        let expected = if is_allowed { origin } else { "" };
        assert_eq!(reply.header("access-control-allow-origin"), expected);
        let exposed = reply.header("access-control-expose-headers");
        assert_eq!(exposed, "retry-after,x-served-by", "{origin}");
    }
    let reply = preflight(&hub, "/events?topic=a", "https://a.app.example").await;
    let allowed = reply.header("access-control-allow-headers");
    assert!(allowed.ends_with(",x-trace,x-tenant"), "{allowed}");

    let hub = Hub::start(["--allow-origin=*"]);
    let reply = preflight(&hub, "/events?topic=a", origin).await;
    assert_eq!(reply.header("access-control-allow-origin"), "*");
    assert!(
        !reply
            .headers
            .contains_key("access-control-allow-credentials")
    );

    let hub = Hub::start([]);
    let reply = preflight(&hub, "/events?topic=a", origin).await;
    assert_eq!(reply.status, 405);
    assert!(!reply.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn who_is_too_slow_is_told() {
    let hub = Hub::start(["--max-lag=3", "--slow=skip"]);
    let slow = hub.open_stream("topic=a").await;
    let mut quick = hub.follow("topic=a").await;
    let data = "x".repeat(100_000);
    for _ in 0..200 {
        hub.news("a", &data).await;
        assert_eq!(quick.data().await.len(), data.len());
    }
    let mut text = String::new();
    while !text.contains("event: lagged") {
        slow.readable().await.unwrap();
        let mut buffer = vec![0; 64 * 1024];
        if let Ok(count @ 1..) = slow.try_read(&mut buffer) {
            text.push_str(&String::from_utf8_lossy(&buffer[..count]));
            text.drain(..text.len().saturating_sub(65 * 1024));
        }
    }
    // A system with large buffers may let it catch up once in between.
    let lagged = hub.metric("sse_hub_lagged_total").await;
    assert!(lagged >= 1);
    assert!(hub.metric("sse_hub_dropped_total").await > 3);
    assert_eq!(hub.metric("sse_hub_lag_events_count").await, lagged);
}
