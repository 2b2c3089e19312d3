//! Methods of the source and the builder, adapters, and retries before the first event, with a scripted server.
#![cfg(all(feature = "json", feature = "testing"))]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, TryStreamExt, stream::FusedStream};
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};
use sse_source::{
    Builder, ClientConfig, DisconnectReason, Error, EventSource, Events, Item,
    testing::{ScriptedResponse, ScriptedServer},
};

const URL: &str = "http://test/events";

fn get(server: &ScriptedServer) -> Builder {
    EventSource::get(URL).transport(server.transport())
}

fn post(server: &ScriptedServer) -> Builder {
    EventSource::request(Method::POST, URL).transport(server.transport())
}

fn status(status: StatusCode) -> ScriptedResponse {
    ScriptedResponse::status(status, "why")
}

async fn data(events: Events) -> Result<Vec<String>, Error> {
    let events = events.events_only().map_ok(|event| event.data);
    events.try_collect().await
}

#[tokio::test(start_paused = true)]
async fn close_ends_the_stream_and_drops_the_connection() {
    let server =
        ScriptedServer::new([ScriptedResponse::stream("data: 1\n\ndata: 2\n\n").stays_open()]);
    let mut source = get(&server).build().unwrap();
    assert!(matches!(source.next().await, Some(Ok(Item::Open(_)))));
    assert!(matches!(source.next().await, Some(Ok(Item::Event(_)))));
    source.close();
    assert!(source.is_terminated());
    assert!(source.next().await.is_none());
    source.reconnect();
    assert!(source.next().await.is_none(), "closed for good");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn reconnect_does_not_wait() {
    let server = ScriptedServer::new([
        ScriptedResponse::stream("id: 7\ndata: 1\n\n").stays_open(),
        status(StatusCode::SERVICE_UNAVAILABLE),
        ScriptedResponse::stream("data: 2\n\n").stays_open(),
    ]);
    let mut events = get(&server).build().unwrap().events_only();
    assert_eq!(events.next().await.unwrap().unwrap().data, "1");
    let start = tokio::time::Instant::now();
    let source = events.get_mut();
    source.reconnect();
    let item = source.next().await;
    let Some(Ok(Item::Disconnected(disconnected))) = item else {
        panic!("{item:?}")
    };
    assert_eq!(disconnected.reason, DisconnectReason::Requested);
    let item = source.next().await;
    let Some(Ok(Item::Disconnected(disconnected))) = item else {
        panic!("{item:?}")
    };
    assert_eq!(disconnected.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    assert!(disconnected.delay > Duration::ZERO);
    source.reconnect();
    assert_eq!(events.next().await.unwrap().unwrap().data, "2");
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(server.requests()[1].headers()["last-event-id"], "7");
}

#[tokio::test]
async fn a_request_with_json_and_a_token() {
    let server = ScriptedServer::new([]);
    let body = json!({ "stream": true });
    let builder = post(&server).bearer_auth("secret").json(&body);
    assert!(!format!("{builder:?}").contains("secret"));
    builder.send().await.unwrap_err();
    let of_caller = HeaderValue::from_static("application/vnd.api+json");
    for builder in [
        post(&server)
            .header(header::CONTENT_TYPE, of_caller.clone())
            .json(&body),
        post(&server)
            .json(&body)
            .header(header::CONTENT_TYPE, of_caller.clone()),
    ] {
        builder.send().await.unwrap_err();
    }
    let requests = server.requests();
    for (request, content_type) in requests.iter().zip([
        "application/json",
        "application/vnd.api+json",
        "application/vnd.api+json",
    ]) {
        assert_eq!(request.body(), r#"{"stream":true}"#);
        let types = request.headers().get_all(header::CONTENT_TYPE).iter();
        assert_eq!(types.collect::<Vec<_>>(), [content_type]);
    }
    let authorization = &requests[0].headers()[header::AUTHORIZATION];
    assert_eq!(authorization, "Bearer secret");
    assert!(authorization.is_sensitive());
    assert!(!format!("{requests:?}").contains("secret"));
}

#[tokio::test]
async fn a_failed_serialization_or_token_is_an_error() {
    let server = ScriptedServer::new([]);
    let keys = std::collections::HashMap::from([((1, 2), 3)]);
    for builder in [post(&server).json(&keys), post(&server).bearer_auth("a\nb")] {
        let error = builder.send().await.unwrap_err();
        assert!(matches!(error, Error::Request(_)), "{error:?}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_response_that_is_there_becomes_events() {
    let response = Response::builder()
        .header("content-type", "text/event-stream")
        .header("x-request-id", "7")
        .body("retry: 7\n\n: c\ndata: 1\n\ndata: 2\n\n".to_owned())
        .unwrap();
    let mut events = Events::from_response(response).await.unwrap();
    assert_eq!(events.headers()["x-request-id"], "7");
    assert_eq!(events.uri(), "/");
    assert!(matches!(events.next().await, Some(Ok(Item::Retry(_)))));
    assert!(matches!(events.next().await, Some(Ok(Item::Comment(_)))));
    assert_eq!(data(events).await.unwrap(), ["1", "2"]);

    let response = Response::builder().header("content-type", "text/event-stream");
    let response = response.body("data: cut".to_owned()).unwrap();
    let error = data(Events::from_response(response).await.unwrap()).await;
    assert!(matches!(error, Err(Error::Truncated)), "{error:?}");
}

#[tokio::test]
async fn another_response_is_an_error_with_its_body() {
    for (status, content_type) in [(200, "application/json"), (429, "text/event-stream")] {
        let response = Response::builder()
            .status(status)
            .header("content-type", content_type);
        let response = response.body("slow down".to_owned()).unwrap();
        let error = Events::from_response(response).await.unwrap_err();
        let Error::UnexpectedResponse(response) = error else {
            panic!("{error:?}")
        };
        assert_eq!(
            (response.status.as_u16(), &response.body[..]),
            (status, &b"slow down"[..])
        );
    }
}

#[tokio::test(start_paused = true)]
async fn adapters_skip_other_items_and_pass_errors() {
    let stream = ": c\nretry: 600\n\ndata: 1\n\ndata: x\n\ndata: 3\n\n";
    let script = || [ScriptedResponse::stream(stream)];
    let mut numbers = get(&ScriptedServer::new(script()))
        .build()
        .unwrap()
        .json::<u8>();
    assert_eq!(numbers.next().await.unwrap().unwrap(), 1);
    let error = numbers.next().await.unwrap().unwrap_err();
    let Error::InvalidJson(invalid) = error else {
        panic!("{error:?}")
    };
    assert_eq!(invalid.event.data, "x");
    assert_eq!(numbers.next().await.unwrap().unwrap(), 3);
    let error = numbers.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::UnexpectedResponse(_)), "{error:?}");
    assert!(numbers.next().await.is_none());
    assert!(numbers.is_terminated());

    let events = get(&ScriptedServer::new(script())).send().await.unwrap();
    let mut events = events.events_only();
    assert_eq!(
        events.get_ref().headers()["content-type"],
        "text/event-stream"
    );
    assert_eq!(events.next().await.unwrap().unwrap().data, "1");
    assert_eq!(data(events.into_inner()).await.unwrap(), ["x", "3"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_repeated_before_its_first_event() {
    let after = HeaderValue::from_static("90");
    let script = || {
        [
            status(StatusCode::TOO_MANY_REQUESTS).header(header::RETRY_AFTER, after.clone()),
            ScriptedResponse::network_error(),
            ScriptedResponse::stream(": still there\n\n").breaks_off(),
            ScriptedResponse::stream("data: cut"),
            ScriptedResponse::stream("data: 1\n\n")
                .header(header::ETAG, HeaderValue::from_static("last")),
        ]
    };
    let server = ScriptedServer::new(script());
    let start = tokio::time::Instant::now();
    let mut events = post(&server)
        .body("question")
        .max_retries(4)
        .send()
        .await
        .unwrap();
    assert!(start.elapsed() >= Duration::from_secs(90));
    // The stream has opened, and is repeated out of sight.
    assert!(matches!(events.next().await, Some(Ok(Item::Comment(_)))));
    assert!(matches!(events.next().await, Some(Ok(Item::Event(_)))));
    assert!(events.next().await.is_none());
    assert_eq!(events.headers()[header::ETAG], "last");
    let requests = server.requests();
    assert_eq!(requests.len(), 5);
    assert!(requests.iter().all(|request| request.body() == "question"));

    // One retry fewer: the error is that of the last attempt.
    let server = ScriptedServer::new(script());
    let events = post(&server).max_retries(3).send().await.unwrap();
    let error = data(events).await.unwrap_err();
    assert!(matches!(error, Error::Truncated), "{error:?}");
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn no_request_is_repeated_after_its_first_event_or_end() {
    for (stream, expected) in [
        (
            ScriptedResponse::stream("data: 1\n\n").breaks_off(),
            "network error",
        ),
        (
            ScriptedResponse::stream("data: 1\n\ndata: cut"),
            "the server ended the stream inside an event",
        ),
        (ScriptedResponse::stream("data: 1\n\n"), ""),
        (ScriptedResponse::stream(""), ""),
    ] {
        let server = ScriptedServer::new([stream]);
        let events = post(&server).max_retries(9).send().await.unwrap();
        let error = data(events).await.err().map(|error| error.to_string());
        assert_eq!(error.unwrap_or_default(), expected);
        assert_eq!(server.requests().len(), 1, "{expected}");
    }
}

#[tokio::test(start_paused = true)]
async fn retries_have_a_limit_a_policy_and_a_default() {
    // By default, there are none.
    let server = ScriptedServer::new([ScriptedResponse::network_error()]);
    let error = get(&server).send().await.unwrap_err();
    assert!(matches!(error, Error::Network(_)), "{error:?}");
    assert_eq!(server.requests().len(), 1);

    // An error that is not temporary is not retried.
    for refused in [StatusCode::UNAUTHORIZED, StatusCode::NO_CONTENT] {
        let server = ScriptedServer::new([status(refused)]);
        let error = get(&server).max_retries(2).send().await.unwrap_err();
        assert!(matches!(error, Error::UnexpectedResponse(_)), "{error:?}");
        assert_eq!(server.requests().len(), 1);
    }

    // The policy decides within the limit.
    let calls = Arc::<AtomicU32>::default();
    let server = ScriptedServer::new(vec![status(StatusCode::UNAUTHORIZED); 9]);
    let counted = Arc::clone(&calls);
    let builder = get(&server).max_retries(2).retry_policy(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        true
    });
    builder.send().await.unwrap_err();
    assert_eq!(
        (server.requests().len(), calls.load(Ordering::Relaxed)),
        (3, 2)
    );

    // A configuration without retries of statuses has only those of the network.
    let server = ScriptedServer::new([
        ScriptedResponse::network_error(),
        status(StatusCode::BAD_GATEWAY),
    ]);
    let config = ClientConfig::default().retry_server_errors(false);
    let error = get(&server).config(config).max_retries(9).send().await;
    assert!(
        matches!(error, Err(Error::UnexpectedResponse(_))),
        "{error:?}"
    );
    assert_eq!(server.requests().len(), 2);

    // `build` does not repeat a POST because of this option.
    let server = ScriptedServer::new([ScriptedResponse::network_error()]);
    let mut source = post(&server).max_retries(9).build().unwrap();
    assert!(matches!(source.next().await, Some(Err(Error::Network(_)))));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_stream_that_stays_open_is_pending() {
    let server = ScriptedServer::new([ScriptedResponse::stream("data: 1\n\n").stays_open()]);
    let mut events = get(&server).send().await.unwrap().events_only();
    let event: Value = events.next().await.unwrap().unwrap().json().unwrap();
    assert_eq!(event, 1);
    assert!(events.next().now_or_never().is_none());
}
