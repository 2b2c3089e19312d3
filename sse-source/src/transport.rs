//! How a request becomes a response: hyper's client, or any service of tower.

use core::{fmt, future::Future, pin::Pin};
use std::{
    error::Error,
    sync::{Arc, OnceLock},
};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{CaptureConnection, HttpConnector, capture_connection},
    },
    rt::TokioExecutor,
};
use tower::{Service, ServiceExt};
use tower_http::follow_redirect::{
    FollowRedirect,
    policy::{self, PolicyExt},
};

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

type SendRequest =
    dyn Fn(Request<Full<Bytes>>) -> BoxFuture<Result<Response<Body>, BoxError>> + Send + Sync;

/// What sends requests. Clones share its connections.
#[derive(Clone)]
pub struct Transport {
    send: Arc<SendRequest>,
}

impl Transport {
    /// hyper's client: HTTP/1.1 and HTTP/2, with the feature `rustls` also `https`, with the feature
    /// `compression` responses that are compressed.
    ///
    /// Redirects are followed as in
    /// [RFC 9110, 15.4](https://www.rfc-editor.org/rfc/rfc9110#section-15.4), at most twenty, and
    /// without credentials (`Authorization`, `Cookie`) where they lead to another origin.
    pub fn new() -> Self {
        let client = Client::builder(TokioExecutor::new()).build(connector());
        #[cfg(feature = "compression")]
        let client = tower_http::decompression::Decompression::new(client);
        Self::from_service(client)
    }

    /// A service of tower, with redirects followed as by [`new`](Self::new).
    pub fn from_service<S, B>(service: S) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError> + Send,
        S::Future: Send,
        B: HttpBody<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let policy = policy::Standard::default().and::<_, Full<Bytes>, S::Error>(
            policy::clone_body_fn(|body: &Full<Bytes>| Some(body.clone())),
        );
        let service = FollowRedirect::with_policy(service, policy);
        Self {
            send: Arc::new(move |request| {
                let response = service.clone().oneshot(request);
                Box::pin(async move {
                    let response = response.await.map_err(Into::into)?;
                    Ok(response.map(|body| {
                        body.map_frame(|frame| frame.map_data(to_bytes))
                            .map_err(Into::into)
                            .boxed_unsync()
                    }))
                })
            }),
        }
    }

    pub(crate) fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        route: &Route,
    ) -> BoxFuture<Result<Response<Body>, BoxError>> {
        route.0.get_or_init(|| capture_connection(&mut request));
        (self.send)(request)
    }
}

/// The connection that a request is sent over, as far as hyper says.
#[derive(Clone, Default)]
pub(crate) struct Route(Arc<OnceLock<CaptureConnection>>);

impl Route {
    /// Has no other request sent over it. With HTTP/2 a connection outlives its streams, so what is
    /// dead would be taken again and again.
    pub(crate) fn give_up(&self) {
        let connection = self.0.get().map(CaptureConnection::connection_metadata);
        if let Some(Some(connection)) = connection.as_deref() {
            connection.poison();
        }
    }
}

/// Without a copy where they are `Bytes`.
fn to_bytes(mut data: impl Buf) -> Bytes {
    data.copy_to_bytes(data.remaining())
}

#[cfg(not(feature = "rustls"))]
fn connector() -> HttpConnector {
    http_connector()
}

#[cfg(feature = "rustls")]
fn connector() -> hyper_rustls::HttpsConnector<HttpConnector> {
    let mut http = http_connector();
    http.enforce_http(false);
    hyper_rustls::HttpsConnectorBuilder::new()
        .with_webpki_roots()
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(http)
}

fn http_connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector
}

impl Default for Transport {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}
