//! Against a real server on loopback that fails in every way.

mod support;

use std::time::{Duration, Instant};

use sse_source::{Error, EventId, EventSource, Item, Reason};
use support::{Answer, Server, error, events, next, respond, soon, source, stream};
use tokio::net::TcpListener;

#[tokio::test]
async fn it_goes_on_where_a_connection_ended_in_the_middle_of_an_event() {
    let server = Server::start([
        Answer::End(stream("id: 1\ndata: a\n\nid: 2\ndata: lo")),
        Answer::Reset(stream("id: 2\ndata: b\n\nid: 3\ndata")),
        Answer::End(respond("503 Busy", "Retry-After: 0\r\n", "not now")),
        Answer::End(stream("")),
        Answer::End(stream("id: 3€\ndata: c\n\n")),
        Answer::Hang(stream("data: d\n\n")),
    ])
    .await;
    let mut source = source(&server);
    assert_eq!(events(&mut source, 4).await, ["a", "b", "c", "d"]);
    let id = |id: &str| Some(id.to_owned());
    assert_eq!(
        server.last_event_ids(),
        [None, id("1"), id("2"), id("2"), id("2"), id("3€")]
    );
    assert_eq!(source.last_event_id(), "3€");
}

#[tokio::test]
async fn what_one_connection_leaves_does_not_reach_the_next() {
    let server = Server::start([
        Answer::End(stream("data: \u{20AC}\r".as_bytes())),
        Answer::End(stream(
            "\ndata: a\n\ndata: \u{20AC}"
                .as_bytes()
                .split_last()
                .unwrap()
                .1,
        )),
        Answer::End(stream("\u{FEFF}data: b\n\n\u{FEFF}data: c\n\n")),
        Answer::Drip(stream("\u{FEFF}data: d\r\n\r\n: x\r\rdata: \u{1F600}\n\n")),
        Answer::Hang(stream("data: end\n\n")),
    ])
    .await;
    let mut source = source(&server);
    assert_eq!(
        events(&mut source, 5).await,
        ["a", "b", "d", "\u{1F600}", "end"]
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut source = EventSource::get(format!("http://{address}/"))
        .with_settings(soon())
        .open()
        .unwrap();
    for _ in 0..3 {
        match next(&mut source).await {
            Some(Ok(Item::Disconnected(it))) => {
                assert_eq!(it.reason, Reason::NetworkError);
                assert!(it.error.is_some());
                let text = it.to_string();
                assert!(text.contains("Connection refused"), "{text}");
                assert!(text.contains("again in"), "{text}");
            }
            other => panic!("{other:?}"),
        }
    }
    let answers = [Answer::Hang(stream("data: back\n\n"))];
    Server::start_at(address, answers).await;
    assert_eq!(events(&mut source, 1).await, ["back"]);
}

#[tokio::test]
async fn a_refusal_ends_it_and_says_what_the_server_said() {
    let html = "Content-Type: text/html\r\n";
    for (answer, status, shown) in [
        (
            respond("204 No Content", "", ""),
            204,
            "the server asks to stop",
        ),
        (
            respond("401 Unauthorized", "", "who are you?"),
            401,
            "status 401 Unauthorized: who are you?",
        ),
        (
            respond("404 Not Found", html, "<h1>no</h1>"),
            404,
            "status 404 Not Found: <h1>no</h1>",
        ),
        (
            respond("200 OK", html, "<h1>hello</h1>"),
            200,
            "no event stream, but Content-Type: \"text/html\": <h1>",
        ),
        (respond("200 OK", "", ""), 200, "no Content-Type"),
        (
            respond("304 Not Modified", "", ""),
            304,
            "status 304 Not Modified",
        ),
        (respond("302 Found", "", ""), 302, "status 302"),
        (
            respond("301 Moved", "Location: ftp://127.0.0.1/\r\n", ""),
            301,
            "status 301 Moved Permanently, not followed to \"ftp://127.0.0.1/\"",
        ),
        (
            respond("307 Moved", "Location: javascript:alert(1)\r\n", ""),
            307,
            "not followed to \"javascript:",
        ),
        (
            respond("308 Moved", "Location: http://127.0.0.1:99999/\r\n", ""),
            308,
            "not followed to \"http:",
        ),
        (
            respond(
                "200 OK",
                "Content-Type: text/event-stream\r\nContent-Type: text/html\r\n",
                "",
            ),
            200,
            "Content-Type: \"text/html\"",
        ),
    ] {
        let server = Server::start([Answer::End(answer)]).await;
        let error = error(&mut source(&server)).await;
        assert!(error.to_string().contains(shown), "{error}");
        let Error::Refused(refused) = error else {
            panic!("{error:?}")
        };
        assert_eq!(refused.status, status);
        assert_eq!(server.requests().len(), 1, "it does not come back");
    }
}

#[tokio::test]
async fn a_refusal_of_any_size_and_speed_is_cut() {
    let long = respond("400 Bad Request", "", "x".repeat(1 << 20));
    let server = Server::start([Answer::Hang(long)]).await;
    let Error::Refused(refused) = error(&mut source(&server)).await else {
        panic!()
    };
    assert_eq!(refused.body.len(), 4096);

    let start = Instant::now();
    let slow = respond("400 Bad Request", "Content-Length: 9\r\n", "so ");
    let server = Server::start([Answer::Hang(slow)]).await;
    let Error::Refused(refused) = error(&mut source(&server)).await else {
        panic!()
    };
    assert_eq!(refused.body, "so ");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn redirects_are_followed_without_credentials_for_strangers() {
    let stranger = Server::start([Answer::Hang(stream("data: there\n\n"))]).await;
    let url = format!("http://localhost:{}/x", stranger.address.port());
    for status in [
        "301 Moved",
        "302 Found",
        "303 See Other",
        "307 Temporary",
        "308 Permanent",
    ] {
        let location = format!("Location: {url}\r\n");
        let server = Server::start([Answer::End(respond(status, &location, ""))]).await;
        let mut source = EventSource::get(server.url())
            .with_header("authorization", "Bearer secret")
            .with_header("cookie", "a=b")
            .with_last_event_id(EventId::from(5))
            .open()
            .unwrap();
        assert_eq!(events(&mut source, 1).await, ["there"], "{status}");
        assert!(server.requests()[0].contains("secret"));
        let request = stranger.requests().pop().unwrap();
        assert!(
            !request.contains("secret") && !request.contains("a=b"),
            "{request}"
        );
        assert!(request.contains("last-event-id: 5"), "{request}");
    }

    let here = Server::start([
        Answer::End(respond("307 Temporary", "Location: /other\r\n", "")),
        Answer::Hang(stream("data: here\n\n")),
    ])
    .await;
    let mut source = EventSource::request(http::Method::POST, here.url())
        .with_header("authorization", "Bearer secret")
        .with_body("question")
        .open()
        .unwrap();
    assert_eq!(events(&mut source, 1).await, ["here"]);
    let request = here.requests().pop().unwrap();
    assert!(request.starts_with("post /other "), "{request}");
    assert!(
        request.contains("bearer secret") && request.ends_with("question"),
        "{request}"
    );

    for status in ["301 Moved", "302 Found", "303 See Other"] {
        let here = Server::start([
            Answer::End(respond(status, "Location: other?x=%20#y\r\n", "")),
            Answer::Hang(stream("data: here\n\n")),
        ])
        .await;
        let mut source = EventSource::request(http::Method::POST, here.url())
            .with_header("content-type", "text/plain")
            .with_body("question")
            .open()
            .unwrap();
        assert_eq!(events(&mut source, 1).await, ["here"]);
        let request = here.requests().pop().unwrap();
        assert!(request.starts_with("get /other?x=%20 "), "{request}");
        assert!(!request.contains("\r\ncontent-"), "{request}");
        assert!(request.ends_with("\r\n\r\n"), "{request}");
    }

    let round = Server::start([Answer::End(respond(
        "302 Found",
        "Location: /events\r\n",
        "",
    ))])
    .await;
    let Error::Refused(refused) = error(&mut support::source(&round)).await else {
        panic!()
    };
    assert_eq!(refused.status, 302);
    assert!(round.requests().len() <= 22, "{}", round.requests().len());
}

#[tokio::test]
async fn retry_0_does_not_hammer_and_retry_for_ever_does_not_wait_for_ever() {
    let server = Server::start([Answer::End(stream("retry: 0\ndata: a\n\n"))]).await;
    let settings = soon().with_bounds(Duration::from_millis(50), Duration::from_secs(1));
    let mut source = EventSource::get(server.url())
        .with_settings(settings.clone())
        .open()
        .unwrap();
    let start = Instant::now();
    events(&mut source, 5).await;
    assert!(
        start.elapsed() >= Duration::from_millis(200),
        "{:?}",
        start.elapsed()
    );

    let server = Server::start([Answer::End(stream(format!(
        "retry: 1{}\ndata: a\n\n",
        "0".repeat(20)
    )))])
    .await;
    let mut source = EventSource::get(server.url())
        .with_settings(settings)
        .open()
        .unwrap();
    events(&mut source, 1).await;
    match next(&mut source).await {
        Some(Ok(Item::Disconnected(it))) => assert_eq!(it.delay, Duration::from_secs(1)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_server_asks_to_wait_is_waited() {
    let soon = std::time::SystemTime::now() + Duration::from_secs(100);
    let date = httpdate::fmt_http_date(soon);
    for (header, from, to) in [
        ("7", 7_000, 7_000),
        (&*date, 90_000, 100_000),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 5, 25),
        ("-7", 5, 25),
        ("soon", 5, 25),
        ("99999999999999999999", 120_000, 120_000),
        ("999999999", 120_000, 120_000),
    ] {
        let answer = respond("503 Busy", &format!("Retry-After: {header}\r\n"), "");
        let server = Server::start([Answer::End(answer)]).await;
        let settings =
            support::soon().with_bounds(Duration::from_millis(5), Duration::from_secs(120));
        let source = EventSource::get(server.url()).with_settings(settings);
        match next(&mut source.open().unwrap()).await {
            Some(Ok(Item::Disconnected(it))) => {
                let range = Duration::from_millis(from)..=Duration::from_millis(to);
                assert!(range.contains(&it.delay), "{header}: {:?}", it.delay);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_is_given_up() {
    let server = Server::start([
        Answer::Hang(Vec::new()),
        Answer::Hang(stream(": only this\n")),
        Answer::Hang(stream("data: a\n\n")),
    ])
    .await;
    let settings = soon()
        .with_connect_timeout(Some(Duration::from_millis(100)))
        .with_idle_timeout(Some(Duration::from_millis(100)));
    let mut source = EventSource::get(server.url())
        .with_settings(settings)
        .open()
        .unwrap();
    let mut reasons = Vec::new();
    loop {
        match next(&mut source).await {
            Some(Ok(Item::Disconnected(it))) => reasons.push(it.reason),
            Some(Ok(Item::Event(_))) => break,
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(reasons, [Reason::ConnectTimeout, Reason::IdleTimeout]);
}

#[tokio::test]
async fn an_event_that_is_too_large_is_lost_alone() {
    let body = format!("data: {}\n\ndata: small\n\n", "x".repeat(100_000));
    let server = Server::start([Answer::Hang(stream(body))]).await;
    let settings = soon().with_limit(10_000);
    let mut source = EventSource::get(server.url())
        .with_settings(settings)
        .open()
        .unwrap();
    assert!(matches!(next(&mut source).await, Some(Ok(Item::Open(_)))));
    assert!(matches!(
        next(&mut source).await,
        Some(Ok(Item::TooLarge(_)))
    ));
    assert_eq!(events(&mut source, 1).await, ["small"]);
}

#[tokio::test]
async fn each_attempt_is_prepared_anew() {
    let server = Server::start([
        Answer::End(stream("data: a\n\n")),
        Answer::End(respond("500 Oh", "", "")),
        Answer::Hang(stream("data: b\n\n")),
    ])
    .await;
    let attempts = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut source = EventSource::request(http::Method::POST, server.url())
        .with_settings(soon())
        .with_preparation(move |mut request| {
            let attempt = attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async move {
                tokio::task::yield_now().await;
                let token = format!("Bearer {attempt}").try_into()?;
                request.headers_mut().insert("authorization", token);
                *request.body_mut() = format!("body {attempt}").into();
                Ok(request)
            }
        })
        .open()
        .unwrap();
    assert_eq!(events(&mut source, 2).await, ["a", "b"]);
    for (attempt, request) in server.requests().iter().enumerate() {
        assert!(
            request.contains(&format!("\r\nauthorization: bearer {attempt}\r\n")),
            "{request}"
        );
        assert!(request.ends_with(&format!("body {attempt}")), "{request}");
        assert!(
            request.contains("\r\naccept: text/event-stream\r\n"),
            "{request}"
        );
        assert!(
            request.contains("\r\ncache-control: no-cache\r\n"),
            "{request}"
        );
    }

    let mut source = EventSource::get(server.url())
        .with_preparation(|_| async { Err("no token".into()) })
        .open()
        .unwrap();
    assert!(error(&mut source).await.to_string().contains("no token"));
}

#[tokio::test]
async fn a_header_of_the_caller_takes_the_place_of_its_own() {
    let server = Server::start([Answer::Hang(stream("data: a\n\n"))]).await;
    let mut source = EventSource::get(server.url())
        .with_header("accept", "text/event-stream;q=0.5")
        .with_header("x", "1")
        .with_header("x", "2")
        .open()
        .unwrap();
    events(&mut source, 1).await;
    let request = server.requests().remove(0);
    assert_eq!(request.matches("\r\naccept: ").count(), 1, "{request}");
    assert!(request.contains("\r\naccept: text/event-stream;q=0.5\r\n"));
    assert!(request.contains("\r\ncache-control: no-cache\r\n"));
    assert!(request.contains("\r\nx: 1\r\nx: 2\r\n"), "{request}");
}

#[tokio::test]
async fn a_handle_closes_and_reconnects() {
    let server = Server::start([
        Answer::Hang(stream("id: 1\ndata: a\n\n")),
        Answer::Hang(stream("data: b\n\n")),
    ])
    .await;
    let mut source = source(&server);
    let handle = source.handle();
    assert_eq!(events(&mut source, 1).await, ["a"]);
    handle.reconnect();
    match next(&mut source).await {
        Some(Ok(Item::Disconnected(it))) => assert_eq!(it.reason, Reason::Requested),
        other => panic!("{other:?}"),
    }
    assert_eq!(events(&mut source, 1).await, ["b"]);
    assert_eq!(server.last_event_ids()[1].as_deref(), Some("1"));

    let closing = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        handle.close();
    });
    assert!(next(&mut source).await.is_none(), "while it waits");
    assert!(next(&mut source).await.is_none(), "and it stays so");
    closing.await.unwrap();
}

#[tokio::test]
async fn closed_while_a_refusal_is_read_it_ends_without_an_error() {
    let slow = respond("400 Bad Request", "Content-Length: 9\r\n", "so ");
    let server = Server::start([Answer::Hang(slow)]).await;
    let mut source = source(&server);
    let handle = source.handle();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        handle.close();
    });
    let start = Instant::now();
    assert!(next(&mut source).await.is_none());
    assert!(start.elapsed() < Duration::from_secs(1));
}
