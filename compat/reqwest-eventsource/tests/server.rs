//! Reads events of a server that answers each connection as the test says.

use std::time::Duration;

use futures_util::StreamExt;
use reqwest::Client;
use reqwest_eventsource::{
    Error, Event, EventSource, ReadyState, RequestBuilderExt,
    retry::{Constant, ExponentialBackoff, Never, RetryPolicy},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};

const OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n\r\n";

/// Starts a server that answers its connections with these responses, one after the other. It returns the heads of the
/// requests.
async fn serve(responses: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let mut requests = Vec::new();
        for response in responses {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(connection.read_u8().await.unwrap());
            }
            connection.write_all(response.as_bytes()).await.unwrap();
            requests.push(String::from_utf8(head).unwrap().to_lowercase());
        }
        requests
    });
    (url, server)
}

fn source(url: &str) -> EventSource {
    let mut source = EventSource::get(url);
    source.set_retry_policy(Box::new(Constant::new(Duration::from_millis(1), Some(3))));
    source
}

async fn message(source: &mut EventSource) -> (String, String) {
    match source.next().await {
        Some(Ok(Event::Message(message))) => (message.id, message.data),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn it_resumes_after_the_last_event_id() {
    let first = format!("{OK}id: é1\ndata: a\n\nid: é2\n\ndata: cut");
    let (url, server) = serve(vec![
        first,
        format!("{OK}data: b\n\n"),
        format!("{OK}id\n\n"),
        OK.into(),
    ])
    .await;
    let mut source = source(&url);
    assert_eq!(source.ready_state(), ReadyState::Connecting);
    assert!(matches!(source.next().await, Some(Ok(Event::Open))));
    assert_eq!(source.ready_state(), ReadyState::Open);
    assert_eq!(message(&mut source).await, ("é1".into(), "a".into()));
    assert!(matches!(source.next().await, Some(Err(Error::StreamEnded))));
    assert_eq!(source.last_event_id(), "é2");
    assert!(matches!(source.next().await, Some(Ok(Event::Open))));
    assert_eq!(message(&mut source).await, ("é2".into(), "b".into()));
    for _ in 0..2 {
        assert!(matches!(source.next().await, Some(Err(Error::StreamEnded))));
        assert!(matches!(source.next().await, Some(Ok(Event::Open))));
    }
    let requests = server.await.unwrap();
    let ids: Vec<_> = requests
        .iter()
        .map(|head| head.matches("last-event-id: ").count())
        .collect();
    assert_eq!(ids, [0, 1, 1, 0]);
    assert!(requests[1].contains("last-event-id: é2\r\n"));
    assert!(
        requests
            .iter()
            .all(|head| head.contains("accept: text/event-stream\r\n"))
    );
    source.close();
    assert_eq!(source.ready_state(), ReadyState::Closed);
    assert!(source.next().await.is_none());
}

#[tokio::test]
async fn other_responses_end_it() {
    let response = |status: &str, content_type: &str| {
        format!("HTTP/1.1 {status}\r\nConnection: close\r\n{content_type}\r\nbody")
    };
    for (answer, is_status) in [
        (response("204 No Content", ""), true),
        (
            response("500 No", "Content-Type: text/event-stream\r\n"),
            true,
        ),
        (response("200 OK", ""), false),
        (response("200 OK", "Content-Type: text/html\r\n"), false),
        (
            response("200 OK", "Content-Type: text/event-streams\r\n"),
            false,
        ),
    ] {
        let (url, _server) = serve(vec![answer.clone()]).await;
        let mut source = source(&url);
        match source.next().await {
            Some(Err(Error::InvalidStatusCode(_, _))) if is_status => {}
            Some(Err(Error::InvalidContentType(_, response))) if !is_status => {
                assert_eq!(response.text().await.unwrap(), "body");
            }
            other => panic!("{answer}: {other:?}"),
        }
        assert!(source.next().await.is_none());
    }
}

#[tokio::test]
async fn content_types_with_parameters_are_accepted() {
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: Text/Event-Stream;charset=UTF-8\r\n\r\n";
    let (url, _server) = serve(vec![head.into()]).await;
    assert!(matches!(source(&url).next().await, Some(Ok(Event::Open))));
}

#[tokio::test]
async fn it_gives_up_after_the_retries_of_its_policy() {
    // Nothing listens there after the listener is dropped.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let mut source = source(&url);
    let mut errors = 0;
    while let Some(item) = source.next().await {
        assert!(matches!(item, Err(Error::Transport(_))), "{item:?}");
        errors += 1;
    }
    assert_eq!(errors, 4, "the request and three retries");
}

#[tokio::test]
async fn an_invalid_url_is_an_error_and_not_a_panic() {
    let mut source = EventSource::get("no URL");
    assert!(matches!(
        source.next().await,
        Some(Err(Error::Transport(_)))
    ));
    assert!(source.next().await.is_none());
}

#[tokio::test]
async fn an_event_that_is_too_large_does_not_end_the_connection() {
    let large = format!("{OK}data: {}\n\ndata: b\n\n", "a".repeat(17 << 20));
    let (url, _server) = serve(vec![large]).await;
    let mut source = source(&url);
    assert!(matches!(source.next().await, Some(Ok(Event::Open))));
    assert!(matches!(source.next().await, Some(Err(Error::Parser(_)))));
    assert_eq!(message(&mut source).await.1, "b");
}

#[tokio::test]
async fn the_time_of_the_server_is_the_next_delay() {
    let (url, _server) = serve(vec![format!("{OK}retry: 60000\ndata: a\n\n")]).await;
    let mut source = Client::new().get(url).eventsource().unwrap();
    source.set_retry_policy(Box::new(Constant::new(Duration::ZERO, None)));
    assert!(matches!(source.next().await, Some(Ok(Event::Open))));
    message(&mut source).await;
    assert!(matches!(source.next().await, Some(Err(Error::StreamEnded))));
    let waiting = tokio::time::timeout(Duration::from_millis(50), source.next()).await;
    assert!(waiting.is_err(), "{waiting:?}");
}

#[test]
fn delays_grow_up_to_their_maximum() {
    let mut policy = ExponentialBackoff::new(
        Duration::from_secs(1),
        3.0,
        Some(Duration::from_secs(5)),
        Some(3),
    );
    let error = Error::StreamEnded;
    let mut last = None;
    let mut delays = Vec::new();
    while let Some(delay) = policy.retry(&error, last) {
        delays.push(delay.as_secs());
        last = Some((delays.len(), delay));
    }
    assert_eq!(delays, [1, 3, 5]);
    policy.set_reconnection_time(Duration::from_secs(9));
    assert_eq!(policy.retry(&error, None), Some(Duration::from_secs(9)));
    assert_eq!(policy.max_duration, Some(Duration::from_secs(9)));

    let huge = ExponentialBackoff::new(Duration::MAX, 2.0, None, None);
    assert_eq!(
        huge.retry(&error, Some((1, Duration::MAX))),
        Some(Duration::MAX)
    );
    assert_eq!(Never.retry(&error, None), None);
    assert_eq!(
        Constant::new(Duration::ZERO, Some(0)).retry(&error, None),
        None
    );
}
