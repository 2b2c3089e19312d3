//! Transport: sends requests with hyper's client, reqwest's client or any tower service.

mod builder;
mod client;
mod connect;
mod meter;
mod proxy;
mod redirect;
#[cfg(feature = "rustls")]
mod tls;

use core::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use std::{error::Error, sync::Arc};

use bytes::{Buf, Bytes};
use http::{Request, Response, Uri};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use tower::{Service, ServiceExt, util::BoxCloneSyncService};
use tower_http::follow_redirect::{
    FollowRedirect,
    policy::{FilterCredentials, Limited, PolicyExt, clone_body_fn},
};

pub(crate) use self::client::CapturedConnection;
#[cfg(feature = "rustls")]
pub use self::tls::TlsError;
pub use self::{
    builder::TransportBuilder,
    proxy::{Proxy, ProxyError},
};
use self::{
    client::{AllowUri, HyperService, check_scheme, check_uri},
    redirect::{AllowedRedirects, RecordUri, SendCredentials},
};
#[cfg(feature = "compression")]
use crate::compression;

/// Boxed error of any type.
pub type BoxError = Box<dyn Error + Send + Sync>;

pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Sends the requests of event sources. Clones share its connections.
///
/// It is a tower service, so layers can wrap it, and the result can be a transport [again](Self::from_service).
#[derive(Clone)]
pub struct Transport {
    service: BoxCloneSyncService<Request<Full<Bytes>>, Response<Body>, BoxError>,
    check: Arc<Check>,
}

/// Function that returns an error if no attempt can get a response from a URI.
type Check = dyn Fn(&Uri) -> Result<(), BoxError> + Send + Sync;

impl Transport {
    /// Creates a transport over hyper's client.
    ///
    /// It speaks HTTP/1.1. The feature `rustls` adds `https`, and HTTP/2 over `https`. The feature `compression` adds
    /// compressed responses.
    ///
    /// - **TLS.** The transport trusts the root certificates of the system, or of the file in `SSL_CERT_FILE`. If there
    ///   are none, it trusts those of Mozilla.
    /// - **Connecting** may take 30 s, unless [`builder`](Self::builder) sets another limit.
    /// - **Redirects** are followed as in [RFC 9110, 15.4](https://www.rfc-editor.org/rfc/rfc9110#section-15.4), at
    ///   most 20. A redirect to another origin removes credentials (`Authorization`, `Cookie`).
    ///   [`builder`](Self::builder) restricts where requests may go.
    /// - **Keep-alive.** After 45 s without data, TCP and HTTP/2 probe the connection. It counts as broken if there is
    ///   no answer.
    /// - **Before the head of a response**, a server may send 512 KiB of informational responses and headers.
    ///   After that the attempt fails.
    /// - **Compression.** gzip, br and zstd are decoded, at most two codings per response. A decoder holds at most its
    ///   window: 32 KiB for gzip, 16 MiB for br, 8 MiB for zstd. A response with a larger window fails.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder for a transport over hyper's client with more options, for example a proxy or filters for URIs
    /// and addresses.
    pub fn builder() -> TransportBuilder {
        TransportBuilder::default()
    }

    /// Creates a transport for servers that speak HTTP/2, even without TLS ("prior knowledge").
    ///
    /// It assumes HTTP/2 of every server. Streams from one server share a connection. Otherwise it is like
    /// [`new`](Self::new).
    pub fn http2_prior_knowledge() -> Self {
        Self::builder().http2_prior_knowledge(true).build()
    }

    pub(crate) fn hyper(options: TransportBuilder) -> Self {
        let service = HyperService::new(&options);
        let allow_uri = options.allow_uri;
        #[cfg(feature = "compression")]
        let service = service
            .map_request(compression::accept)
            .map_response(compression::decode);
        let allowed = allow_uri.clone();
        Self {
            check: Arc::new(move |uri| {
                check_scheme(uri)?;
                check_uri(allowed.as_ref(), uri)
            }),
            ..Self::with_redirects(service, allow_uri)
        }
    }

    /// Creates a transport over a tower service: for example hyper's client with another connector, or a router without
    /// a network.
    ///
    /// Redirects are followed as by [`new`](Self::new). The service receives each request, redirects included, and can
    /// refuse it with an error. The service also decides how many bytes it accepts before the head of a response, and
    /// how it decodes bodies.
    pub fn from_service<S, B>(service: S) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError> + Send,
        S::Future: Send + 'static,
        B: HttpBody<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        Self::with_redirects(service, None)
    }

    /// Returns a transport over the service that follows allowed redirects.
    fn with_redirects<S, B>(service: S, allow_uri: Option<AllowUri>) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError> + Send,
        S::Future: Send + 'static,
        B: HttpBody<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let credentials = FilterCredentials::new().allow_extension::<CapturedConnection>();
        let policy = Limited::default()
            .and::<_, Full<Bytes>, S::Error>(credentials)
            .and::<_, Full<Bytes>, S::Error>(SendCredentials)
            .and::<_, Full<Bytes>, S::Error>(clone_body_fn(|body: &Full<Bytes>| Some(body.clone())))
            .and::<_, Full<Bytes>, S::Error>(AllowedRedirects { allow_uri });
        Self::without_redirects(FollowRedirect::with_policy(RecordUri(service), policy))
    }

    /// Returns a transport over the service, which follows redirects itself.
    pub(crate) fn without_redirects<S, B>(service: S) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError> + Send,
        S::Future: Send + 'static,
        B: HttpBody<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let service = service
            .map_response(|response| response.map(boxed))
            .map_err(Into::into);
        Self {
            service: BoxCloneSyncService::new(service),
            check: Arc::new(|_| Ok(())),
        }
    }

    /// Returns the transport with a check of the URI, before a request is sent.
    #[cfg(feature = "reqwest")]
    pub(crate) fn with_check(
        self,
        check: impl Fn(&Uri) -> Result<(), BoxError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            check: Arc::new(check),
            ..self
        }
    }

    /// Returns an error if no attempt can get a response from this URI.
    pub(crate) fn check(&self, uri: &Uri) -> Result<(), BoxError> {
        (self.check)(uri)
    }
}

impl Service<Request<Full<Bytes>>> for Transport {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        self.service.call(request)
    }
}

pub(crate) fn boxed<B>(body: B) -> Body
where
    B: HttpBody<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    body.map_frame(|frame| frame.map_data(to_bytes))
        .map_err(Into::into)
        .boxed_unsync()
}

/// Converts data to `Bytes`. This copies nothing if the data is already `Bytes`.
fn to_bytes(mut data: impl Buf) -> Bytes {
    data.copy_to_bytes(data.remaining())
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
