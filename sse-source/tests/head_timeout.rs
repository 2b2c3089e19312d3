//! Timeouts for connecting and for the head of a response.

mod support;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::StreamExt;
use sse_source::{DisconnectReason, Error, EventSource, Item, Transport};
use support::{next, soon, stream};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
    time::timeout,
};

/// Server that sends the head with the first event, as soon as the test allows it.
struct LateServer {
    url: String,
    was_asked: Arc<Notify>,
    may_answer: Arc<Notify>,
}

impl LateServer {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = Self {
            url: format!("http://{}/", listener.local_addr().unwrap()),
            was_asked: Arc::default(),
            may_answer: Arc::default(),
        };
        let (was_asked, may_answer) = (server.was_asked.clone(), server.may_answer.clone());
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let count = connection.read(&mut [0; 4096]).await.unwrap();
            assert!(count > 0);
            was_asked.notify_one();
            may_answer.notified().await;
            let answer = stream("data: a\n\n");
            connection.write_all(&answer).await.unwrap();
            core::future::pending::<()>().await;
        });
        server
    }

    /// Lets the server answer after this time. The clock skips the time.
    async fn answer_after(&self, time: Duration) {
        let was_asked = timeout(test_timeout(), self.was_asked.notified());
        was_asked.await.expect("a request");
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
        self.may_answer.notify_one();
    }
}

#[tokio::test]
async fn a_single_request_waits_for_the_head_without_a_limit() {
    let server = LateServer::start().await;
    let request = EventSource::get(&server.url).send();
    let event = tokio::spawn(async { request.await?.next().await.expect("an event") });
    server.answer_after(Duration::from_secs(24 * 60 * 60)).await;
    let event = timeout(test_timeout(), event)
        .await
        .expect("an event in time");
    assert!(matches!(event.unwrap(), Ok(Item::Event(_))));
}

#[tokio::test]
async fn a_source_waits_for_minutes() {
    let server = LateServer::start().await;
    let mut source = EventSource::get(&server.url).build().unwrap();
    let first = tokio::spawn(async move { source.next().await.expect("an item") });
    server.answer_after(Duration::from_secs(4 * 60)).await;
    let first = timeout(test_timeout(), first).await;
    let first = first.expect("an item in time").unwrap();
    assert!(matches!(first, Ok(Item::Open(_))), "{first:?}");
}

/// Starts a server whose queue of connections is full, so that it does not accept another one.
async fn full_server() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut connections = Vec::new();
    while let Ok(connection) =
        timeout(Duration::from_millis(500), TcpStream::connect(address)).await
    {
        connections.push(connection.unwrap());
    }
    (address, listener, connections)
}

#[tokio::test]
async fn a_connection_has_a_time_limit() {
    let (full, _listener, _connections) = full_server().await;
    // This server accepts connections, but does not shake hands for TLS.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let silent_address = silent.local_addr().unwrap();
    for url in [
        format!("http://{full}/"),
        format!("https://{silent_address}/"),
    ] {
        let limit = Some(Duration::from_millis(100));
        let transport = Transport::builder().connect_timeout(limit).build();
        let get = || {
            EventSource::get(&url)
                .config(soon().head_timeout(None))
                .transport(transport.clone())
        };
        match next(&mut get().build().unwrap()).await {
            Some(Ok(Item::Disconnected(it))) => {
                assert_eq!(it.reason, DisconnectReason::NetworkError);
                let cause = it.cause().to_string();
                assert!(
                    cause.contains("connecting took longer than 100ms"),
                    "{cause}"
                );
            }
            other => panic!("{other:?}"),
        }
        let error = get().send().await.unwrap_err();
        assert!(matches!(error, Error::Network(_)), "{error:?}");
    }
}
