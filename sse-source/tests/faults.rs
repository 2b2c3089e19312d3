//! Faults of a real server on loopback.

mod support;

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use sse_source::{DisconnectReason, EventSource, Item};
use support::{Answer, Server, end, events, next, respond, soon, source, stream};

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
    assert_eq!(events(&mut source, 2).await, ["a", "b"]);
    server.reset();
    assert_eq!(events(&mut source, 2).await, ["c", "d"]);
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
    let port = testkit::port::free().unwrap();
    let address = (Ipv4Addr::LOCALHOST, port).into();
    let mut source = EventSource::get(format!("http://127.0.0.1:{port}/"))
        .config(soon())
        .build()
        .unwrap();
    for _ in 0..3 {
        match next(&mut source).await {
            Some(Ok(Item::Disconnected(it))) => {
                assert_eq!(it.reason, DisconnectReason::NetworkError);
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
async fn retry_0_does_not_hammer_and_retry_for_ever_does_not_wait_for_ever() {
    let server = Server::start([Answer::End(stream("retry: 0\ndata: a\n\n"))]).await;
    let config = soon()
        .min_delay(Duration::from_millis(50))
        .max_delay(Duration::from_secs(1));
    let mut source = EventSource::get(server.url())
        .config(config.clone())
        .build()
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
        .config(config)
        .build()
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
        (&*date, 10_000, 100_000),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 5, 25),
        ("-7", 5, 25),
        ("soon", 5, 25),
        ("99999999999999999999", 120_000, 120_000),
        ("999999999", 120_000, 120_000),
    ] {
        let answer = respond("503 Busy", &format!("Retry-After: {header}\r\n"), "");
        let server = Server::start([Answer::End(answer)]).await;
        let config = support::soon()
            .min_delay(Duration::from_millis(5))
            .max_delay(Duration::from_secs(120));
        let source = EventSource::get(server.url()).config(config);
        match next(&mut source.build().unwrap()).await {
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
    let short = Some(Duration::from_millis(100));
    // Each timeout is set alone. On a busy machine, the other one could come first.
    let connect = soon().head_timeout(short);
    let idle = soon().head_timeout(None).idle_timeout(short);
    for (config, first, reason) in [
        (connect, Vec::new(), DisconnectReason::HeadTimeout),
        (idle, stream(": only this\n"), DisconnectReason::IdleTimeout),
    ] {
        let hang = Answer::Hang(first);
        let server = Server::start([hang, Answer::Hang(stream("data: a\n\n"))]).await;
        let mut source = EventSource::get(server.url())
            .config(config)
            .build()
            .unwrap();
        assert_eq!(end(&mut source).await, reason);
        assert_eq!(events(&mut source, 1).await, ["a"]);
    }
}

#[tokio::test]
async fn an_event_that_is_too_large_is_lost_alone() {
    let body = format!("data: {}\n\ndata: small\n\n", "x".repeat(100_000));
    let server = Server::start([Answer::Hang(stream(body))]).await;
    let config = soon().max_event_bytes(10_000);
    let mut source = EventSource::get(server.url())
        .config(config)
        .build()
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
        .config(soon())
        .resend(true)
        .map_request(move |mut request| {
            let attempt = attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async move {
                tokio::task::yield_now().await;
                let token = format!("Bearer {attempt}").try_into()?;
                request.headers_mut().insert("authorization", token);
                *request.body_mut() = format!("body {attempt}").into();
                Ok(request)
            }
        })
        .build()
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
}

#[tokio::test]
async fn a_header_of_the_caller_takes_the_place_of_its_own() {
    let server = Server::start([Answer::Hang(stream("data: a\n\n"))]).await;
    let mut source = EventSource::get(server.url())
        .header("accept", "text/event-stream;q=0.5")
        .header("x", "1")
        .header("x", "2")
        .build()
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
        Some(Ok(Item::Disconnected(it))) => assert_eq!(it.reason, DisconnectReason::Requested),
        other => panic!("{other:?}"),
    }
    assert_eq!(events(&mut source, 1).await, ["b"]);
    assert_eq!(server.last_event_ids()[1].as_deref(), Some("1"));

    let closing = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        handle.close();
    });
    assert!(next(&mut source).await.is_none(), "closed while it waits");
    assert!(next(&mut source).await.is_none(), "still closed");
    closing.await.unwrap();
}
