//! Tests of the texts and causes of all errors, and of their status codes.

use std::{error::Error, iter, time::Duration};

use sse_hub::{
    BackendError, BackendErrorKind, Denied, InvalidTopic, PublishError, SubscribeError, Topic,
    TopicFilters, Topics,
};

/// Prints an error and its causes, as `anyhow` and `eyre` do.
fn chain(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |&error| error.source());
    let texts = iter::once(error.to_string()).chain(causes.map(ToString::to_string));
    texts.collect::<Vec<_>>().join(": ")
}

/// Returns each error with the text of its chain and its status code.
fn all() -> Vec<(Box<dyn Error>, &'static str, u16)> {
    let backend = |kind| {
        let cause = BackendError::new("connection refused");
        let error = BackendError::new("not connected to NATS at a:4222").with_kind(kind);
        PublishError::Backend(error.with_source(cause))
    };
    let backend_text =
        "backend did not accept the event: not connected to NATS at a:4222: connection refused";
    let publish = |error: PublishError, text, status| {
        #[cfg(feature = "http")]
        assert_eq!(error.status(), status, "{error}");
        (Box::new(error) as Box<dyn Error>, text, status)
    };
    let subscribe = |error: SubscribeError, text, status| {
        #[cfg(feature = "http")]
        assert_eq!(error.status(), status, "{error}");
        (Box::new(error) as Box<dyn Error>, text, status)
    };
    let topic = |error: InvalidTopic, text| {
        #[cfg(feature = "http")]
        assert_eq!(error.status(), 400, "{error}");
        (Box::new(error) as Box<dyn Error>, text, 400)
    };
    let text = "x".repeat(300);
    let segments = ["a"; 17].join("/") + "/**";
    let second = Duration::from_secs(1);
    vec![
        publish(
            PublishError::TooLarge { bytes: 9, limit: 8 },
            "event is 9 bytes, limit is 8",
            413,
        ),
        publish(
            PublishError::TypeTooLong { bytes: 9, limit: 8 },
            "event type is 9 bytes, limit is 8",
            400,
        ),
        publish(
            PublishError::KeyTooLong { bytes: 9, limit: 8 },
            "key is 9 bytes, limit is 8",
            400,
        ),
        publish(
            PublishError::ReservedType("reset".to_owned()),
            "event type \"reset\" is reserved",
            400,
        ),
        publish(
            PublishError::Retry {
                retry: Duration::ZERO,
                allowed: second..=second,
            },
            "reconnection time is 0 ms, allowed is 1000 to 1000 ms",
            400,
        ),
        publish(
            PublishError::WouldBlock,
            "hub has a backend, so publishing must wait",
            500,
        ),
        publish(backend(BackendErrorKind::Unavailable), backend_text, 503),
        publish(backend(BackendErrorKind::Refused), backend_text, 502),
        publish(backend(BackendErrorKind::TooLarge), backend_text, 413),
        subscribe(
            SubscribeError::Full(7),
            "limit of 7 subscribers is reached",
            503,
        ),
        subscribe(
            SubscribeError::TooManyPatterns(7),
            "limit of 7 custom patterns is reached",
            503,
        ),
        subscribe(
            SubscribeError::Denied(Denied::new("not yours")),
            "subscription is denied: not yours",
            403,
        ),
        topic(Topic::new("").unwrap_err(), "topic is empty"),
        topic(
            Topic::new(&text).unwrap_err(),
            "topic is 300 bytes, limit is 256",
        ),
        topic(
            Topic::new("a\0").unwrap_err(),
            r"topic has the control character '\0' at byte 1",
        ),
        topic(
            Topic::new("a*").unwrap_err(),
            "topic \"a*\" has a `*`, which only patterns can have, see `from_patterns`",
        ),
        topic(
            Topic::from_segments(["a/b"]).unwrap_err(),
            "segment \"a/b\" has a `/`",
        ),
        topic(
            Topic::from_segments(["a", ""]).unwrap_err(),
            "segment 1 is empty",
        ),
        topic(
            TopicFilters::from_patterns(["a*"]).unwrap_err(),
            "pattern \"a*\": `*` must be a whole segment, `**` the last one",
        ),
        topic(
            TopicFilters::from_patterns([segments]).unwrap_err(),
            "pattern has 18 segments, limit is 16",
        ),
        topic(
            TopicFilters::from_patterns(["*/*/*/*/*"]).unwrap_err(),
            "pattern has 5 segments `*`, limit is 4",
        ),
        topic(Topics::new([""; 0]).unwrap_err(), "no topic"),
        topic(
            Topics::new((0..65).map(|number| number.to_string())).unwrap_err(),
            "more than 64 topics",
        ),
    ]
}

#[test]
fn each_level_of_a_chain_has_its_own_text() {
    for (error, text, _) in all() {
        assert_eq!(chain(&*error), text);
    }
}

#[test]
fn errors_of_a_backend_are_compared_with_their_causes() {
    let error = |cause| BackendError::new("not connected").with_source(BackendError::new(cause));
    assert!(error("refused").has_same_text(&error("refused")));
    assert!(!error("refused").has_same_text(&error("timeout")));
    assert!(!error("refused").has_same_text(&BackendError::new("not connected")));
    assert!(!BackendError::new("not connected").has_same_text(&error("refused")));
    let other_kind = error("refused").with_kind(BackendErrorKind::Refused);
    assert!(other_kind.has_same_text(&error("refused")));
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn responses_have_the_status_and_no_causes() {
    use axum::{body::to_bytes, response::IntoResponse};

    let backend = BackendError::new("a secret address");
    for (response, status, text) in [
        (
            PublishError::Backend(backend).into_response(),
            503,
            "backend did not accept the event\n",
        ),
        (
            SubscribeError::Full(7).into_response(),
            503,
            "limit of 7 subscribers is reached\n",
        ),
        (
            SubscribeError::Denied(Denied::new("not yours")).into_response(),
            403,
            "not yours\n",
        ),
        (InvalidTopic::Empty.into_response(), 400, "topic is empty\n"),
    ] {
        assert_eq!(response.status(), status);
        let body = to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(body, text);
    }
}
