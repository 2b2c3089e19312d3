//! Server that sends scripted bytes and records its requests.
#![allow(dead_code, reason = "each test uses only a part")]

use std::{
    future,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use sse_source::{ClientConfig, DisconnectReason, Error, EventSource, Item};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::timeout,
};

/// Behaviour of the server on one connection, after the request.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Sends these bytes and ends the connection.
    End(Vec<u8>),
    /// Sends these bytes one by one.
    Drip(Vec<u8>),
    /// Sends these bytes, and resets the connection at [`Server::reset`]. Without bytes, it resets the connection at
    /// once. A reset discards the bytes that the client has not read yet.
    Reset(Vec<u8>),
    /// Sends these bytes, and keeps the connection open.
    Hang(Vec<u8>),
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    reset: Arc<Notify>,
}

impl Server {
    /// Starts a server that uses one answer for each connection, and repeats the last one.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), answers).await
    }

    pub(crate) async fn start_at(
        address: SocketAddr,
        answers: impl IntoIterator<Item = Answer>,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            reset: Arc::default(),
        };
        let requests = Arc::clone(&server.requests);
        let reset = Arc::clone(&server.reset);
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let answer = match &answers[..] {
                    [last] => last.clone(),
                    _ => answers.pop().unwrap(),
                };
                let (requests, reset) = (Arc::clone(&requests), Arc::clone(&reset));
                tokio::spawn(serve(connection, answer, requests, reset));
            }
        });
        server
    }

    /// Lets [`Answer::Reset`] reset its connection. Call it after the client has read all bytes.
    pub(crate) fn reset(&self) {
        self.reset.notify_one();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    /// Returns the requests. The head of each is in lower case.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns the `Last-Event-ID` of each request.
    pub(crate) fn last_event_ids(&self) -> Vec<Option<String>> {
        let id = |request: &String| {
            let (_, rest) = request.split_once("\r\nlast-event-id: ")?;
            Some(rest.split_once("\r\n")?.0.to_owned())
        };
        self.requests().iter().map(id).collect()
    }
}

#[expect(clippy::disallowed_methods, reason = "clients send no plus sign")]
pub(crate) fn number(text: &str) -> Option<usize> {
    text.parse().ok()
}

async fn serve(
    mut connection: TcpStream,
    answer: Answer,
    requests: Arc<Mutex<Vec<String>>>,
    reset: Arc<Notify>,
) {
    let mut request = Vec::new();
    let mut wanted = usize::MAX;
    while request.len() < wanted {
        let mut buffer = [0; 4096];
        match connection.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&buffer[..count]),
        }
        let text = String::from_utf8_lossy(&request).to_lowercase();
        if let Some(head) = text.find("\r\n\r\n") {
            let length = text
                .split_once("\r\ncontent-length: ")
                .and_then(|(_, rest)| number(rest.split_once("\r\n")?.0));
            wanted = head + 4 + length.unwrap_or(0);
        }
    }
    let text = String::from_utf8_lossy(&request);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let note = format!("{}\r\n\r\n{body}", head.to_lowercase());
    requests.lock().unwrap().push(note);
    match answer {
        Answer::End(bytes) => _ = connection.write_all(&bytes).await,
        Answer::Reset(bytes) => {
            if !bytes.is_empty() {
                let _ = connection.write_all(&bytes).await;
                reset.notified().await;
            }
            connection.set_zero_linger().unwrap();
        }
        Answer::Drip(bytes) => {
            connection.set_nodelay(true).unwrap();
            for byte in bytes {
                let _ = connection.write_all(&[byte]).await;
                tokio::task::yield_now().await;
            }
        }
        Answer::Hang(bytes) => {
            let _ = connection.write_all(&bytes).await;
            future::pending::<()>().await;
        }
    }
}

/// Returns a response that is an event stream up to the end of the connection.
pub(crate) fn stream(body: impl AsRef<[u8]>) -> Vec<u8> {
    respond("200 OK", "Content-Type: text/event-stream\r\n", body)
}

pub(crate) fn respond(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n");
    [head.as_bytes(), body.as_ref()].concat()
}

/// Returns a configuration with very short delays.
pub(crate) fn soon() -> ClientConfig {
    ClientConfig::default()
        .reconnection_time(Duration::from_millis(5))
        .min_delay(Duration::from_millis(5))
        .max_delay(Duration::from_millis(200))
        .max_backoff(Duration::from_millis(20))
}

pub(crate) fn source(server: &Server) -> EventSource {
    EventSource::get(server.url())
        .config(soon())
        .build()
        .unwrap()
}

/// Returns the next item, or the error, or `None` at the end.
pub(crate) async fn next(source: &mut EventSource) -> Option<Result<Item, Error>> {
    timeout(test_timeout(), source.next())
        .await
        .expect("an item in time")
}

/// Returns the data of the next events.
pub(crate) async fn events(source: &mut EventSource, count: usize) -> Vec<String> {
    let mut data = Vec::new();
    let (start, limit) = (Instant::now(), test_timeout());
    while data.len() < count {
        assert!(start.elapsed() < limit, "{data:?}");
        match next(source).await {
            Some(Ok(Item::Event(event))) => data.push(event.data),
            Some(Ok(_)) => {}
            other => panic!("{data:?}, then {other:?}"),
        }
    }
    data
}

/// Returns the error that the source ends with.
pub(crate) async fn error(source: &mut EventSource) -> Error {
    loop {
        match next(source).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                assert!(next(source).await.is_none(), "nothing after the error");
                return error;
            }
            None => panic!("the source ended without an error"),
        }
    }
}

/// Returns the reason why the next connection ends.
pub(crate) async fn end(source: &mut EventSource) -> DisconnectReason {
    loop {
        match next(source).await {
            Some(Ok(Item::Disconnected(it))) => return it.reason,
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}
