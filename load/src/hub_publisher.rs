//! Connection of publishers to `sse hub`: a request publishes one event.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::{
    Method, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use testkit::hub_id::HubId;
use tokio::net::TcpStream;

/// Token of publishers, for the option `--publish-token`.
pub(crate) const PUBLISH_TOKEN: &str = "for-publishers";

/// Connection to a hub on 127.0.0.1, which is kept after each response.
#[derive(Debug)]
pub(crate) enum HubPublisher {
    /// Over HTTP/1.1.
    Http1(http1::SendRequest<Full<Bytes>>),
    /// Over HTTP/2. Many publishers can share the connection.
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl HubPublisher {
    /// Connects over HTTP/1.1.
    pub(crate) async fn connect(port: u16) -> Result<Self> {
        let (sender, connection) = http1::handshake(TokioIo::new(open(port).await?)).await?;
        // The connection ends with its sender.
        tokio::spawn(connection);
        Ok(Self::Http1(sender))
    }

    /// Connects over HTTP/2, and returns one publisher for each of this number of concurrent requests.
    pub(crate) async fn connect_http2(port: u16, requests: usize) -> Result<Vec<Self>> {
        let connection = TokioIo::new(open(port).await?);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), connection).await?;
        tokio::spawn(connection);
        Ok((0..requests).map(|_| Self::Http2(sender.clone())).collect())
    }

    /// Waits until the connection accepts a request. Returns false if it has ended.
    pub(crate) async fn is_ready(&mut self) -> bool {
        match self {
            Self::Http1(sender) => sender.ready().await.is_ok(),
            Self::Http2(sender) => sender.ready().await.is_ok(),
        }
    }

    /// Publishes an event, and returns the whole response.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection ends before the end of the response. The event may be published nevertheless.
    pub(crate) async fn publish(
        &mut self,
        topic: &str,
        data: impl Into<Bytes>,
    ) -> hyper::Result<Response<Bytes>> {
        let request = |uri: String| {
            Request::builder()
                .method(Method::POST)
                .uri(uri)
                .header(AUTHORIZATION, format!("Bearer {PUBLISH_TOKEN}"))
                .header(CONTENT_TYPE, "text/plain")
        };
        let body = Full::new(data.into());
        let response = match self {
            Self::Http1(sender) => {
                let request = request(format!("/publish?topic={topic}")).header(HOST, "127.0.0.1");
                sender.send_request(valid(request, body)).await?
            }
            Self::Http2(sender) => {
                let request = request(format!("http://127.0.0.1/publish?topic={topic}"));
                sender.send_request(valid(request, body)).await?
            }
        };
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}

/// Returns the ID of the published event.
///
/// # Errors
///
/// Returns an error if the hub has refused the event.
pub(crate) fn published_id(response: &Response<Bytes>) -> Result<HubId> {
    let text = String::from_utf8_lossy(response.body());
    let status = response.status();
    ensure!(
        status == StatusCode::OK,
        "the hub answers {status}: {}",
        text.trim()
    );
    let id = text.trim().strip_prefix("{\"id\":\"");
    let id = id.and_then(|id| id.strip_suffix("\"}"));
    let id = id.with_context(|| format!("the hub answers {text:?}"))?;
    Ok(HubId::parse(id)?)
}

async fn open(port: u16) -> Result<TcpStream> {
    let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    connection.set_nodelay(true)?;
    Ok(connection)
}

/// Builds a request whose parts are known to be valid.
fn valid(request: http::request::Builder, body: Full<Bytes>) -> Request<Full<Bytes>> {
    request.body(body).expect("a valid request")
}
