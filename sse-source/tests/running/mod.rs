//! Contract test service as a process, and a listener for its callbacks.
#![allow(dead_code, reason = "each test uses only a part")]

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::LOCATION};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use serde_json::{Value, json};
use testkit::{example::Example, timeout::test_timeout};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

pub(crate) struct Service {
    pub(crate) example: Example,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts the service with these environment variables.
    pub(crate) fn start_with(variables: &[(&str, &Path)]) -> Self {
        Self {
            example: Example::start_with("contract_service", variables),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Sends a request, and returns the status, `Location` and the body of the response.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: impl ToString,
    ) -> (StatusCode, Option<String>, String) {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1:{}{path}", self.example.port))
            .body(Full::from(body.to_string()))
            .unwrap();
        let response = timeout(test_timeout(), self.client.request(request)).await;
        let (head, body) = response.expect("a response in time").unwrap().into_parts();
        let location = head.headers.get(LOCATION);
        let location = location.map(|value| value.to_str().unwrap().to_owned());
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.into()).unwrap();
        (head.status, location, body)
    }

    /// Opens a stream with minimal delays, and returns its location.
    pub(crate) async fn open(&self, stream: &str, listener: &Listener, more: Value) -> String {
        let mut parameters = json!({
            "streamUrl": stream,
            "callbackUrl": listener.url(),
            "tag": "a test",
            "initialDelayMs": 0,
        });
        let Value::Object(more) = more else {
            panic!("{more} is not an object")
        };
        parameters.as_object_mut().unwrap().extend(more);
        let (status, location, body) = self.send(Method::POST, "/", parameters).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        location.expect("a location")
    }

    pub(crate) async fn command(&self, location: &str, command: Value) -> StatusCode {
        self.send(Method::POST, location, command).await.0
    }

    pub(crate) async fn close(&self, location: &str) {
        let (status, _, body) = self.send(Method::DELETE, location, "").await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    }
}

/// Server that receives callbacks.
pub(crate) struct Listener {
    address: SocketAddr,
    heard: mpsc::UnboundedReceiver<(String, Value)>,
    /// Delay before the response to a callback.
    pub(crate) pause: Arc<Mutex<Duration>>,
    count: u64,
}

impl Listener {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, heard) = mpsc::unbounded_channel();
        let pause = Arc::<Mutex<Duration>>::default();
        let shared_pause = Arc::clone(&pause);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let (sender, shared_pause) = (sender.clone(), Arc::clone(&shared_pause));
                let service = service_fn(move |request| {
                    let pause = *shared_pause.lock().unwrap_or_else(PoisonError::into_inner);
                    receive_callback(request, sender.clone(), pause)
                });
                let connection = TokioIo::new(connection);
                tokio::spawn(http1::Builder::new().serve_connection(connection, service));
            }
        });
        Self {
            address,
            heard,
            pause,
            count: 0,
        }
    }

    fn url(&self) -> String {
        format!("http://{}/calls", self.address)
    }

    /// Returns the next callback, and checks that it has the next number.
    pub(crate) async fn next(&mut self) -> Value {
        let callback = timeout(test_timeout(), self.heard.recv()).await;
        let (path, callback) = callback.expect("a callback in time").unwrap();
        self.count += 1;
        assert_eq!(path, format!("/calls/{}", self.count), "{callback}");
        callback
    }

    /// Returns the text of the next callback, which must be an error.
    pub(crate) async fn error(&mut self) -> String {
        let callback = self.next().await;
        assert_eq!(callback["kind"], "error", "{callback}");
        callback["error"].as_str().expect("a text").to_owned()
    }

    /// Returns type, data and ID of the next callback, which must be an event.
    pub(crate) async fn event(&mut self) -> [String; 3] {
        let callback = self.next().await;
        assert_eq!(callback["kind"], "event", "{callback}");
        ["type", "data", "id"].map(|name| {
            let text = callback["event"][name].as_str();
            text.unwrap_or_else(|| panic!("{callback}")).to_owned()
        })
    }

    /// Panics if a callback arrives within this time.
    pub(crate) async fn hears_nothing_for(&mut self, time: Duration) {
        if let Ok(callback) = timeout(time, self.heard.recv()).await {
            panic!("{callback:?}");
        }
    }

    /// Drops the callbacks that have arrived, and returns their number.
    pub(crate) fn skip(&mut self) -> usize {
        let mut count = 0;
        while self.heard.try_recv().is_ok() {
            count += 1;
        }
        count
    }
}

async fn receive_callback(
    request: Request<Incoming>,
    sender: mpsc::UnboundedSender<(String, Value)>,
    pause: Duration,
) -> Result<Response<String>, Infallible> {
    assert_eq!(request.method(), Method::POST);
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let _ = sender.send((path, serde_json::from_slice(&body).unwrap()));
    tokio::time::sleep(pause).await;
    Ok(Response::new(String::new()))
}
