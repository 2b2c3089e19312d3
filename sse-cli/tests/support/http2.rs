//! Clients of HTTP/2.

use bytes::Bytes;
use h2::{
    RecvStream,
    client::{self, SendRequest},
};
use http::{HeaderMap, Request, StatusCode};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};

/// Connection whose client knows that the server speaks HTTP/2.
pub(crate) struct Http2 {
    pub(crate) send: SendRequest<Bytes>,
    /// Reads and writes the connection. A client without it has stopped.
    pub(crate) task: JoinHandle<Result<(), h2::Error>>,
}

impl Http2 {
    /// Connects without TLS.
    pub(crate) async fn connect(address: &str) -> Self {
        Self::with_window(address, 1 << 20).await
    }

    /// Connects without TLS. The server may send this number of bytes of each response.
    pub(crate) async fn with_window(address: &str, window: u32) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), window).await
    }

    /// Connects over a stream.
    pub(crate) async fn over<Io>(io: Io, window: u32) -> Self
    where
        Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let handshake = client::Builder::new()
            .initial_window_size(window)
            .initial_connection_window_size(16 << 20)
            .handshake(io);
        let (send, connection) = timeout(test_timeout(), handshake).await.unwrap().unwrap();
        Self {
            send,
            task: tokio::spawn(connection),
        }
    }

    /// Sends a request without a body, and returns the head of the response and its body.
    pub(crate) async fn get(&self, uri: &str, headers: HeaderMap) -> (StatusCode, RecvStream) {
        let mut send = timeout(test_timeout(), self.send.clone().ready())
            .await
            .unwrap()
            .unwrap();
        let mut request = Request::get(uri).body(()).unwrap();
        *request.headers_mut() = headers;
        let (response, _) = send.send_request(request, true).unwrap();
        let response = timeout(test_timeout(), response).await.unwrap().unwrap();
        (response.status(), response.into_body())
    }

    /// Opens a stream with the events of these topics.
    pub(crate) async fn subscribe(&self, query: &str) -> RecvStream {
        let uri = format!("http://localhost/events?{query}");
        let (status, body) = self.get(&uri, HeaderMap::new()).await;
        assert_eq!(status, StatusCode::OK);
        body
    }
}

/// Returns the next bytes of a body, and gives the server its window back. `None` at the end.
pub(crate) async fn next_bytes(body: &mut RecvStream) -> Option<Result<Bytes, h2::Error>> {
    let bytes = timeout(test_timeout(), body.data())
        .await
        .expect("in time")?;
    if let Ok(bytes) = &bytes {
        body.flow_control().release_capacity(bytes.len()).unwrap();
    }
    Some(bytes)
}

/// Returns the rest of a body as text.
pub(crate) async fn rest(body: &mut RecvStream) -> String {
    let mut text = Vec::new();
    while let Some(bytes) = next_bytes(body).await {
        text.extend(bytes.unwrap());
    }
    String::from_utf8(text).unwrap()
}

/// Numbers that are the data of the events of a stream.
#[derive(Default)]
pub(crate) struct Numbers {
    pub(crate) seen: Vec<u64>,
    line: Vec<u8>,
}

impl Numbers {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let data = self.line.strip_prefix(b"data: ");
            if let Some(number) = data.and_then(|data| serde_json::from_slice(data).ok()) {
                self.seen.push(number);
            }
            self.line.clear();
        }
    }

    /// Reads a body until it had this number of numbers.
    pub(crate) async fn read(&mut self, body: &mut RecvStream, count: usize) {
        while self.seen.len() < count {
            let bytes = next_bytes(body).await.expect("no end of stream");
            self.push(&bytes.unwrap());
        }
    }
}
