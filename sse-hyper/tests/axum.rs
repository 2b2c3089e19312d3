//! Tests of the extractors in handlers of axum.
#![cfg(all(feature = "axum", feature = "testing"))]

use std::{
    error::Error as StdError,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Path, Request},
    http::{Method, Version},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use futures_util::{TryStreamExt, stream};
use http_body_util::BodyExt;
use serde::Deserialize;
use sse_hyper::{
    CloseEvent, Event, EventId, EventStreamRequest, EventType, KeepAlive, LastEventId,
    StreamConfig, StreamTracker, testing::EventReader,
};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

/// Returns the status and the body of the response.
async fn read(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

fn router() -> Router {
    async fn number(sse: EventStreamRequest) -> impl IntoResponse {
        let seen: Option<u64> = sse.last_event_id();
        sse.respond(stream::iter([Event::new(format!("{seen:?}"))]))
    }
    async fn query(sse: EventStreamRequest) -> impl IntoResponse {
        let seen: Option<u64> = sse.last_event_id_or_query("lastEventId");
        sse.respond(stream::iter([Event::new(format!("{seen:?}"))]))
    }
    async fn alone(LastEventId(seen): LastEventId<u64>) -> String {
        format!("{seen:?}")
    }
    async fn text(LastEventId(seen): LastEventId<EventId>) -> String {
        format!("{seen:?}")
    }
    Router::new()
        .route("/number", any(number))
        .route("/query", get(query))
        .route("/alone", get(alone))
        .route("/text", get(text))
}

/// Returns the status and the body of the response to a client that reconnects with this ID.
async fn send(path: &str, id: &[u8]) -> (u16, String) {
    let request = Request::get(path).header("last-event-id", id);
    let request = request.body(Body::empty()).unwrap();
    read(router().oneshot(request).await.unwrap()).await
}

/// Any status but 200 ends an `EventSource` for good, by the standard.
#[tokio::test]
async fn no_id_ends_the_client() {
    let events = |seen: &str| (200, format!(":\n\ndata: {seen}\n\n"));
    assert_eq!(send("/number", b"7").await, events("Some(7)"));
    assert_eq!(send("/query?lastEventId=3", b"7").await, events("Some(7)"));
    assert_eq!(send("/query?lastEventId=3", b"").await, events("Some(3)"));
    assert_eq!(send("/query?lastEventId=a", b"").await, events("None"));
    assert_eq!(send("/alone", b"7").await, (200, "Some(7)".to_owned()));
    let too_long = [b'7'; 1025];
    let of_other_schemes = [
        &b"seven"[..],
        b"-1",
        b"7.0",
        b"1-7",
        b"184467440737095516160",
        b"\xFF",
        b"",
        "€".as_bytes(),
        &too_long,
    ];
    for id in of_other_schemes {
        assert_eq!(send("/number", id).await, events("None"), "{id:?}");
        assert_eq!(send("/query", id).await, events("None"), "{id:?}");
        assert_eq!(send("/alone", id).await, (200, "None".to_owned()), "{id:?}");
    }
    for id in [&b"\xFF"[..], &too_long] {
        assert_eq!(send("/text", id).await, (200, "None".to_owned()), "{id:?}");
    }
}

#[tokio::test]
async fn the_extractor_leaves_refusals_to_the_response() {
    let send = async |method: Method, version: Version, accept: &str| {
        let request = Request::builder().method(method).uri("/number");
        let request = request.version(version).header("accept", accept);
        let request = request.body(Body::empty()).unwrap();
        read(router().oneshot(request).await.unwrap()).await
    };
    let events = (200, ":\n\ndata: None\n\n".to_owned());
    let json = "application/json";
    let get = send(Method::GET, Version::HTTP_11, "text/event-stream").await;
    assert_eq!(get, events);
    let head = send(Method::HEAD, Version::HTTP_11, "*/*").await;
    assert_eq!(head, (200, String::new()));
    for method in [Method::GET, Method::HEAD] {
        let refused = send(method, Version::HTTP_11, json).await;
        assert_eq!(refused.0, 406);
    }
    let post = send(Method::POST, Version::HTTP_11, json).await;
    assert_eq!(post, events, "`Accept` is ignored for POST");
    let old = send(Method::GET, Version::HTTP_09, "*/*").await;
    assert_eq!(old, (505, "Streaming unsupported!".to_owned()));
}

#[tokio::test]
async fn it_combines_with_a_body_and_with_a_result() {
    #[derive(Deserialize)]
    struct Question {
        prompt: String,
    }
    async fn chat(
        Path(model): Path<String>,
        sse: EventStreamRequest,
        Json(question): Json<Question>,
    ) -> Result<impl IntoResponse, String> {
        if model == "none" {
            return Err("no such model".to_owned());
        }
        let words = question.prompt.split_whitespace().map(str::to_owned);
        let words: Vec<_> = words.map(Event::new).collect();
        Ok(sse.respond(stream::iter(words)))
    }
    let router = Router::new().route("/chat/{model}", post(chat));
    let send = async |model: &str| {
        let request = Request::post(format!("/chat/{model}"))
            .header("content-type", "application/json")
            .body(Body::from(r#"{"prompt": "hello to you"}"#))
            .unwrap();
        router.clone().oneshot(request).await.unwrap()
    };
    let events = EventReader::new(send("small").await).collect().await;
    assert_eq!(events, ["hello", "to", "you"].map(Event::new));
    assert_eq!(read(send("none").await).await.1, "no such model");
}

#[tokio::test]
async fn an_error_ends_the_stream_and_may_be_told_to_the_client() {
    type Results<E> = Vec<Result<Event, E>>;
    fn results<E>(error: E) -> Results<E> {
        vec![Ok(Event::new("a")), Err(error), Ok(Event::new("b"))]
    }
    async fn logged(sse: EventStreamRequest) -> impl IntoResponse {
        sse.respond(stream::iter(results(io::Error::other("disk"))))
    }
    async fn boxed(sse: EventStreamRequest) -> impl IntoResponse {
        let error = Box::<dyn StdError + Send + Sync>::from("disk");
        sse.respond(stream::iter(results(error)))
    }
    async fn told(sse: EventStreamRequest) -> impl IntoResponse {
        let failed = EventType::new("failed").unwrap();
        let rows = stream::iter(results(io::Error::other("disk")));
        sse.respond(rows.map_err(move |error| {
            let event = Event::new(error.to_string()).with_type(failed.clone());
            CloseEvent::new(event).with_retry(Duration::from_secs(9)..=Duration::from_secs(9))
        }))
    }
    async fn silent(sse: EventStreamRequest) -> impl IntoResponse {
        sse.respond(stream::iter(results(CloseEvent::default())))
    }
    let router = Router::new()
        .route("/logged", get(logged))
        .route("/boxed", get(boxed))
        .route("/told", get(told))
        .route("/silent", get(silent));
    for (path, expected) in [
        ("/logged", ":\n\ndata: a\n\n"),
        ("/boxed", ":\n\ndata: a\n\n"),
        ("/silent", ":\n\ndata: a\n\n"),
        (
            "/told",
            ":\n\ndata: a\n\nevent: failed\nretry: 9000\ndata: disk\n\n",
        ),
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(read(response).await, (200, expected.to_owned()), "{path}");
    }
}

/// Subscriber of `tracing` that keeps the level and the fields of each event.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Fields(String);
        impl tracing::field::Visit for Fields {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!(" {field}={value:?}"));
            }
        }
        let mut fields = Fields(event.metadata().level().to_string());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn an_error_is_logged_and_a_close_event_is_not() {
    let log = Log::default();
    tracing::subscriber::with_default(log.clone(), || {
        let tracker = StreamTracker::default();
        let failed = stream::iter([Ok(Event::new("a")), Err(io::Error::other("disk"))]);
        futures_executor::block_on(tracker.body(failed).collect()).unwrap();
        let closed = stream::iter([Ok(Event::new("a")), Err(CloseEvent::default())]);
        futures_executor::block_on(tracker.body(closed).collect()).unwrap();
    });
    let expected = "ERROR message=event stream ended by an error error=disk";
    assert_eq!(*log.0.lock().unwrap(), [expected]);
}

async fn idle(sse: EventStreamRequest) -> impl IntoResponse {
    sse.respond(stream::pending::<Event>())
}

#[tokio::test(start_paused = true)]
async fn the_tracker_of_the_router_configures_and_counts() {
    let send = async |router: Router| {
        let request = Request::get("/").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let mut body = response.into_body();
        let mut frames = String::new();
        for _ in 0..2 {
            let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
            frames.push_str(std::str::from_utf8(&frame).unwrap());
        }
        (frames, body)
    };
    let router = Router::new().route("/", get(idle));
    let (frames, _) = send(router.clone()).await;
    assert_eq!(frames, ":\n\n:\n\n", "the default keep-alive");

    let keep_alive = KeepAlive::new().comment("still here");
    let tracker = StreamTracker::new(StreamConfig::default().keep_alive(keep_alive));
    let (frames, body) = send(router.layer(Extension(tracker.clone()))).await;
    assert_eq!(frames, ":\n\n:still here\n\n");
    assert_eq!(tracker.open_streams(), 1);
    drop(body);
    assert_eq!(tracker.open_streams(), 0);
}

/// Starts a server with a graceful shutdown, and opens a stream. Returns what the client reads to the end.
async fn shut_down(reads: bool) -> (Option<io::Result<()>>, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tracker = StreamTracker::default();
    let flood = get(async |sse: EventStreamRequest| {
        sse.respond(stream::repeat(Event::new("x".repeat(100_000))))
    });
    let router = Router::new()
        .route("/idle", get(idle))
        .route("/flood", flood)
        .layer(Extension(tracker.clone()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let close_event = CloseEvent::new(Event::new("bye"));
    let server = axum::serve(listener, router)
        .with_graceful_shutdown(tracker.close_on(stopped, close_event));
    let timeout = match reads {
        true => testkit::timeout::test_timeout(),
        false => Duration::from_millis(100),
    };
    let running = tracker.clone();
    let server = tokio::spawn(async move { running.run_server(server, timeout).await });

    let mut client = TcpStream::connect(address).await.unwrap();
    let path = if reads { "idle" } else { "flood" };
    let head = format!("GET /{path} HTTP/1.0\r\nHost: x\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    while tracker.open_streams() == 0 {
        tokio::task::yield_now().await;
    }
    let closed = tracker.closed();
    stop.send(()).unwrap();
    closed.await;
    let mut text = String::new();
    if reads {
        client.read_to_string(&mut text).await.unwrap();
    }
    (server.await.unwrap(), text)
}

#[tokio::test]
async fn a_graceful_shutdown_ends_open_streams() {
    let (ended, text) = shut_down(true).await;
    assert!(matches!(ended, Some(Ok(()))));
    let end = ":\n\nevent: closing\ndata: bye\n\n";
    assert!(text.ends_with(end), "{text}");
}

#[tokio::test]
async fn a_client_that_does_not_read_cannot_hold_the_shutdown() {
    let (ended, _) = shut_down(false).await;
    assert!(ended.is_none(), "{ended:?}");
}
