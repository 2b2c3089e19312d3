//! Responses that are not event streams: refusals and redirects.

mod support;

use std::time::Duration;

use sse_source::{ClientConfig, Error, EventId, EventSource, Item};
use support::{Answer, Server, error, events, next, respond, source, stream};

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
            "not an event stream (Content-Type: \"text/html\"): <h1>",
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
            "status 301 Moved Permanently, redirect to \"ftp://127.0.0.1/\" not followed",
        ),
        (
            respond("307 Moved", "Location: javascript:alert(1)\r\n", ""),
            307,
            "redirect to \"javascript:",
        ),
        (
            respond("308 Moved", "Location: http://127.0.0.1:99999/\r\n", ""),
            308,
            "redirect to \"http:",
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
        let Error::UnexpectedResponse(refused) = error else {
            panic!("{error:?}")
        };
        assert_eq!(refused.status, status);
        assert_eq!(server.requests().len(), 1, "the client came back");
    }
}

#[tokio::test]
async fn a_refusal_of_any_size_and_speed_is_cut() {
    let long = respond("400 Bad Request", "", "x".repeat(1 << 20));
    let server = Server::start([Answer::Hang(long)]).await;
    let Error::UnexpectedResponse(refused) = error(&mut source(&server)).await else {
        panic!()
    };
    assert_eq!(refused.body.len(), 64 * 1024);
    let shown = refused.to_string();
    assert!(
        shown.ends_with("x [65536 bytes]") && shown.len() < 1100,
        "{shown}"
    );

    let slow = respond("400 Bad Request", "Content-Length: 9\r\n", "so ");
    let server = Server::start([Answer::Hang(slow)]).await;
    let Error::UnexpectedResponse(refused) = error(&mut source(&server)).await else {
        panic!()
    };
    // The rest of the body never arrives.
    assert_eq!(refused.body, "so ");
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
            .header("authorization", "Bearer secret")
            .header("cookie", "a=b")
            .last_event_id(EventId::from(5))
            .build()
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
        .header("authorization", "Bearer secret")
        .body("question")
        .build()
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
            .header("content-type", "text/plain")
            .body("question")
            .build()
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
    let Error::UnexpectedResponse(refused) = error(&mut support::source(&round)).await else {
        panic!()
    };
    assert_eq!(refused.status, 302);
    assert!(round.requests().len() <= 22, "{}", round.requests().len());
}

/// Tests an ID of 100 KB, which is ignored, and an ID of the maximum length.
#[tokio::test]
async fn a_long_id_does_not_end_the_stream() {
    let huge = "x".repeat(100_000);
    let long = "y".repeat(8 * 1024);
    let server = Server::start([
        Answer::End(stream(format!("id: {huge}\ndata: a\n\n"))),
        Answer::End(stream(format!("id: {long}\ndata: b\n\n"))),
        Answer::End(respond("431 Request Header Fields Too Large", "", "")),
        Answer::Hang(stream("data: c\n\n")),
    ])
    .await;
    let mut source = source(&server);
    let mut said = Vec::new();
    while said.last().is_none_or(|last| last != "c") {
        match next(&mut source)
            .await
            .expect("the source goes on")
            .expect("no error")
        {
            Item::Event(event) => said.push(event.data),
            Item::TooLarge(error) => said.push(error.to_string()),
            Item::LastEventIdDropped { length, .. } => said.push(format!("{length} dropped")),
            _ => {}
        }
    }
    let told = "event ID at byte 0 of the stream is 100000 bytes, limit is 8192";
    assert_eq!(said, [told, "a", "b", "8192 dropped", "c"]);
    assert_eq!(server.last_event_ids(), [None, None, Some(long), None]);
    let longest = server.requests().iter().map(String::len).max();
    assert!(longest < Some(9 * 1024), "{longest:?}");
}

#[tokio::test]
async fn an_id_to_begin_with_has_the_same_limit() {
    let id = EventId::new("x".repeat(8 * 1024 + 1)).unwrap();
    let builder = || EventSource::get("http://127.0.0.1:1/").last_event_id(id.clone());
    let error = builder().build().unwrap_err();
    let shown = error.report().to_string();
    assert!(
        shown.contains("event ID is 8193 bytes, limit is 8192"),
        "{shown}"
    );
    let config = ClientConfig::default().max_id_bytes(9000);
    assert!(builder().config(config).build().is_ok());
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
    // Without `close`, the source would wait for the rest of the body, and then end with an error.
    assert!(next(&mut source).await.is_none());
}
