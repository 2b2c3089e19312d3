//! reqwest: its client as the transport, its requests and its responses.
#![cfg(all(feature = "json", feature = "reqwest"))]

mod support;

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use http::Method;
use http_body_util::Empty;
use serde_json::{Value, json};
use sse_source::{
    BoxError, Builder, DisconnectReason, Error, EventSource, Events, RequestBuilderExt, Transport,
};
use support::{Answer, Server, end, events, respond, soon, stream};
use testkit::timeout::test_timeout;
use tokio::time::timeout;

fn source(uri: &str) -> Result<EventSource, Error> {
    source_by(reqwest::Client::new(), uri)
}

fn source_by(client: reqwest::Client, uri: &str) -> Result<EventSource, Error> {
    EventSource::request(Method::POST, uri)
        .body("wanted")
        .config(soon())
        .resend(true)
        .transport(Transport::from_reqwest(client))
        .build()
}

#[tokio::test]
async fn it_goes_on_and_sends_all_of_the_request_each_time() {
    let server = Server::start([
        Answer::End(stream("id: é\ndata: 1\n\ndata: unfinished")),
        Answer::Reset(stream("data: 2\n\n")),
        Answer::End(respond("503 Service Unavailable", "", "")),
        Answer::End(respond(
            "307 Temporary Redirect",
            "Location: /moved\r\n",
            "",
        )),
        Answer::End(stream("data: 3\n\n")),
        Answer::End(respond("403 Forbidden", "", "not any more")),
    ])
    .await;
    let mut source = source(&server.url()).unwrap();
    assert_eq!(events(&mut source, 1).await, ["1"]);
    assert_eq!(end(&mut source).await, DisconnectReason::Truncated);
    assert_eq!(events(&mut source, 1).await, ["2"]);
    server.reset();
    assert_eq!(end(&mut source).await, DisconnectReason::NetworkError);
    assert_eq!(end(&mut source).await, DisconnectReason::Status(503));
    assert_eq!(events(&mut source, 1).await, ["3"]);
    let error = support::error(&mut source).await;
    assert_eq!(error.to_string(), "status 403 Forbidden: not any more");

    let id = Some("é".to_owned());
    let mut expected = vec![id; 6];
    expected[0] = None;
    assert_eq!(server.last_event_ids(), expected);
    for request in server.requests() {
        assert!(request.starts_with("post /"), "{request}");
        assert!(request.ends_with("\r\n\r\nwanted"), "{request}");
        assert!(request.contains("\r\naccept: text/event-stream\r\n"));
    }
}

#[tokio::test]
async fn it_follows_no_redirect_if_it_is_not_to() {
    let moved = respond("307 Temporary Redirect", "Location: /moved\r\n", "");
    let server = Server::start([Answer::End(moved), Answer::End(stream("data: 1\n\n"))]).await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let mut source = source_by(client.build().unwrap(), &server.url()).unwrap();
    let error = support::error(&mut source).await;
    assert_eq!(
        error.to_string(),
        "status 307 Temporary Redirect, redirect to \"/moved\" not followed"
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_relative_uri_is_an_error() {
    assert!(matches!(source("/events"), Err(Error::Request(_))));
}

/// Returns the answer of an LLM API that streams like the chat completions of `OpenAI`.
///
/// The error has the status and the body of a response that is not a stream. Dropping the future cancels the request.
//
// guide/migration.md has this function beside the one with reqwest-eventsource.
async fn read_answer(client: &reqwest::Client, url: &str, token: &str) -> Result<String, BoxError> {
    let question = json!({ "stream": true, "messages": [{ "role": "user", "content": "Hello" }] });
    let request = client.post(url).bearer_auth(token).json(&question);
    let mut events = request.events().await?.events_only();
    let mut answer = String::new();
    while let Some(event) = events.try_next().await? {
        if event.data == "[DONE]" {
            return Ok(answer);
        }
        let chunk: Value = event.json()?;
        answer += chunk["choices"][0]["delta"]["content"]
            .as_str()
            .unwrap_or("");
    }
    Err("the answer broke off".into())
}

fn answer(end: &str) -> Vec<u8> {
    let chunk = |text: &str| format!(r#"data: {{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#);
    stream(format!("{}\n\n{}\n\n{end}", chunk("Hel"), chunk("lo")))
}

#[tokio::test]
async fn an_llm_client_has_the_answer_or_status_and_body() {
    let client = reqwest::Client::new();
    let server = Server::start([
        Answer::End(answer("data: [DONE]\n\n")),
        Answer::End(answer("")),
        Answer::End(respond("401 Unauthorized", "", r#"{"error":"no key"}"#)),
        Answer::Hang(answer("")),
    ])
    .await;
    let url = server.url();
    assert_eq!(read_answer(&client, &url, "secret").await.unwrap(), "Hello");
    let error = read_answer(&client, &url, "secret").await.unwrap_err();
    assert_eq!(error.to_string(), "the answer broke off");
    let error = read_answer(&client, &url, "secret").await.unwrap_err();
    let Some(Error::UnexpectedResponse(response)) = error.downcast_ref() else {
        panic!("{error:?}")
    };
    assert_eq!(response.status, 401);
    assert_eq!(response.body, r#"{"error":"no key"}"#);
    // To cancel is to drop.
    let cancelled = timeout(
        Duration::from_millis(200),
        read_answer(&client, &url, "secret"),
    )
    .await;
    assert!(cancelled.is_err());

    let request = &server.requests()[0];
    assert!(request.starts_with("post /events"), "{request}");
    for line in [
        "authorization: bearer secret",
        "accept: text/event-stream",
        "cache-control: no-cache",
    ] {
        assert!(request.contains(line), "{request}");
    }
    assert!(request.ends_with(r#""stream":true}"#), "{request}");
}

#[tokio::test]
async fn a_request_builder_becomes_an_event_source() {
    let server = Server::start([
        Answer::End(stream("id: 1\ndata: 1\n\n")),
        Answer::End(stream("data: 2\n\n")),
        Answer::End(respond("204 No Content", "", "")),
    ])
    .await;
    let client = reqwest::Client::new();
    let request = || {
        client
            .get(server.url())
            .header("x-key", "7")
            .bearer_auth("secret")
    };
    let mut source = Builder::try_from(request())
        .unwrap()
        .config(soon())
        .build()
        .unwrap();
    assert_eq!(events(&mut source, 2).await, ["1", "2"]);
    for request in server.requests() {
        assert!(
            request.contains("x-key: 7\r\n") && request.contains("bearer secret"),
            "{request}"
        );
    }
    let mut source = request().event_source().unwrap();
    let error = timeout(test_timeout(), source.next())
        .await
        .unwrap()
        .unwrap();
    assert!(
        matches!(error, Err(Error::UnexpectedResponse(_))),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_post_of_a_request_builder_is_repeated_only_if_it_may_be() {
    let client = reqwest::Client::new();
    let script = || {
        [
            Answer::End(stream("data: 1\n\n")),
            Answer::End(stream("data: 2\n\n")),
        ]
    };
    let server = Server::start(script()).await;
    let mut source = client.post(server.url()).body("a").event_source().unwrap();
    assert_eq!(events(&mut source, 1).await, ["1"]);
    assert!(source.next().await.is_none());

    let server = Server::start(script()).await;
    let builder = Builder::try_from(client.post(server.url()).body("a")).unwrap();
    let mut source = builder.resend(true).config(soon()).build().unwrap();
    assert_eq!(events(&mut source, 2).await, ["1", "2"]);
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.ends_with("\r\n\r\na"))
    );
}

#[tokio::test]
async fn requests_that_cannot_be_sent_are_errors() {
    let client = reqwest::Client::new();
    let body = || reqwest::Body::wrap(Empty::<bytes::Bytes>::new());
    let error = client
        .post("http://127.0.0.1:1/")
        .body(body())
        .event_source();
    let error = error.unwrap_err().report().to_string();
    assert_eq!(
        error,
        "cannot send request: body is a stream, which cannot be sent again"
    );
    for url in ["/events", "http://", "ftp://127.0.0.1/"] {
        let error = client.get(url).events().await.unwrap_err();
        assert!(matches!(error, Error::Request(_)), "{url}: {error:?}");
    }
    for url in ["/events", "http://"] {
        let error = client.get(url).event_source().unwrap_err();
        assert!(matches!(error, Error::Request(_)), "{url}: {error:?}");
    }
    let url = format!("http://127.0.0.1:{}/", testkit::port::free().unwrap());
    let error = client.get(url).events().await.unwrap_err();
    assert!(matches!(error, Error::Network(_)), "{error:?}");
    // A body that is a stream can be sent once.
    let server = Server::start([Answer::End(stream("data: 1\n\n"))]).await;
    let events = client
        .post(server.url())
        .header("content-length", "0")
        .body(body());
    let _ = events.events().await.unwrap();
}

#[tokio::test]
async fn a_response_of_reqwest_becomes_events_with_its_uri() {
    let moved = respond("307 Temporary Redirect", "Location: /moved\r\n", "");
    let server = Server::start([Answer::End(moved), Answer::End(stream("data: 1\n\n"))]).await;
    let response = reqwest::get(server.url()).await.unwrap();
    let events = Events::from_reqwest(response).await.unwrap();
    assert_eq!(events.uri().path(), "/moved");
    let data: Vec<_> = events
        .events_only()
        .map_ok(|event| event.data)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(data, ["1"]);
}

/// A timeout of the request is a timeout of each attempt, and ends its stream.
#[tokio::test]
async fn the_timeout_of_a_request_is_kept() {
    let server = Server::start([Answer::Hang(stream("data: 1\n\n"))]).await;
    let client = reqwest::Client::new();
    let request = client.get(server.url()).timeout(Duration::from_millis(300));
    let mut source = Builder::try_from(request)
        .unwrap()
        .config(soon())
        .build()
        .unwrap();
    assert_eq!(events(&mut source, 1).await, ["1"]);
    assert_eq!(end(&mut source).await, DisconnectReason::NetworkError);
}
