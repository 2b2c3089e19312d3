//! Attempts: their requests, their delays, redirects, and the end of a stream. The clock is tokio's.

mod scripted;

use std::time::Duration;

use bytes::Bytes;
use eventsource_client::{
    BoxStream, Client, ClientBuilder, Error, ReconnectOptions, ReconnectOptionsBuilder, Result, SSE,
};
use futures_util::StreamExt;
use http::{Method, Request, Uri};
use scripted::{Answer, Scripted};
use tokio::{sync::watch, time::timeout};

type Items = BoxStream<Result<SSE>>;

fn builder() -> ClientBuilder {
    ClientBuilder::for_url("http://a.example/events?x=1").unwrap()
}

fn options() -> ReconnectOptionsBuilder {
    ReconnectOptions::reconnect(true).retry_initial(true)
}

fn open(builder: ClientBuilder, answers: impl IntoIterator<Item = Answer>) -> (Items, Scripted) {
    let transport = Scripted::new(answers);
    let client = builder.build_with_transport(transport.clone());
    (client.stream(), transport)
}

fn text(stream: &str) -> Answer {
    Answer::stream(vec![stream.as_bytes().to_vec()])
}

/// Returns the IDs and the data of the next events, up to the end of their connection.
async fn events(items: &mut Items) -> Vec<(Option<String>, String)> {
    assert!(matches!(items.next().await, Some(Ok(SSE::Connected(_)))));
    let mut events = Vec::new();
    loop {
        match items.next().await {
            Some(Ok(SSE::Event(event))) => events.push((event.id, event.data)),
            Some(Err(Error::Eof)) => return events,
            other => panic!("{other:?}"),
        }
    }
}

fn last_event_id(request: &Request<Option<Bytes>>) -> Option<&[u8]> {
    request
        .headers()
        .get("last-event-id")
        .map(|id| id.as_bytes())
}

#[tokio::test(start_paused = true)]
async fn the_last_event_id_is_kept_over_streams_without_ids() {
    let (mut items, transport) = open(
        builder().last_event_id("é0".into()),
        [
            text("data: a\n\n"),
            text("id: é1\n\n"),
            text("data: b\n\n"),
            text("id\ndata: c\n\n"),
            text(""),
        ],
    );
    let id = |id: &str| Some(id.to_owned());
    assert_eq!(events(&mut items).await, [(id("é0"), "a".into())]);
    assert_eq!(events(&mut items).await, []);
    assert_eq!(events(&mut items).await, [(id("é1"), "b".into())]);
    assert_eq!(events(&mut items).await, [(None, "c".into())]);
    assert_eq!(events(&mut items).await, []);
    let requests = transport.requests();
    let ids: Vec<_> = requests.iter().map(|(_, r)| last_event_id(r)).collect();
    let [zero, one] = ["é0", "é1"].map(|id| Some(id.as_bytes()));
    assert_eq!(ids, [zero, zero, one, one, None]);
    for (_, request) in &requests {
        assert_eq!(request.headers()["accept"], "text/event-stream");
        assert_eq!(request.headers()["cache-control"], "no-cache");
        assert_eq!(request.uri(), "http://a.example/events?x=1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_first_attempt_is_the_end_unless_it_is_retried() {
    let (mut items, _) = open(builder(), [Answer::network_error(), text("")]);
    assert!(matches!(items.next().await, Some(Err(Error::Transport(_)))));
    assert!(items.next().await.is_none());

    let builder = builder().reconnect(options().build());
    let (mut items, transport) = open(builder, [Answer::network_error(), text("data: a\n\n")]);
    assert_eq!(events(&mut items).await.len(), 1);
    assert_eq!(transport.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_reconnections_each_error_is_the_end() {
    for answer in [text("data: a\n\n"), text("data: a\n"), Answer::status(500)] {
        let options = ReconnectOptions::reconnect(false).build();
        let (items, transport) = open(builder().reconnect(options), [answer]);
        let items: Vec<_> = items.collect().await;
        assert!(matches!(items.last(), Some(Err(_))), "{items:?}");
        assert_eq!(transport.requests().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unexpected_response_is_an_error_with_its_body() {
    let html = || text("<html>").header("content-type", "text/html");
    for (answer, status, body) in [
        (Answer::status(401), 401, ""),
        (Answer::status(201), 201, ""),
        (html(), 200, "<html>"),
    ] {
        let (mut items, _) = open(builder().reconnect(options().build()), [answer, text("")]);
        let Some(Err(Error::UnexpectedResponse(head, error_body))) = items.next().await else {
            panic!("{status}");
        };
        assert_eq!(head.status(), status);
        let chunks: Vec<_> = error_body
            .into_stream()
            .map(|chunk| chunk.unwrap())
            .collect()
            .await;
        assert_eq!(chunks.concat(), body.as_bytes());
        // It is not the end.
        assert_eq!(events(&mut items).await, []);
    }
}

#[tokio::test(start_paused = true)]
async fn status_204_asks_to_stop() {
    let (mut items, transport) = open(builder(), [text(""), Answer::status(204), text("")]);
    assert_eq!(events(&mut items).await, []);
    let stop = items.next().await;
    assert!(matches!(stop, Some(Err(Error::UnexpectedResponse(head, _))) if head.status() == 204));
    assert!(items.next().await.is_none());
    assert_eq!(transport.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn redirects_are_relative_and_do_not_take_credentials_to_another_origin() {
    let to = |status, location| Answer::status(status).header("location", location);
    let builder = builder()
        .basic_auth("user", "password")
        .unwrap()
        .header("x-other", "1")
        .unwrap()
        .method("REPORT".into())
        .body("body".into());
    let (mut items, transport) = open(
        builder,
        [
            to(301, "/moved?y"),
            to(302, "https://b.example/c"),
            to(303, "d"),
            text(""),
            text(""),
        ],
    );
    for _ in 0..2 {
        assert_eq!(events(&mut items).await, []);
    }
    let requests = transport.requests();
    let report = Method::from_bytes(b"REPORT").unwrap();
    let authorization = "Basic dXNlcjpwYXNzd29yZA==";
    for ((_, request), (uri, method, has_body, sent)) in requests.iter().zip([
        (
            "http://a.example/events?x=1",
            &report,
            true,
            Some(authorization),
        ),
        (
            "http://a.example/moved?y",
            &report,
            true,
            Some(authorization),
        ),
        ("https://b.example/c", &report, true, None),
        ("https://b.example/d", &Method::GET, false, None),
        // The next attempt is sent to the first URL.
        (
            "http://a.example/events?x=1",
            &report,
            true,
            Some(authorization),
        ),
    ]) {
        assert_eq!(request.uri(), uri);
        assert_eq!(request.method(), method, "{uri}");
        assert_eq!(request.body().is_some(), has_body, "{uri}");
        let value = request.headers().get("authorization");
        assert_eq!(value.map(|value| value.to_str().unwrap()), sent, "{uri}");
        assert_eq!(request.headers()["x-other"], "1");
    }
    assert_eq!(requests.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn bad_redirects_are_the_end() {
    let to = |location| Answer::status(307).header("location", location);
    let reconnect = || builder().reconnect(options().build());
    for answer in [Answer::status(307), to("ftp://a.example/"), to("http://")] {
        let (mut items, _) = open(reconnect(), [answer, text("")]);
        assert!(matches!(
            items.next().await,
            Some(Err(Error::MalformedLocationHeader(_)))
        ));
        assert!(items.next().await.is_none());
    }
    let (mut items, transport) = open(
        reconnect().redirect_limit(1),
        [to("/1"), to("/2"), text("")],
    );
    assert!(matches!(
        items.next().await,
        Some(Err(Error::MaxRedirectLimitReached(1)))
    ));
    assert!(items.next().await.is_none());
    assert_eq!(transport.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn delays_follow_the_options_and_the_server() {
    for (factor, retry, least) in [
        (2, "", [1000, 1000, 2000, 4000, 5000]),
        (1, "", [1000; 5]),
        // A delay of the server, and none below 500 ms.
        (2, "retry: 3000\n", [3000, 3000, 5000, 5000, 5000]),
        (2, "retry: 0\n", [500, 500, 1000, 2000, 4000]),
    ] {
        let options = options()
            .delay(Duration::from_secs(1))
            .delay_max(Duration::from_secs(5))
            .backoff_factor(factor);
        let event = || text(&format!("{retry}data: a\n\n"));
        let (mut items, transport) = open(builder().reconnect(options.build()), [event(), event()]);
        for _ in 0..2 {
            events(&mut items).await;
        }
        // The attempts that follow fail.
        assert!(
            timeout(Duration::from_secs(20), items.next())
                .await
                .is_err()
        );
        let times: Vec<_> = transport.requests().iter().map(|(time, _)| *time).collect();
        for (index, least) in least.into_iter().enumerate() {
            let delay = times[index + 1] - times[index];
            // Jitter adds up to a quarter, and the timer up to 1 ms.
            let most = (least * 5 / 4).min(5000) + 1;
            let range = Duration::from_millis(least)..=Duration::from_millis(most);
            assert!(
                range.contains(&delay),
                "{factor} {retry:?} {index}: {delay:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_the_current_url() {
    let uri = |text| Uri::from_static(text);
    let (sender, receiver) = watch::channel(uri("http://b.example/1"));
    let (mut items, transport) = open(builder().dynamic_url(receiver), [text(""), text("")]);
    assert_eq!(events(&mut items).await, []);
    sender.send(uri("http://c.example/2")).unwrap();
    assert_eq!(events(&mut items).await, []);
    let requests = transport.requests();
    let uris: Vec<_> = requests.iter().map(|(_, request)| request.uri()).collect();
    assert_eq!(uris, ["http://b.example/1", "http://c.example/2"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_made_is_an_error() {
    assert!(matches!(
        ClientBuilder::for_url("http://a b/"),
        Err(Error::InvalidParameter(_))
    ));
    assert!(builder().header("a b", "c").is_err());
    assert!(builder().header("a", "b\n").is_err());
    for builder in [
        builder().method("a b".into()),
        builder().last_event_id("a\nb".into()),
        builder().last_event_id("a\u{1}".into()),
        builder().last_event_id("a".repeat(1 << 20)),
    ] {
        let (mut items, transport) = open(builder.reconnect(options().build()), [text("")]);
        assert!(matches!(
            items.next().await,
            Some(Err(Error::InvalidParameter(_)))
        ));
        assert!(items.next().await.is_none());
        assert!(transport.requests().is_empty());
    }
}
