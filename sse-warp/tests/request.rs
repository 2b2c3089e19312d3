//! Tests of the filters that extract a request for an event stream.

use std::{io, time::Duration};

use futures_util::stream;
use sse_warp::{CloseEvent, Event, EventStreamRequest, StreamTracker};
use warp::{Filter, test::request};

fn numbers(sse: EventStreamRequest) -> warp::reply::Response {
    let seen: Option<u64> = sse.last_event_id_or_query("lastEventId");
    let event = Event::new(format!("{seen:?}"));
    sse.respond(stream::iter([Ok(event), Err(io::Error::other("disk"))]))
}

#[tokio::test]
async fn it_reads_the_id_and_responds() {
    let filter = warp::path("events").and(sse_warp::request()).map(numbers);
    let send = async |method: &str, path: &str, header: (&str, &str)| {
        let request = request().method(method).path(path);
        let response = request.header(header.0, header.1).reply(&filter).await;
        let body = String::from_utf8(response.body().to_vec()).unwrap();
        (response.status().as_u16(), body)
    };
    let events = |seen: &str| (200, format!(":\n\ndata: {seen}\n\n"));
    let id = ("last-event-id", "7");
    let accept = ("accept", "text/event-stream");
    assert_eq!(send("GET", "/events", id).await, events("Some(7)"));
    assert_eq!(send("GET", "/events", accept).await, events("None"));
    let in_query = "/events?lastEventId=3";
    assert_eq!(send("GET", in_query, accept).await, events("Some(3)"));
    assert_eq!(send("GET", in_query, id).await, events("Some(7)"));
    let head = send("HEAD", "/events", accept).await;
    assert_eq!(head, (200, String::new()));
    let json = ("accept", "application/json");
    assert_eq!(send("GET", "/events", json).await.0, 406);
    assert_eq!(send("POST", "/events", json).await, events("None"));
}

#[tokio::test]
async fn it_combines_with_a_body() {
    let chat = warp::post()
        .and(sse_warp::request())
        .and(warp::body::json())
        .map(|sse: EventStreamRequest, words: Vec<String>| {
            sse.respond(stream::iter(words.into_iter().map(Event::new)))
        });
    let request = request().method("POST").json(&["hello", "to", "you"]);
    let response = request.reply(&chat).await;
    let expected = ":\n\ndata: hello\n\ndata: to\n\ndata: you\n\n";
    assert_eq!(response.body(), expected);
}

#[tokio::test]
async fn a_graceful_shutdown_ends_open_streams() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tracker = StreamTracker::default();
    let events = sse_warp::request_with(tracker.clone())
        .map(|sse: EventStreamRequest| sse.respond(stream::pending::<Event>()));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let close_event = CloseEvent::new(Event::new("bye"));
    let server = warp::serve(events)
        .incoming(listener)
        .graceful(tracker.close_on(stopped, close_event))
        .run();
    let running = tracker.clone();
    let timeout = testkit::timeout::test_timeout();
    let server = tokio::spawn(async move { running.run_server(server, timeout).await });

    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = b"GET / HTTP/1.0\r\nHost: x\r\n\r\n";
    client.write_all(head).await.unwrap();
    while tracker.open_streams() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stop.send(()).unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).await.unwrap();
    assert!(
        text.ends_with(":\n\nevent: closing\ndata: bye\n\n"),
        "{text}"
    );
    assert_eq!(server.await.unwrap(), Some(()));
}
