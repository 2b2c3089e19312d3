//! reqwest: its client as the transport, and its requests and responses as event streams.

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};

use crate::{Transport, response::ResponseUri};

impl Transport {
    /// Creates a transport over reqwest's client, with the client's proxies, cookies, root certificates and redirects.
    ///
    /// If the client has a timeout for a whole request, it also ends streams. Set its `connect_timeout`, because it has
    /// no default.
    ///
    /// The limits of [`new`](Self::new) do not apply. With the features `gzip`, `brotli` and `zstd` of reqwest, windows
    /// are as large as a server asks for (1 GiB for brotli). For untrusted servers, leave these features out, or turn
    /// them off, for example with `ClientBuilder::no_brotli`. Restrict addresses with its `dns_resolver`, and redirects
    /// with its `redirect` policy.
    pub fn from_reqwest(client: reqwest::Client) -> Self {
        let service = tower::service_fn(move |request: Request<Full<Bytes>>| {
            let client = client.clone();
            async move {
                let (head, body) = request.into_parts();
                let Ok(body) = body.collect().await;
                let request = Request::from_parts(head, body.to_bytes()).try_into()?;
                let response = client.execute(request).await?;
                Ok::<_, reqwest::Error>(with_uri(response))
            }
        });
        Self::without_redirects(service).with_check(|uri| match uri.scheme() {
            Some(_) => Ok(()),
            None => Err(format!("the URI must have a scheme and a host: {uri}").into()),
        })
    }
}

/// Converts a response of reqwest, and keeps its URI.
fn with_uri(response: reqwest::Response) -> Response<reqwest::Body> {
    let uri = Uri::try_from(response.url().as_str()).ok();
    let mut response = Response::from(response);
    if let Some(uri) = uri {
        response.extensions_mut().insert(ResponseUri(uri));
    }
    response
}
