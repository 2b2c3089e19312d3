//! reqwest's client as the transport.
#![cfg(feature = "reqwest")]

mod support;

use http::Method;
use sse_source::{DisconnectReason, Error, EventSource, Transport};
use support::{Answer, Server, end, events, respond, soon, stream};

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
