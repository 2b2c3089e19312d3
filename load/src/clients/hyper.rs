//! HTTP/1 connection of hyper, without a decoder.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Uri, header::HOST};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Received;

/// Receives one response, from its first byte to its last.
///
/// # Errors
///
/// Returns an error if there is no response, or if the library returns one.
pub async fn receive(uri: &str, mut each: impl FnMut(Received<'_>)) -> Result<()> {
    let uri: Uri = uri.try_into()?;
    let host = uri.authority().context("the URI has no host")?.as_str();
    let connection = TcpStream::connect(host).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(connection)).await?;
    tokio::spawn(connection);
    let request = Request::get(uri.path()).header(HOST, host);
    let request = request.body(Empty::<Bytes>::new())?;
    let mut body = sender.send_request(request).await?.into_body();
    while let Some(frame) = body.frame().await {
        if let Some(bytes) = frame?.data_ref() {
            each(Received::Bytes(bytes));
        }
    }
    Ok(())
}
