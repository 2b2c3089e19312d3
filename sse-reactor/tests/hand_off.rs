//! Tests of connections that are handed to the event loop, over real sockets.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures_util::{FutureExt, future::BoxFuture};
use hyper::server::conn::http1;
use hyper_util::service::TowerToHyperService;
use sse_hub::{Authorizer, CloseEvent, Denied, Event, Grant, Hub, HubConfig, Topic, TopicFilters};
use sse_hyper::{EventId, KeepAlive, StreamConfig, StreamTracker};
use sse_reactor::{ConnectionHandler, Reactor, serve_connection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

/// Number of connections of a test server.
const MAX_CONNECTIONS: usize = 100;

#[derive(Clone)]
struct Server {
    hub: Hub,
    tracker: StreamTracker,
    reactor: Reactor,
    router: Router,
    address: SocketAddr,
    /// Permits of connections.
    permits: Arc<Semaphore>,
    /// Authorizer of `/authorized`.
    authorizer: Arc<Mutex<Option<Expiring>>>,
}

#[derive(Clone)]
struct App {
    hub: Hub,
    reactor: Reactor,
    authorizer: Arc<Mutex<Option<Expiring>>>,
}

async fn authorized(State(app): State<App>, request: Request) -> Response {
    let authorizer = app.authorizer.lock().unwrap().clone().unwrap();
    let filters = TopicFilters::from_patterns(["news"]).unwrap();
    let subscription = app.hub.subscription(filters);
    let subscription = subscription.subscribe_authorized(authorizer).await.unwrap();
    app.reactor.respond(&request, subscription).into_response()
}

async fn events(State(app): State<App>, request: Request) -> Response {
    let seen: Option<EventId> = sse_hyper::last_event_id(request.headers()).unwrap();
    let filters = TopicFilters::from_patterns(["news"]).unwrap();
    let subscription = app.hub.subscribe(filters, seen.as_ref()).unwrap();
    app.reactor.respond(&request, subscription).into_response()
}

async fn echo(body: Bytes) -> Bytes {
    body
}

impl Server {
    async fn start(config: StreamConfig) -> Self {
        let tracker = StreamTracker::new(config);
        let reactor = Reactor::new(tracker.clone()).unwrap();
        Self::with_reactor(tracker, reactor).await
    }

    async fn with_write_timeout(write_timeout: Duration) -> Self {
        let tracker = StreamTracker::default();
        let reactor = Reactor::with_write_timeout(tracker.clone(), write_timeout).unwrap();
        Self::with_reactor(tracker, reactor).await
    }

    async fn with_reactor(tracker: StreamTracker, reactor: Reactor) -> Self {
        let hub = Hub::new(HubConfig::new().first_sequence(1).position_events(false));
        let authorizer = Arc::default();
        let app = App {
            hub: hub.clone(),
            reactor: reactor.clone(),
            authorizer: Arc::clone(&authorizer),
        };
        let router = Router::new()
            .route("/events", get(events).post(events))
            .route("/authorized", get(authorized))
            .route("/echo", post(echo))
            .with_state(app);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            hub,
            tracker,
            reactor,
            router,
            authorizer,
            address: listener.local_addr().unwrap(),
            permits: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        };
        let accepting = Arc::new(server.clone());
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let permit = Arc::clone(&accepting.permits).try_acquire_owned().unwrap();
                Arc::clone(&accepting).handle(socket, Bytes::new(), Some(permit));
            }
        });
        server
    }

    async fn publish(&self, data: impl Into<String>) {
        let topic = Topic::new("news").unwrap();
        self.hub
            .publish((topic, Event::new(data.into())))
            .await
            .unwrap();
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }
}

impl ConnectionHandler for Server {
    fn handle(
        self: Arc<Self>,
        socket: TcpStream,
        read_ahead: Bytes,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let service = TowerToHyperService::new(self.router.clone());
        let handler = Arc::<Self>::clone(&self);
        let connection = serve_connection(
            &self.reactor,
            &http1::Builder::new(),
            socket,
            read_ahead,
            service,
            handler,
            permit,
        );
        tokio::spawn(connection);
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads until the text ends with this.
    async fn read_until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        let reading = async {
            while !text.ends_with(end.as_bytes()) {
                let byte = self.0.read_u8().await;
                text.push(byte.unwrap());
            }
        };
        if timeout(Duration::from_secs(10), reading).await.is_err() {
            panic!("no {end:?} in {:?}", String::from_utf8_lossy(&text));
        }
        String::from_utf8(text).unwrap()
    }

    /// Reads until there are this many events. Returns how many there are.
    async fn count_events(&mut self, events: usize) -> usize {
        let (mut count, mut buffer) = (0, vec![0; 64 * 1024]);
        while count < events {
            let reading = self.0.read(&mut buffer);
            let length = timeout(Duration::from_secs(10), reading).await;
            let length = length.unwrap().unwrap();
            assert_ne!(length, 0, "the stream has ended after {count} events");
            count += buffer[..length]
                .iter()
                .filter(|byte| **byte == b'!')
                .count();
        }
        count
    }

    async fn read_to_end(&mut self) -> String {
        let mut text = String::new();
        let reading = self.0.read_to_string(&mut text);
        timeout(Duration::from_secs(10), reading)
            .await
            .unwrap()
            .unwrap();
        text
    }
}

const GET: &str = "GET /events HTTP/1.1\r\nhost: a\r\n\r\n";

/// The head of the response, and the first comment.
async fn open(client: &mut Client, request: &str) -> String {
    client.send(request).await;
    let head = client.read_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
    assert_eq!(client.read_until(":\n\n\r\n").await, "3\r\n:\n\n\r\n");
    head
}

fn close_event() -> CloseEvent {
    CloseEvent::new(Event::new("bye"))
}

const LAST: &str = "0\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_as_chunks() {
    let server = Server::start(StreamConfig::default()).await;
    let mut client = server.connect().await;
    open(&mut client, GET).await;
    assert_eq!(server.tracker.open_streams(), 1);
    server.publish("one").await;
    assert_eq!(
        client.read_until("\n\n\r\n").await,
        "11\r\nid: 1\ndata: one\n\n\r\n"
    );
    server.publish("two").await;
    assert_eq!(
        client.read_until("\n\n\r\n").await,
        "11\r\nid: 2\ndata: two\n\n\r\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_serves_further_requests_after_the_stream() {
    let server = Server::start(StreamConfig::default()).await;
    let mut client = server.connect().await;
    // The second request comes while the first is answered.
    open(
        &mut client,
        &format!("{GET}POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhe"),
    )
    .await;
    server.publish("one").await;
    client.read_until("one\n\n\r\n").await;
    client.send("llo").await;
    sleep(Duration::from_millis(50)).await;
    server.hub.close(close_event());
    let rest = client.read_until("hello").await;
    assert!(rest.contains("event: closing\n"), "{rest}");
    assert!(rest.contains("0\r\n\r\nHTTP/1.1 200 OK\r\n"), "{rest}");
    client
        .send("POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 3\r\n\r\nend")
        .await;
    assert!(client.read_to_end().await.ends_with("\r\n\r\nend"));
    assert_eq!(server.tracker.open_streams(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_client_closes_ends_with_the_stream() {
    let server = Server::start(StreamConfig::default()).await;
    let mut client = server.connect().await;
    open(
        &mut client,
        "GET /events HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await;
    server.tracker.close(close_event());
    let rest = client.read_to_end().await;
    assert!(rest.ends_with(LAST), "{rest}");
    assert!(rest.contains("data: bye\n"), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_is_held_until_the_connection_ends() {
    let server = Server::start(StreamConfig::default()).await;
    let (mut client, mut other) = (server.connect().await, server.connect().await);
    open(&mut client, GET).await;
    open(&mut other, GET).await;
    assert_eq!(server.permits.available_permits(), MAX_CONNECTIONS - 2);
    drop(other);
    server.hub.close(close_event());
    client.read_until(LAST).await;
    client
        .send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nyes")
        .await;
    client.read_until("yes").await;
    assert_eq!(server.permits.available_permits(), MAX_CONNECTIONS - 1);
    drop(client);
    let all = server.permits.acquire_many(MAX_CONNECTIONS as u32);
    let all = timeout(Duration::from_secs(10), all).await;
    assert!(all.is_ok_and(|permits| permits.is_ok()));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_leave_take_no_event_from_the_others() {
    const EVENTS: usize = 60;
    let server = Server::start(StreamConfig::default()).await;
    let mut clients = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        let mut client = server.connect().await;
        open(&mut client, GET).await;
        clients.push(client);
    }
    let (mut leaving, mut staying) = (Vec::new(), Vec::new());
    for (index, client) in clients.into_iter().enumerate() {
        match index % 2 {
            0 => leaving.push(client),
            _ => staying.push(client),
        }
    }
    for _ in 0..EVENTS {
        // From both ends, while the event loop may be in the middle.
        let first = (!leaving.is_empty()).then(|| leaving.remove(0));
        server.publish("x!").await;
        drop((first, leaving.pop()));
    }
    for client in &mut staying {
        assert_eq!(client.count_events(EVENTS).await, EVENTS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_read_does_not_prevent_it() {
    let server = Server::start(StreamConfig::default()).await;
    let mut client = server.connect().await;
    client
        .send("HEAD /events HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    let head = client.read_until("\r\n\r\n").await;
    assert!(head.contains("content-type: text/event-stream"), "{head}");
    client
        .send("GET /events HTTP/1.1\r\nhost: a\r\naccept: text/html\r\n\r\n")
        .await;
    assert!(
        client
            .read_until("event-stream")
            .await
            .starts_with("HTTP/1.1 406 ")
    );
    open(&mut client, GET).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_gets_a_stream_without_chunks() {
    let server = Server::start(StreamConfig::default()).await;
    let mut client = server.connect().await;
    client
        .send("GET /events HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        .await;
    client.read_until("\r\n\r\n:\n\n").await;
    server.publish("one").await;
    assert_eq!(client.read_until("\n\n").await, "id: 1\ndata: one\n\n");
    server.hub.close(close_event());
    assert!(client.read_to_end().await.ends_with("data: bye\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_only_finished_its_requests_gets_events() {
    let server = Server::start(StreamConfig::default()).await;
    let mut client = server.connect().await;
    open(&mut client, GET).await;
    client.0.shutdown().await.unwrap();
    for _ in 0..2 {
        assert_eq!(client.read_until(":\n\n\r\n").await, "3\r\n:\n\n\r\n");
    }
    server.publish("one").await;
    client.read_until("one\n\n\r\n").await;
    server.hub.close(close_event());
    assert!(client.read_to_end().await.ends_with(LAST));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_are_gone_are_noticed() {
    let server = Server::start(StreamConfig::default()).await;
    for reset in [false, true] {
        let mut client = server.connect().await;
        open(&mut client, GET).await;
        assert_eq!(server.tracker.open_streams(), 1);
        if reset {
            client.0.set_zero_linger().unwrap();
        }
        drop(client);
        timeout(Duration::from_secs(10), async {
            while server.tracker.open_streams() > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        })
        .await
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_streams_are_kept_alive_and_end_at_their_maximum_age() {
    let keep_alive = KeepAlive::new().interval(Duration::from_millis(100));
    let age = Duration::from_millis(450)..=Duration::from_millis(450);
    let server = Server::start(
        StreamConfig::default()
            .keep_alive(keep_alive)
            .max_age(age)
            .reconnection_time(Duration::from_secs(7)),
    )
    .await;
    let mut client = server.connect().await;
    open(
        &mut client,
        "GET /events HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    )
    .await;
    server.publish("one").await;
    assert_eq!(
        client.read_until("one\n\n\r\n").await,
        "1d\r\nretry: 7000\nid: 1\ndata: one\n\n\r\n"
    );
    let rest = client.read_to_end().await;
    let comments = rest.matches("3\r\n:\n\n\r\n").count();
    assert!((1..=4).contains(&comments), "{rest}");
    assert!(rest.ends_with(LAST), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stalls_gets_everything_when_it_reads_again() {
    const EVENTS: usize = 400;
    let server = Server::start(StreamConfig::default()).await;
    let mut client = server.connect().await;
    open(&mut client, GET).await;
    let mut other = server.connect().await;
    open(&mut other, GET).await;
    let data = Arc::<str>::from("x".repeat(50_000));
    let reading = tokio::spawn(async move { other.count_events(EVENTS).await });
    for number in 1..=EVENTS {
        server.publish(format!("{data}{number}!")).await;
        sleep(Duration::from_millis(1)).await;
    }
    // 20 MB are more than the buffers of the sockets take.
    let expected = reading.await.unwrap();
    assert_eq!(expected, EVENTS);
    assert_eq!(client.count_events(EVENTS).await, EVENTS);
}

/// Authorizer whose first grant expires soon. Then it does this.
#[derive(Clone)]
struct Expiring {
    then: fn() -> Result<Grant, Denied>,
    was_asked: Arc<AtomicBool>,
}

impl Authorizer for Expiring {
    fn authorize(&self, _: &TopicFilters) -> BoxFuture<'static, Result<Grant, Denied>> {
        let (is_second, then) = (self.was_asked.swap(true, Ordering::Relaxed), self.then);
        async move {
            if is_second {
                return then();
            }
            Ok(Grant::expires_in(Duration::from_millis(10)))
        }
        .boxed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_expires_on_time() {
    let server = Server::start(StreamConfig::default()).await;
    let mut neighbour = server.connect().await;
    open(&mut neighbour, GET).await;
    for then in [
        || Err(Denied::new("no longer")),
        (|| panic!("an authorizer panics")) as fn() -> Result<Grant, Denied>,
    ] {
        server.authorizer.lock().unwrap().replace(Expiring {
            then,
            was_asked: Arc::default(),
        });
        let mut client = server.connect().await;
        open(
            &mut client,
            "GET /authorized HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        )
        .await;
        server.publish("one").await;
        client.read_until("one\n\n\r\n").await;
        // A grant lasts at least a second.
        let rest = client.read_to_end().await;
        assert!(
            rest.is_empty() || rest.contains("event: denied\n"),
            "{rest}"
        );
        neighbour.read_until("one\n\n\r\n").await;
    }
    server.publish("two").await;
    neighbour.read_until("two\n\n\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_resumes_after_its_last_event() {
    let server = Server::start(StreamConfig::default()).await;
    for number in 1..=5 {
        server.publish(format!("event {number}")).await;
    }
    let mut client = server.connect().await;
    open(
        &mut client,
        "GET /events HTTP/1.1\r\nhost: a\r\nlast-event-id: 3\r\n\r\n",
    )
    .await;
    let replayed = client.read_until("event 5\n\n\r\n").await;
    assert!(replayed.contains("id: 4\n") && !replayed.contains("id: 3\n"));
    server.publish("event 6").await;
    client.read_until("event 6\n\n\r\n").await;
    let mut unknown = server.connect().await;
    open(
        &mut unknown,
        "GET /events HTTP/1.1\r\nhost: a\r\nlast-event-id: x\r\n\r\n",
    )
    .await;
    unknown.read_until("{\"reason\":\"unknown\"}\n\n\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_too_slow_is_told_so() {
    let server = Server::start(StreamConfig::default()).await;
    let mut client = server.connect().await;
    open(&mut client, GET).await;
    let data = "x".repeat(500_000);
    // More than the log keeps, and more than the sockets take.
    for _ in 0..200 {
        server.publish(&*data).await;
        sleep(Duration::from_millis(1)).await;
    }
    let mut rest = Vec::new();
    timeout(Duration::from_secs(20), async {
        while !rest.ends_with(LAST.as_bytes()) {
            let mut buffer = vec![0; 1 << 16];
            let length = client.0.read(&mut buffer).await.unwrap();
            assert_ne!(length, 0);
            rest.extend_from_slice(&buffer[..length]);
        }
    })
    .await
    .unwrap();
    let rest = String::from_utf8(rest).unwrap();
    let (_, last) = rest.rsplit_once("event: lagged\n").unwrap();
    assert!(last.contains("\"behind\":"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_loses_its_connection() {
    let server = Server::with_write_timeout(Duration::from_millis(300)).await;
    let mut client = server.connect().await;
    open(&mut client, GET).await;
    let data = "x".repeat(1_000_000);
    for _ in 0..10 {
        server.publish(&*data).await;
    }
    timeout(Duration::from_secs(10), async {
        while server.tracker.open_streams() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_clients_get_each_event_once_while_four_publish() {
    const CLIENTS: usize = 50;
    const EVENTS: u64 = 2_000;
    let server = Server::start(StreamConfig::default()).await;
    let publishers: Vec<_> = (0..4)
        .map(|_| {
            let server = server.clone();
            tokio::spawn(async move {
                for _ in 0..EVENTS / 4 {
                    server.publish("!").await;
                    sleep(Duration::from_micros(200)).await;
                }
            })
        })
        .collect();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|index| {
            let server = server.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(index as u64 * 5)).await;
                let mut client = server.connect().await;
                let request = "GET /events HTTP/1.1\r\nhost: a\r\nlast-event-id: 0\r\n\r\n";
                open(&mut client, request).await;
                let mut text = Vec::new();
                let last = format!("id: {EVENTS}\ndata: !\n\n\r\n");
                while !text.ends_with(last.as_bytes()) {
                    let mut buffer = vec![0; 1 << 16];
                    let length = client.0.read(&mut buffer).await.unwrap();
                    assert_ne!(length, 0);
                    text.extend_from_slice(&buffer[..length]);
                }
                let text = String::from_utf8(text).unwrap();
                let ids = text
                    .split('\n')
                    .filter_map(|line| line.strip_prefix("id: "));
                ids.map(str::to_owned).collect::<Vec<_>>()
            })
        })
        .collect();
    let expected: Vec<_> = (1..=EVENTS).map(|id| id.to_string()).collect();
    for client in clients {
        let ids = timeout(Duration::from_secs(30), client).await.unwrap();
        assert_eq!(ids.unwrap(), expected);
    }
    for publisher in publishers {
        publisher.await.unwrap();
    }
}
