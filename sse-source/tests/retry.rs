//! Retries, and reports of failed attempts.

mod support;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use http::Method;
use sse_source::{Builder, DisconnectReason, Error, EventSource, Item};
use support::{Answer, Server, end, error, events, next, respond, soon, stream};

fn get(server: &Server) -> Builder {
    EventSource::get(server.url()).config(soon())
}

#[tokio::test]
async fn a_status_that_says_not_now_is_tried_again() {
    for status in [408, 425, 429, 500, 503, 599] {
        let answers = [
            Answer::End(respond(&status.to_string(), "", "")),
            Answer::Hang(stream("data: a\n\n")),
        ];
        let server = Server::start(answers).await;
        let mut source = get(&server).build().unwrap();
        assert_eq!(end(&mut source).await, DisconnectReason::Status(status));
        assert_eq!(events(&mut source, 1).await, ["a"]);
    }
}

#[tokio::test]
async fn a_response_that_another_attempt_follows_is_told_whole() {
    let body = format!("{{\"error\": \"{}\"}}", "x".repeat(6000));
    let headers = format!(
        "Retry-After: 0\r\nContent-Type: application/json\r\nX-Limit: 7\r\nContent-Length: {}\r\n",
        body.len()
    );
    let server = Server::start([
        Answer::Hang(respond("429 Too Many Requests", &headers, &body)),
        Answer::Hang(respond("503 No", "Content-Length: 9\r\n", "cut")),
        Answer::Hang(stream("data: a\n\n")),
    ])
    .await;
    let request = get(&server).error_body_limits(10_000, Duration::from_secs(1));
    let mut source = request.build().unwrap();
    let mut told = Vec::new();
    while told.len() < 2 {
        match next(&mut source).await {
            Some(Ok(Item::Disconnected(it))) => told.push(it),
            other => panic!("{other:?}"),
        }
    }
    let response = told[0].response.as_ref().unwrap();
    assert_eq!(told[0].status().unwrap(), 429);
    assert_eq!(response.headers["x-limit"], "7");
    assert_eq!(response.body, body);
    assert!(told[0].to_string().len() < 1200, "{}", told[0]);
    let response = told[1].response.as_ref().unwrap();
    assert_eq!(
        (response.status.as_u16(), &response.body[..]),
        (503, &b"cut"[..])
    );
    assert_eq!(events(&mut source, 1).await, ["a"]);
}

#[tokio::test]
async fn the_body_of_a_refusal_is_read_up_to_the_limit() {
    for (limit, expected) in [(0, 0), (1, 1), (6000, 6000), (6001, 6001), (7000, 6001)] {
        let body = "y".repeat(6001);
        let json = "Content-Type: application/json\r\nContent-Length: 6001\r\n";
        let server = Server::start([Answer::Hang(respond("200 OK", json, body))]).await;
        let request = get(&server).error_body_limits(limit, testkit::timeout::test_timeout());
        let Error::UnexpectedResponse(refused) = request.send().await.unwrap_err() else {
            panic!()
        };
        assert_eq!(refused.body.len(), expected);
    }
}

#[tokio::test]
async fn a_preparation_that_fails_is_tried_again() {
    let server = Server::start([Answer::Hang(stream("data: a\n\n"))]).await;
    let calls = Arc::new(AtomicU32::new(0));
    let prepare = move |request| {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        async move {
            match call {
                0..3 => Err("no token".into()),
                _ => Ok(request),
            }
        }
    };
    let mut source = get(&server).map_request(prepare).build().unwrap();
    for _ in 0..3 {
        match next(&mut source).await {
            Some(Ok(Item::Disconnected(it))) => {
                assert_eq!(it.reason, DisconnectReason::Preparation);
                let cause = it.cause().to_string();
                assert_eq!(cause, "the request could not be prepared: no token");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(events(&mut source, 1).await, ["a"]);

    // A request that is sent once is prepared once.
    let request = get(&server).map_request(|_| async { Err("no token".into()) });
    let error = request.send().await.unwrap_err();
    assert!(matches!(error, Error::Request(_)), "{error:?}");
    assert!(error.report().to_string().contains("no token"));
}

#[tokio::test]
async fn a_policy_takes_a_new_token_for_a_401() {
    let server = Server::start([
        Answer::End(respond(
            "401 Unauthorized",
            "WWW-Authenticate: Bearer\r\n",
            "old",
        )),
        Answer::Hang(stream("data: a\n\n")),
    ])
    .await;
    let request = get(&server).retry_policy(|failed| {
        assert!(!failed.is_retried_by_default);
        let response = failed.response.unwrap();
        response.headers["www-authenticate"] == "Bearer" && response.body == "old"
    });
    let mut source = request.build().unwrap();
    assert_eq!(end(&mut source).await, DisconnectReason::Status(401));
    assert_eq!(events(&mut source, 1).await, ["a"]);
}

#[tokio::test]
async fn a_policy_stops_after_some_attempts_in_a_row() {
    let server = Server::start([
        Answer::End(respond("503 No", "", "")),
        Answer::Reset(Vec::new()),
        Answer::End(stream("data: a\n\n")),
        Answer::End(respond("503 No", "", "")),
        Answer::End(Vec::new()),
        Answer::End(respond("503 No", "", "that was all")),
        Answer::Hang(stream("data: b\n\n")),
    ])
    .await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let policy = {
        let seen = Arc::clone(&seen);
        move |failed: &sse_source::FailedAttempt<'_>| {
            assert!(failed.is_retried_by_default);
            assert_eq!(
                failed.error.is_some(),
                failed.reason == DisconnectReason::NetworkError
            );
            seen.lock().unwrap().push((failed.reason, failed.attempt));
            failed.attempt < 4
        }
    };
    let mut source = get(&server).retry_policy(policy).build().unwrap();
    let error = error(&mut source).await;
    let Error::UnexpectedResponse(refused) = error else {
        panic!("{error:?}")
    };
    assert_eq!(refused.body, "that was all");
    let (refused, network) = (
        DisconnectReason::Status(503),
        DisconnectReason::NetworkError,
    );
    let expected = [
        (refused, 1),
        (network, 2),
        (DisconnectReason::EndOfStream, 1),
        (refused, 2),
        (network, 3),
        (refused, 4),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_policy_stops_after_some_time() {
    let server = Server::start([Answer::Reset(Vec::new())]).await;
    let limit = Duration::from_millis(100);
    let request = get(&server).retry_policy(move |failed| failed.elapsed < limit);
    let mut source = request.build().unwrap();
    let error = error(&mut source).await;
    assert!(matches!(error, Error::Network(_)), "{error:?}");
    assert!(server.requests().len() > 1);
}

#[tokio::test]
async fn a_policy_makes_the_end_of_a_stream_the_end() {
    let policy =
        |failed: &sse_source::FailedAttempt<'_>| failed.reason != DisconnectReason::EndOfStream;
    let server = Server::start([
        Answer::End(stream("data: a\n\ndata: cut")),
        Answer::End(stream("data: b\n\n")),
        Answer::Hang(stream("data: never\n\n")),
    ])
    .await;
    let mut source = get(&server).retry_policy(policy).build().unwrap();
    assert_eq!(events(&mut source, 2).await, ["a", "b"]);
    assert!(next(&mut source).await.is_none());
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_request_that_is_not_safe_is_sent_once_unless_repetition_is_asked_for() {
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        for (answer, is_error) in [
            (stream("data: a\n\n"), false),
            (stream("data: a\n\ndata"), true),
            (respond("503 No", "", ""), true),
            (Vec::new(), true),
        ] {
            let server = Server::start([Answer::End(answer)]).await;
            let request = EventSource::request(method.clone(), server.url());
            let mut source = request.config(soon()).build().unwrap();
            let last = loop {
                match next(&mut source).await {
                    Some(Ok(Item::Disconnected(it))) => panic!("{it:?}"),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => break Some(error),
                    None => break None,
                }
            };
            assert_eq!(last.is_some(), is_error, "{last:?}");
            assert!(next(&mut source).await.is_none());
            assert_eq!(server.requests().len(), 1);
        }
        let server = Server::start([
            Answer::End(stream("data: a\n\n")),
            Answer::End(respond("503 No", "", "")),
            Answer::Hang(stream("data: b\n\n")),
        ])
        .await;
        let request = EventSource::request(method, server.url()).resend(true);
        let mut source = request.config(soon()).build().unwrap();
        assert_eq!(events(&mut source, 2).await, ["a", "b"]);
    }
}

#[tokio::test]
async fn a_caller_can_ask_for_an_unsafe_request_again() {
    let server = Server::start([
        Answer::Hang(stream("data: a\n\n")),
        Answer::End(stream("data: b\n\n")),
    ])
    .await;
    let request = EventSource::request(Method::POST, server.url());
    let mut source = request.build().unwrap();
    assert_eq!(events(&mut source, 1).await, ["a"]);
    source.handle().reconnect();
    assert_eq!(end(&mut source).await, DisconnectReason::Requested);
    assert_eq!(events(&mut source, 1).await, ["b"]);
    assert!(next(&mut source).await.is_none());
}

#[tokio::test]
async fn a_preparation_that_makes_a_request_unsafe_does_not_have_it_repeated() {
    let server = Server::start([Answer::End(stream("data: a\n\n"))]).await;
    let prepare = |mut request: http::Request<bytes::Bytes>| async {
        *request.method_mut() = Method::POST;
        Ok(request)
    };
    let mut source = get(&server).map_request(prepare).build().unwrap();
    let error = error(&mut source).await;
    let expected = "POST request is not repeated without `resend`";
    assert!(error.report().to_string().contains(expected), "{error}");
    assert_eq!(server.requests().len(), 1);
}
