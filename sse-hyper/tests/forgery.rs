//! Values of `testdata/forgery/` in the responses of a server, which are read from a socket.

use std::{convert::Infallible, net::SocketAddr};

use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body_util::Either;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use sse_hyper::{Encoded, Event, EventBody, InvalidValue, StreamTracker};
use sse_proto::Comment;
use testkit::forgery::{Field, Forgery, Verdict, forgeries};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Ways in which a program sends an event.
const WAYS: [&str; 2] = ["event", "encoded"];

type Events = stream::Iter<std::vec::IntoIter<Event>>;
type Shared = stream::Iter<std::vec::IntoIter<Encoded>>;
type Body = Either<Either<EventBody<Events>, EventBody<Shared>>, String>;

#[tokio::test]
async fn a_value_arrives_as_it_was_given_or_is_refused() {
    let address = serve().await;
    for (index, forgery) in forgeries().iter().enumerate() {
        for way in WAYS {
            let (status, body) = get(address, &format!("/{way}/{index}")).await;
            if status == 200 {
                let verdict = forgery.judge(&body);
                assert_eq!(verdict, Verdict::Carried, "{way}: {forgery:?}");
                continue;
            }
            assert_eq!(status, 400, "{forgery:?}");
            let reason = String::from_utf8(body).unwrap();
            let name = match forgery.field {
                Field::Type => "event type: ",
                Field::Id => "event ID: ",
                Field::Data | Field::Comment => panic!("refused: {forgery:?}"),
            };
            assert!(reason.starts_with(name), "{reason}");
            assert!(forgery.value.contains(['\r', '\n', '\0']), "{forgery:?}");
        }
    }
}

/// Starts a server that sends the event of a forgery.
async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let service = service_fn(|request| async move {
                let response = respond(&request).unwrap_or_else(|error| {
                    let mut response = Response::new(Either::Right(error.to_string()));
                    *response.status_mut() = StatusCode::BAD_REQUEST;
                    response
                });
                Ok::<_, Infallible>(response)
            });
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                let connection = TokioIo::new(connection);
                server.serve_connection(connection, service).await
            });
        }
    });
    address
}

fn respond(request: &Request<Incoming>) -> Result<Response<Body>, InvalidValue> {
    let (way, index) = request.uri().path()[1..].split_once('/').unwrap();
    let forgery = &forgeries()[serde_json::from_str::<usize>(index).unwrap()];
    let sse = StreamTracker::default().request(request);
    let shared = |event: Encoded| {
        let response = sse.respond(stream::iter(vec![event]));
        response.map(Either::Right).map(Either::Left)
    };
    if forgery.field == Field::Comment {
        return Ok(shared(Comment::new(&forgery.value).into()));
    }
    let event = event(forgery)?;
    Ok(match way {
        "encoded" => shared(Encoded::from(&event)),
        _ => {
            let response = sse.respond(stream::iter(vec![event]));
            response.map(Either::Left).map(Either::Left)
        }
    })
}

fn event(forgery: &Forgery) -> Result<Event, InvalidValue> {
    let mut event = Event::new(forgery.data());
    if let Some(text) = forgery.event_type() {
        event = event.try_with_type(text)?;
    }
    if let Some(text) = forgery.event_id() {
        event = event.try_with_id(text)?;
    }
    Ok(event)
}

/// Returns the status and the body of a response.
async fn get(address: SocketAddr, path: &str) -> (u16, Vec<u8>) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    connection.read_to_end(&mut response).await.unwrap();
    let end = response
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(response[..end].to_vec()).unwrap();
    let status = serde_json::from_str(&head[9..12]).unwrap();
    let body = &response[end + 4..];
    let body = match head.to_lowercase().contains("transfer-encoding: chunked") {
        true => without_chunks(body),
        false => body.to_vec(),
    };
    (status, body)
}

/// Returns the body that the chunks of HTTP/1.1 have.
fn without_chunks(mut chunks: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = chunks.iter().position(|byte| *byte == b'\r').unwrap();
        let length = str::from_utf8(&chunks[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return body;
        }
        let start = end + 2;
        body.extend_from_slice(&chunks[start..start + length]);
        chunks = &chunks[start + length + 2..];
    }
}
