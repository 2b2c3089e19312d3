//! Tests of compressed streams that are handed to the event loop.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use flate2::write::GzDecoder;
use sse_hub::{CloseEvent, Event, Hub, HubConfig, Topic, TopicFilters};
use sse_hyper::{EventId, StreamConfig, StreamTracker};
use sse_reactor::Reactor;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};

const EVENTS: usize = 30;

type App = (Hub, Reactor);

async fn events(State((hub, reactor)): State<App>, request: Request) -> Response {
    let seen: Option<EventId> = sse_hyper::last_event_id(request.headers()).unwrap();
    let filters = TopicFilters::from_patterns(["news"]).unwrap();
    let subscription = hub.subscribe(filters, seen.as_ref()).unwrap();
    reactor.respond(&request, subscription).into_response()
}

/// Reads a response to its end. Returns the bytes of its body without the chunks.
async fn read(mut socket: TcpStream, request: String) -> Vec<u8> {
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    socket.read_to_end(&mut all).await.unwrap();
    body(&all)
}

/// Returns the bytes of the body of a response without the chunks.
fn body(all: &[u8]) -> Vec<u8> {
    let end = all.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
    let (mut rest, mut body) = (&all[end..], Vec::new());
    loop {
        let line = rest.windows(2).position(|end| end == b"\r\n").unwrap();
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            assert_eq!(&rest[line..], b"\r\n\r\n");
            return body;
        }
        rest = &rest[line + 2..];
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
}

fn decode(bytes: &[u8]) -> String {
    let mut decoder = GzDecoder::new(Vec::new());
    decoder.write_all(bytes).unwrap();
    decoder.flush().unwrap();
    String::from_utf8(decoder.get_ref().clone()).unwrap()
}

struct Server {
    hub: Hub,
    tracker: StreamTracker,
    address: SocketAddr,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    async fn start() -> Self {
        let config = HubConfig::new().first_sequence(1).position_events(false);
        let hub = Hub::new(config.gzip(true));
        let tracker = StreamTracker::new(StreamConfig::default().gzip(true));
        let reactor = Reactor::new(tracker.clone()).unwrap();
        let router = Router::new().route("/", get(events));
        let router = router.with_state((hub.clone(), reactor.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server =
            sse_reactor::serve(listener, router, &reactor).with_graceful_shutdown(tracker.closed());
        Self {
            hub,
            tracker,
            address,
            task: tokio::spawn(server.into_future()),
        }
    }

    async fn publish(&self, data: String) {
        let topic = Topic::new("news").unwrap();
        self.hub.publish((topic, Event::new(data))).await.unwrap();
    }

    async fn shut_down(self) {
        self.hub.close(CloseEvent::default());
        self.tracker.close(CloseEvent::default());
        self.task.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_the_same_bytes_for_clients_that_joined_at_different_times() {
    let server = Server::start().await;
    let mut clients = Vec::new();
    for number in 1..=EVENTS {
        let item = format!("<li>item {number}</li>");
        server
            .publish(format!("<ul>{}</ul>", item.repeat(200)))
            .await;
        // Each client replays all events, some of them together.
        let socket = TcpStream::connect(server.address).await.unwrap();
        let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\naccept-encoding: gzip\r\n\
                       last-event-id: 0\r\n\r\n";
        clients.push(tokio::spawn(read(socket, request.to_owned())));
        sleep(Duration::from_millis(number as u64 % 7)).await;
    }
    sleep(Duration::from_millis(200)).await;
    assert_eq!(server.tracker.open_streams(), EVENTS);
    server.shut_down().await;

    let mut bodies = Vec::new();
    for client in clients {
        bodies.push(client.await.unwrap());
    }
    let text = decode(&bodies[0]);
    assert_eq!(text.matches("\ndata: <ul>").count(), EVENTS);
    let expected = EVENTS * 40..EVENTS * 200;
    assert!(
        expected.contains(&bodies[0].len()),
        "{} bytes",
        bodies[0].len()
    );
    for body in &bodies[1..] {
        assert!(*body == bodies[0], "the same bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_finished_its_requests_can_decode_everything() {
    let server = Server::start().await;
    let socket = TcpStream::connect(server.address).await.unwrap();
    let (mut reading, mut writing) = socket.into_split();
    let request = "GET / HTTP/1.1\r\nhost: a\r\naccept-encoding: gzip\r\n\r\n";
    writing.write_all(request.as_bytes()).await.unwrap();
    let head = reading.read_u8().await.unwrap();
    // The server sends two comments to find out whether the client is gone.
    writing.shutdown().await.unwrap();
    sleep(Duration::from_millis(1500)).await;
    server.publish("one".to_owned()).await;
    sleep(Duration::from_millis(100)).await;
    server.shut_down().await;
    let mut all = vec![head];
    reading.read_to_end(&mut all).await.unwrap();
    let text = decode(&body(&all));
    assert!(text.starts_with(":\n\n:\n\n:\n\nid: 1\n"), "{text:?}");
}
