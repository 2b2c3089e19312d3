//! HTTP/2 with prior knowledge: streams that share a connection, and dead connections.

mod support;

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, future, stream};
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sse_source::{BoxError, ClientConfig, DisconnectReason, EventSource, Item, Transport};
use support::{end, events, next, soon};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::{sleep, timeout},
};

/// Idle timeout in the test of dead connections.
const IDLE_TIMEOUT: Duration = Duration::from_millis(400);

/// Number of events of a flood, each in its own frame.
const FLOOD_EVENTS: usize = 60_000;

struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// Makes the first connection go away.
    leave: Arc<Notify>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            leave: Arc::default(),
        };
        let connections = Arc::clone(&server.connections);
        let leave = Arc::clone(&server.leave);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let is_first = connections.fetch_add(1, Ordering::Relaxed) == 0;
                tokio::spawn(serve(connection, is_first.then(|| Arc::clone(&leave))));
            }
        });
        server
    }

    fn source(&self, path: &str, transport: &Transport) -> EventSource {
        self.source_with(path, transport, soon())
    }

    fn source_with(&self, path: &str, transport: &Transport, config: ClientConfig) -> EventSource {
        EventSource::get(format!("http://{}{path}", self.address))
            .transport(transport.clone())
            .config(config)
            .build()
            .unwrap()
    }
}

/// Serves a connection until the client leaves, or until the connection is told to go away. It then serves no new
/// streams, and cuts the open ones.
async fn serve(connection: TcpStream, leave: Option<Arc<Notify>>) {
    let connection = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(connection), service_fn(respond));
    let mut connection = pin!(connection);
    let leave = leave.unwrap_or_default();
    tokio::select! {
        _ = connection.as_mut() => return,
        () = leave.notified() => connection.as_mut().graceful_shutdown(),
    }
    // GOAWAY is sent in this time.
    let _ = timeout(Duration::from_millis(200), connection).await;
}

type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Responds with an event that holds the last event ID of the request, and then as the path says.
async fn respond(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    if let Some(location) = request.uri().path().strip_prefix("/moved/") {
        let location = format!("http://{location}/");
        let response = Response::builder().status(302).header("location", location);
        return Ok(response.body(UnsyncBoxBody::default()).unwrap());
    }
    if request.uri().path() == "/flood" {
        let frames = (0..FLOOD_EVENTS).map(|number| Bytes::from(format!("data: {number}\n\n")));
        let body = StreamBody::new(stream::iter(frames.map(Frame::data).map(Ok)));
        let response = Response::builder().header("content-type", "text/event-stream");
        return Ok(response.body(body.boxed_unsync()).unwrap());
    }
    let id = request.headers().get("last-event-id");
    let id = id.map_or("none", |id| id.to_str().unwrap());
    let first = Bytes::from(format!("id: 1\ndata: after {id}\n\n"));
    let alive = stream::repeat_with(|| Ok(Frame::data(Bytes::from(":\n"))));
    let rest = match request.uri().path() {
        "/broken" => stream::once(future::ready(Err("broken".into()))).boxed(),
        "/ended" => stream::empty().boxed(),
        _ => alive.boxed(),
    };
    let frames = stream::iter([Ok(Frame::data(first))]).chain(rest);
    let paced = frames.then(|frame| async {
        sleep(Duration::from_millis(20)).await;
        frame
    });
    let body = StreamBody::new(paced).boxed_unsync();
    let response = Response::builder().header("content-type", "text/event-stream");
    Ok(response.body(body).unwrap())
}

/// Starts a proxy that passes on all bytes. After `die`, its first connection passes on nothing, like a network that is
/// gone.
async fn start_proxy(server: SocketAddr, die: Arc<Notify>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut first = Some(die);
        while let Ok((mut client, _)) = listener.accept().await {
            let die = first.take().unwrap_or_default();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(server).await.unwrap();
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut server) => {}
                    () = die.notified() => {}
                }
                future::pending::<()>().await;
            });
        }
    });
    address
}

#[tokio::test]
async fn a_stream_that_is_reset_or_ends_is_taken_up_again_on_its_connection() {
    for (path, reason) in [
        ("/broken", DisconnectReason::NetworkError),
        ("/ended", DisconnectReason::EndOfStream),
    ] {
        let server = Server::start().await;
        let mut source = server.source(path, &Transport::http2_prior_knowledge());
        assert_eq!(events(&mut source, 1).await, ["after none"]);
        assert_eq!(end(&mut source).await, reason);
        assert_eq!(events(&mut source, 2).await, ["after 1", "after 1"]);
        assert_eq!(server.connections.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn sources_that_share_a_connection_do_not_disturb_each_other() {
    let server = Server::start().await;
    let transport = Transport::http2_prior_knowledge();
    let mut one = server.source("/", &transport);
    let mut two = server.source("/", &transport);
    assert_eq!(events(&mut one, 1).await, ["after none"]);
    assert_eq!(events(&mut two, 1).await, ["after none"]);
    drop(one);
    assert!(matches!(next(&mut two).await, Some(Ok(Item::Comment(_)))));
    let mut one = server.source("/", &transport);
    assert_eq!(events(&mut one, 1).await, ["after none"]);
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_server_that_goes_away_is_followed() {
    let server = Server::start().await;
    let transport = Transport::http2_prior_knowledge();
    let mut source = server.source("/", &transport);
    assert_eq!(events(&mut source, 1).await, ["after none"]);
    server.leave.notify_one();
    assert_eq!(end(&mut source).await, DisconnectReason::NetworkError);
    assert_eq!(events(&mut source, 1).await, ["after 1"]);
    assert_eq!(server.connections.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_connection_that_is_dead_is_not_used_again() {
    for is_moved in [false, true] {
        let mut server = Server::start().await;
        let die = Arc::<Notify>::default();
        let proxy = start_proxy(server.address, Arc::clone(&die)).await;
        let path = match is_moved {
            true => format!("/moved/{proxy}"),
            false => {
                server.address = proxy;
                "/".to_owned()
            }
        };
        // No timeout for the response: a request on the dead connection would wait for ever.
        let config = soon().head_timeout(None).idle_timeout(Some(IDLE_TIMEOUT));
        let mut source = server.source_with(&path, &Transport::http2_prior_knowledge(), config);
        assert_eq!(events(&mut source, 1).await, ["after none"]);
        die.notify_one();
        assert_eq!(end(&mut source).await, DisconnectReason::IdleTimeout);
        assert_eq!(events(&mut source, 1).await, ["after 1"]);
    }
}

#[tokio::test]
async fn a_flood_of_small_frames_waits_for_a_slow_reader() {
    let server = Server::start().await;
    let transport = Transport::http2_prior_knowledge();
    let mut sources: Vec<_> = (0..3)
        .map(|_| server.source("/flood", &transport))
        .collect();
    for source in &mut sources {
        events(source, 1).await;
    }
    // This is enough time for all bytes that the windows allow.
    sleep(Duration::from_millis(400)).await;
    for source in &mut sources {
        let last = events(source, FLOOD_EVENTS - 1).await.pop();
        assert_eq!(last, Some((FLOOD_EVENTS - 1).to_string()));
        assert_eq!(end(source).await, DisconnectReason::EndOfStream);
    }
}
