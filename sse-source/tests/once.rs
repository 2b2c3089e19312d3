//! Requests that are sent once, and their events.

mod support;

use std::time::Duration;

use futures_util::StreamExt;
use sse_source::{BoxError, Builder, ClientConfig, DisconnectReason, Error, EventSource, Item};
use support::{Answer, Server, respond, soon, stream};

const SHORT_TIMEOUT: Option<Duration> = Some(Duration::from_millis(200));

/// Returns the items of a request as texts, and the error that it ends with.
async fn all(answer: Answer) -> (Vec<String>, Option<Error>) {
    all_with(soon(), answer).await
}

async fn all_with(config: ClientConfig, answer: Answer) -> (Vec<String>, Option<Error>) {
    let server = Server::start([answer]).await;
    let request = EventSource::get(server.url()).config(config);
    all_of(server, request).await
}

async fn all_of(server: Server, request: Builder) -> (Vec<String>, Option<Error>) {
    let mut said = Vec::new();
    let mut events = match request.send().await {
        Ok(events) => events,
        Err(error) => return (said, Some(error)),
    };
    let error = loop {
        match events.next().await {
            Some(Ok(Item::Event(event))) => {
                said.push(event.data);
                server.reset();
            }
            Some(Ok(Item::Comment(text))) => said.push(format!(":{text}")),
            Some(Ok(Item::Retry(time))) => said.push(format!("{time:?}")),
            Some(Ok(Item::TooLarge(error))) => said.push(error.to_string()),
            Some(Ok(item)) => panic!("{item:?}"),
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    assert!(events.next().await.is_none(), "nothing after the end");
    assert_eq!(server.requests().len(), 1);
    (said, error)
}

#[tokio::test]
async fn it_ends_with_the_stream() {
    let body = "retry: 7\n\ndata: 1\n\n: c\ndata: 2\n\n: cut";
    let (said, error) = all(Answer::End(stream(body))).await;
    assert_eq!(said, ["7ms", "1", ": c", "2"]);
    assert!(error.is_none(), "{error:?}");
}

#[tokio::test]
async fn a_stream_that_ends_inside_an_event_is_an_error_unless_the_event_is_taken() {
    for (end, last) in [
        ("data: 2\n", Some("2")),
        ("data: 2\r\n", Some("2")),
        ("data: 2\r", Some("2")),
        ("data: 2", Some("2")),
        ("event: completed\ndata: 2\n: c\n", Some("2")),
        ("event: completed\n", None),
        ("id: 1\n", None),
        ("da", None),
    ] {
        let body = format!("data: 1\n\n{end}");
        let (said, error) = all(Answer::End(stream(&body))).await;
        assert_eq!(said[0], "1", "{end:?}");
        assert!(said.iter().all(|text| text != "2"), "{end:?}: {said:?}");
        let error = error.unwrap();
        assert!(matches!(error, Error::Truncated), "{end:?}: {error:?}");
        assert_eq!(
            error.to_string(),
            "the server ended the stream inside an event"
        );

        let server = Server::start([Answer::End(stream(&body))]).await;
        let request = EventSource::get(server.url()).dispatch_unfinished_event(true);
        let (mut said, error) = all_of(server, request.config(soon())).await;
        said.retain(|text| text != ": c");
        assert_eq!(said[1..], Vec::from_iter(last), "{end:?}");
        assert!(error.is_none(), "{end:?}: {error:?}");
    }
    // A response that breaks is still an error.
    let server = Server::start([Answer::Reset(stream("data: 1\n\ndata: 2\n"))]).await;
    let request = EventSource::get(server.url()).dispatch_unfinished_event(true);
    let (said, error) = all_of(server, request).await;
    assert_eq!(said, ["1"]);
    assert!(matches!(error, Some(Error::Network(_))), "{error:?}");
}

#[tokio::test]
async fn a_stream_that_breaks_is_an_error_behind_its_events() {
    let body = stream("data: 1\n\ndata: lost");
    let (said, error) = all(Answer::Reset(body)).await;
    assert_eq!(said, ["1"]);
    assert!(matches!(error, Some(Error::Network(_))), "{error:?}");
}

#[tokio::test]
async fn silence_is_an_error() {
    // Each timeout is set alone. On a busy machine, the other one could come first.
    let connect = || soon().head_timeout(SHORT_TIMEOUT);
    let idle = || soon().head_timeout(None).idle_timeout(SHORT_TIMEOUT);
    for (config, bytes, expected, reason) in [
        (
            connect(),
            Vec::new(),
            &[][..],
            DisconnectReason::HeadTimeout,
        ),
        (idle(), stream(""), &[], DisconnectReason::IdleTimeout),
        (
            idle(),
            stream("data: 1\n\ndata"),
            &["1"],
            DisconnectReason::IdleTimeout,
        ),
    ] {
        let (said, error) = all_with(config, Answer::Hang(bytes)).await;
        assert_eq!(said, expected);
        match error {
            Some(Error::Timeout(it)) => assert_eq!(it, reason),
            other => panic!("{reason:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn every_other_answer_is_told_and_none_is_tried_again() {
    for status in [
        "204 No Content",
        "401 Unauthorized",
        "429 Too Many Requests",
        "503 Service Unavailable",
    ] {
        let answer = respond(status, "Retry-After: 0\r\nX-Request-Id: 7\r\n", "why");
        let (_, error) = all(Answer::End(answer)).await;
        let Some(Error::UnexpectedResponse(refused)) = error else {
            panic!("{status}: {error:?}");
        };
        assert!(status.starts_with(refused.status.as_str()));
        assert_eq!(refused.headers["x-request-id"], "7");
        assert!(status.starts_with("204") || refused.body == "why");
    }
}

#[tokio::test]
async fn an_unknown_coding_is_an_error() {
    let head = "Content-Type: text/event-stream\r\nContent-Encoding: rot13\r\n";
    let (_, error) = all(Answer::End(respond("200 OK", head, "qngn: 1\n\n"))).await;
    let error = error.unwrap().to_string();
    assert!(error.contains(r#"Content-Encoding: "rot13""#), "{error}");
}

#[tokio::test]
async fn nobody_there_is_an_error_with_its_cause() {
    let url = format!("http://127.0.0.1:{}/", testkit::port::free().unwrap());
    let error = EventSource::get(url).send().await.unwrap_err();
    assert!(matches!(error, Error::Network(_)), "{error:?}");
    let text = error.report().to_string();
    assert!(text.contains("refused"), "{text}");
    assert_eq!(text.matches("refused").count(), 1, "{text}");
}

#[tokio::test]
async fn what_no_attempt_could_reach_is_said_at_once() {
    for (uri, why) in [
        ("/events", "has to start with http://"),
        ("example.org", "has to start with http://"),
        ("ftp://example.org/", "neither http nor https"),
        ("http://exa mple/", "invalid uri"),
        #[cfg(not(feature = "rustls"))]
        ("https://example.org/", "feature `rustls`"),
    ] {
        let error = EventSource::get(uri).build().unwrap_err();
        assert!(matches!(error, Error::Request(_)), "{uri}: {error:?}");
        assert!(error.report().to_string().contains(why), "{uri}: {error}");

        // The error is the same if a preparation sets the URI.
        let Ok(uri) = http::Uri::try_from(uri) else {
            continue;
        };
        let mut source = EventSource::get("http://127.0.0.1/")
            .map_request(move |mut request| {
                *request.uri_mut() = uri.clone();
                async { Ok::<_, BoxError>(request) }
            })
            .build()
            .unwrap();
        let error = support::error(&mut source).await;
        assert!(error.report().to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_sloppy_response_is_taken_where_that_is_asked_for() {
    let events = "Content-Type: text/event-stream\r\n";
    for (status, headers, is_taken) in [
        ("200 OK", "", true),
        ("201 Created", events, true),
        ("202 Accepted", events, true),
        ("206 Partial Content", events, true),
        ("202 Accepted", "", true),
        ("200 OK", "Content-Type: application/json\r\n", false),
        ("201 Created", "Content-Type: text/html\r\n", false),
        ("200 OK", "Content-Type:\r\n", false),
        ("200 OK", "Content-Encoding: unknown\r\n", false),
        ("204 No Content", events, false),
        ("205 Reset Content", events, false),
        ("302 Found", events, false),
        ("404 Not Found", events, false),
        ("503 No", events, false),
    ] {
        let answer = || Answer::End(respond(status, headers, "data: a\n\n"));
        let server = Server::start([answer()]).await;
        let request = EventSource::get(server.url()).lenient_response(true);
        let (said, error) = match is_taken {
            true => all_of(server, request).await,
            false => (Vec::new(), request.send().await.err()),
        };
        assert_eq!(said.is_empty(), !is_taken, "{status} {headers}");
        assert_eq!(error.is_some(), !is_taken, "{status} {headers}");

        // By the standard, none of these responses is an event stream.
        let server = Server::start([answer()]).await;
        let error = EventSource::get(server.url()).send().await.unwrap_err();
        assert!(matches!(error, Error::UnexpectedResponse(_)), "{error:?}");
    }
}
