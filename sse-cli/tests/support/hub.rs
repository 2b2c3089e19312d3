//! The hub as a process, and its clients.

use std::{process::Command, time::Duration};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, Method, Request, header::AUTHORIZATION};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use sse_source::{Builder, EventSource, Item};
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{Running, sse};

/// Token of publishers.
pub(crate) const TOKEN: &str = "for-publishers";

pub(crate) struct Hub {
    pub(crate) running: Running,
    /// IP address and port.
    pub(crate) address: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// Response to a request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    /// Returns the value of a header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

impl Hub {
    pub(crate) fn start<const N: usize>(options: [&str; N]) -> Self {
        let listen = ["--listen=127.0.0.1:0"];
        let has_address = options.iter().any(|option| option.starts_with("--listen"));
        let mut command = sse(["hub"]);
        command.args(&listen[..usize::from(!has_address)]);
        Self::start_command(command.args(options).env("SSE_HUB_PUBLISH_TOKEN", TOKEN))
    }

    /// Starts the hub with a complete command line.
    pub(crate) fn start_command(command: &mut Command) -> Self {
        let mut running = Running::start(command);
        running.stdout.expect("/\n");
        let line = running.stdout.seen();
        let address = line
            .strip_prefix("http://")
            .and_then(|url| url.strip_suffix("/\n"));
        Self {
            address: address.expect("a URL").to_owned(),
            running,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Returns a builder for a request.
    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let uri = format!("http://{}{path}", self.address);
        Request::builder().method(method).uri(uri)
    }

    pub(crate) async fn send(
        &self,
        request: http::request::Builder,
        body: impl Into<Bytes>,
    ) -> Reply {
        let request = request.body(Full::new(body.into())).unwrap();
        let response = timeout(test_timeout(), self.client.request(request));
        let (head, body) = response.await.unwrap().unwrap().into_parts();
        let body = timeout(test_timeout(), body.collect())
            .await
            .unwrap()
            .unwrap();
        Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            text: String::from_utf8(body.to_bytes().to_vec()).unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path), "").await
    }

    /// Sends a publication with the token.
    pub(crate) async fn publish(
        &self,
        query: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Reply {
        let request = self
            .request(Method::POST, &format!("/publish{query}"))
            .header(AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header("content-type", content_type);
        self.send(request, body).await
    }

    /// Publishes an event, and returns its ID. Panics if the hub refuses it.
    pub(crate) async fn news(&self, topic: &str, data: &str) -> String {
        let json = serde_json::json!({"topic": topic, "data": data});
        let reply = self.publish("", "application/json", json.to_string()).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let answer: serde_json::Value = serde_json::from_str(&reply.text).unwrap();
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Creates a subscriber, and waits until its stream is open.
    pub(crate) async fn follow(&self, query: &str) -> Follower {
        Follower::new(self.source(query)).await
    }

    pub(crate) fn source(&self, query: &str) -> Builder {
        EventSource::get(format!("http://{}/events?{query}", self.address))
    }

    /// Sends the request of a subscriber that does not read.
    pub(crate) async fn open_stream(&self, query: &str) -> TcpStream {
        let mut connection = TcpStream::connect(&self.address).await.unwrap();
        let request = format!("GET /events?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        connection
    }

    /// Sends these bytes, piece by piece, and returns the status of the response after the server has closed the
    /// connection.
    pub(crate) async fn status(&self, pieces: &[&str]) -> u16 {
        let answer = self.exchange(pieces).await;
        let status = answer
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.get(2..5));
        let status = status.unwrap_or_else(|| panic!("no status: {answer:?}"));
        serde_json::from_str(status).unwrap()
    }

    /// Sends these bytes, piece by piece, and returns all bytes until the server closes the connection.
    pub(crate) async fn exchange(&self, pieces: &[&str]) -> String {
        let mut connection = TcpStream::connect(&self.address).await.unwrap();
        connection.set_nodelay(true).unwrap();
        let mut answer = Vec::new();
        for piece in pieces {
            // The server may have answered and closed the connection before all pieces are sent.
            if connection.write_all(piece.as_bytes()).await.is_err() {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        let reading = timeout(test_timeout(), connection.read_to_end(&mut answer));
        let result = reading.await.expect("the server closes the connection");
        assert!(!answer.is_empty(), "{result:?}");
        String::from_utf8(answer).unwrap()
    }

    /// Returns the value of a metric.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await.text;
        let mut lines = text.split('\n');
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.unwrap_or_else(|| panic!("no {name} in {text}"));
        serde_json::from_str(value).unwrap()
    }

    /// Waits until a metric has this value.
    pub(crate) async fn becomes(&self, name: &str, expected: u64) {
        let mut value = None;
        let waiting = timeout(test_timeout(), async {
            while value != Some(expected) {
                sleep(Duration::from_millis(20)).await;
                value = Some(self.metric(name).await);
            }
        });
        let result = waiting.await;
        assert!(result.is_ok(), "{name} is {value:?}, expected {expected}");
    }

    /// Returns the resident memory of the process, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        self.status_value("VmRSS:")
    }

    /// Returns the peak of the resident memory so far, in KiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.status_value("VmHWM:")
    }

    fn status_value(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.running.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let (_, value) = status.split_once(name).unwrap();
        let digits = value.trim_start().split(' ').next().unwrap();
        serde_json::from_str(digits).unwrap()
    }
}

/// Subscriber that reads its stream.
pub(crate) struct Follower {
    source: EventSource,
}

impl Follower {
    pub(crate) async fn new(builder: Builder) -> Self {
        let mut follower = Self {
            source: builder.build().unwrap(),
        };
        let item = follower.item().await;
        assert!(matches!(item, Item::Open(_)), "{item:?}");
        follower
    }

    /// Returns the next item or error, or `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Item, sse_source::Error>> {
        let item = timeout(test_timeout(), self.source.next());
        item.await.expect("an item in time")
    }

    /// Returns the next item that is not an event of the type `position`.
    pub(crate) async fn item(&mut self) -> Item {
        loop {
            let item = timeout(test_timeout(), self.source.next()).await;
            match item.expect("an item in time").expect("no end").unwrap() {
                Item::Event(event) if event.event_type == "position" => {}
                item => return item,
            }
        }
    }

    /// Returns the next event as type, ID and data.
    pub(crate) async fn event(&mut self) -> (String, String, String) {
        loop {
            match self.item().await {
                Item::Event(event) => {
                    return (
                        event.event_type,
                        event.last_event_id.to_string(),
                        event.data,
                    );
                }
                Item::Comment(_) | Item::Retry(_) => {}
                item => panic!("{item:?}"),
            }
        }
    }

    /// Returns the data of the next event. Ignores disconnections: on a busy machine, the hub may take this subscriber
    /// for one that does not read.
    pub(crate) async fn data_after_all(&mut self) -> String {
        loop {
            if let Item::Event(event) = self.item().await {
                return event.data;
            }
        }
    }

    /// Returns the data of the next event.
    pub(crate) async fn data(&mut self) -> String {
        self.event().await.2
    }
}
