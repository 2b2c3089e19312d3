//! A client with hyper.

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use testkit::{Item, contract::events};
use tokio::runtime::{Builder, Runtime};

/// Client with one connection, or with more if HTTP/1 needs them.
pub(crate) struct Client {
    runtime: Runtime,
    client: legacy::Client<HttpConnector, Empty<Bytes>>,
}

impl Client {
    /// Creates a client for HTTP/1.1, or for HTTP/2 with prior knowledge.
    pub(crate) fn new(http_2: bool) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let client = legacy::Client::builder(TokioExecutor::new())
            .http2_only(http_2)
            .build_http();
        Ok(Self { runtime, client })
    }

    /// Sends a request, and returns the response before its body.
    pub(crate) fn get(&self, url: &str, seen: Option<usize>) -> Result<Response<Incoming>> {
        let mut request = Request::get(url);
        if let Some(id) = seen {
            request = request.header("Last-Event-ID", id);
        }
        let response = self.client.request(request.body(Empty::new())?);
        let response = self.runtime.block_on(response)?;
        ensure!(response.status() == 200, "{url}: {}", response.status());
        Ok(response)
    }

    /// Returns the events of a stream that ends.
    pub(crate) fn read(&self, url: &str, seen: Option<usize>) -> Result<Vec<Item>> {
        let body = self.get(url, seen)?.into_body();
        Ok(events(&self.runtime.block_on(body.collect())?.to_bytes()))
    }
}
