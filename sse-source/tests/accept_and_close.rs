//! Servers that accept and then close, in every way. The client hammers none of them, whatever the server
//! asks for and whatever the caller does.

mod support;

use std::{cell::Cell, pin::pin, time::Duration};

use bytes::Bytes;
use futures_util::{
    StreamExt,
    future::{join, join_all, select},
};
use http::Response;
use http_body_util::Full;
use hyper::{server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sse_source::{ClientConfig, EventSource, Transport};
use support::{respond, stream};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};

/// Time in which the connections are counted.
const COUNTING_TIME: Duration = Duration::from_secs(4);
/// Maximum number of connections in that time.
const MAX_CONNECTIONS: usize = 10;

/// SETTINGS, and a GOAWAY after which no stream is served
/// ([RFC 9113, 6.8](https://www.rfc-editor.org/rfc/rfc9113#section-6.8)).
const GOES_AWAY: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Behaviour of the server on each connection.
#[derive(Clone, Copy)]
enum Shape {
    /// Closes it at once.
    Closes,
    /// Resets it at once.
    Resets,
    /// Sends bytes at once to a client that speaks HTTP/2, and closes it.
    Http2(&'static [u8]),
    /// Sends an event over HTTP/2, and goes away.
    Http2Event,
    /// Reads the request, sends the answer for the connection with this number, and closes it.
    Answers(fn(usize) -> Vec<u8>),
    /// Resets it after the answer.
    AnswersAndResets(fn(usize) -> Vec<u8>),
}

const SHAPES: [(&str, Shape); 18] = [
    ("close", Shape::Closes),
    ("reset", Shape::Resets),
    ("nothing", Shape::Answers(|_| Vec::new())),
    ("half a head", Shape::Answers(|_| b"HTTP/1.1 200 O".into())),
    ("no HTTP", Shape::Answers(|_| b"go away\r\n\r\n".into())),
    ("503", Shape::Answers(|_| refusal("503 Busy"))),
    ("429", Shape::Answers(|_| refusal("429 Too Many Requests"))),
    ("a head", Shape::Answers(|_| stream(""))),
    ("no chunks", Shape::Answers(|_| chunked(""))),
    ("retry", Shape::Answers(|_| stream("retry: 0\n\n"))),
    ("a comment", Shape::Answers(|_| stream("retry: 0\n:\n\n"))),
    (
        "half an event",
        Shape::Answers(|_| stream("retry: 0\ndata\n")),
    ),
    ("an event", Shape::Answers(|n| stream(event(n)))),
    ("an event, chunked", Shape::Answers(|n| chunked(&event(n)))),
    (
        "an event, RST",
        Shape::AnswersAndResets(|n| stream(event(n))),
    ),
    ("HTTP/2, nothing", Shape::Http2(b"")),
    ("HTTP/2, GOAWAY", Shape::Http2(GOES_AWAY)),
    ("HTTP/2, an event", Shape::Http2Event),
];

/// Returns another event for each number.
fn event(number: usize) -> String {
    format!("retry: 0\nid: {number}\ndata: {number}\n\n")
}

fn refusal(status: &str) -> Vec<u8> {
    respond(status, "Retry-After: 0\r\n", "")
}

/// Returns a response after which the connection can be used again.
fn chunked(body: &str) -> Vec<u8> {
    let mut response = Vec::from(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    if !body.is_empty() {
        response.extend(format!("{:x}\r\n{body}\r\n", body.len()).bytes());
    }
    response.extend_from_slice(b"0\r\n\r\n");
    response
}

#[tokio::test]
async fn no_server_is_hammered() {
    let counts = SHAPES.map(|(name, shape)| async move { (name, connections(shape).await) });
    for (name, count) in join_all(counts).await {
        eprintln!("{count:>2} connections: {name}");
        assert!(count <= MAX_CONNECTIONS, "{name}: {count} connections");
    }
}

/// Returns the number of connections of a client whose reconnection time is 0.
async fn connections(shape: Shape) -> usize {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let transport = match shape {
        Shape::Http2(_) | Shape::Http2Event => Transport::http2_prior_knowledge(),
        _ => Transport::new(),
    };
    let mut source = EventSource::get(format!("http://{address}/"))
        .transport(transport)
        .config(ClientConfig::default().reconnection_time(Duration::ZERO))
        .build()
        .unwrap();
    let count = Cell::new(0);
    let server = async {
        while let Ok((connection, _)) = listener.accept().await {
            count.set(count.get() + 1);
            tokio::spawn(shape.serve(connection, count.get()));
        }
    };
    let client = async {
        loop {
            match source.next().await {
                Some(Ok(_)) => {}
                end => panic!("{end:?}"),
            }
        }
    };
    let mut both = pin!(join(server, client));
    let _: Result<((), ()), _> = timeout(COUNTING_TIME, both.as_mut()).await;
    let in_time = count.get();
    // The client must come back, however slow a busy machine is.
    let back = pin!(async {
        while count.get() < 2 {
            sleep(COUNTING_TIME / 100).await;
        }
    });
    let back = timeout(test_timeout(), select(both, back)).await;
    assert!(back.is_ok(), "the client does not come back");
    in_time
}

impl Shape {
    async fn serve(self, mut connection: TcpStream, number: usize) {
        let (answer, resets) = match self {
            Self::Closes => return,
            Self::Resets => (Vec::new(), true),
            Self::Http2Event => return serve_http2(connection, number).await,
            Self::Http2(answer) => (answer.to_owned(), false),
            Self::Answers(answer) => (answer(number), false),
            Self::AnswersAndResets(answer) => (answer(number), true),
        };
        if let Self::Answers(_) | Self::AnswersAndResets(_) = self {
            let _ = connection.read(&mut [0; 1024]).await;
        }
        let _ = connection.write_all(&answer).await;
        if resets {
            connection.set_zero_linger().unwrap();
        }
    }
}

async fn serve_http2(connection: TcpStream, number: usize) {
    let service = service_fn(|_| async move {
        let response = Response::builder().header("content-type", "text/event-stream");
        response.body(Full::new(Bytes::from(event(number))))
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(connection), service);
    let mut connection = pin!(connection);
    let _ = timeout(COUNTING_TIME / 20, connection.as_mut()).await;
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
