//! How a request becomes a response: hyper's client, or any service of tower.

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

#[cfg(feature = "compression")]
use crate::compression;
#[cfg(feature = "reqwest")]
use crate::response_uri::ResponseUri;
use crate::{
    TransportBuilder,
    client::{check_scheme, client},
    credentials::SendCredentials,
    hyper_service::{self, AllowUri, HyperService},
    response_uri::NoteUri,
    route::{NoteRoute, Route},
};

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What sends requests. Clones share its connections.
///
/// It is a service of tower itself, so layers can stand around it, and the whole be a transport
/// [again](Self::from_service).
#[derive(Clone)]
pub struct Transport {
    service: BoxCloneSyncService<Request<Full<Bytes>>, Response<Body>, BoxError>,
    check: Arc<Check>,
}

/// Why no attempt can get a response from a URI.
type Check = dyn Fn(&Uri) -> Result<(), BoxError> + Send + Sync;

impl Transport {
    /// Creates a transport over hyper's client: HTTP/1.1, with the feature `rustls` also `https` and there HTTP/2,
    /// with the feature `compression` responses that are compressed.
    ///
    /// - **TLS.** The roots of trust are those of the machine, or of the file that `SSL_CERT_FILE` names; where
    ///   there are none, those that Mozilla trusts.
    /// - **Connecting** may take 30 s, unless [`builder`](Self::builder) sets another limit.
    /// - **Redirects** are followed as in [RFC 9110, 15.4](https://www.rfc-editor.org/rfc/rfc9110#section-15.4), at
    ///   most twenty, and without credentials (`Authorization`, `Cookie`) where they lead to another origin.
    ///   [`builder`](Self::builder) restricts where requests may go.
    /// - **Silence.** A connection on which nothing comes for 45 s is asked for a sign of life, by TCP and by
    ///   HTTP/2; without one it counts as broken.
    /// - **Before the head of a response**, a server may send 512 KiB of informational responses and headers.
    ///   After that the attempt fails.
    /// - **Compression.** gzip, br and zstd are decoded, at most two of them on top of each other. A decoder
    ///   holds at most its window: 32 KiB for gzip, 16 MiB for br, 8 MiB for zstd. A response that asks for a
    ///   larger one fails.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns a builder for a transport over hyper's client with more options: which URIs and addresses are
    /// allowed.
    pub fn builder() -> TransportBuilder {
        TransportBuilder::default()
    }

    /// As [`new`](Self::new), but it takes for granted that every server speaks HTTP/2, also without
    /// TLS ("prior knowledge"). Streams from one server share a connection.
    pub fn http2() -> Self {
        Self::builder().http2_prior_knowledge(true).build()
    }

    pub(crate) fn hyper(options: TransportBuilder) -> Self {
        let service = HyperService::new(client(&options), &options);
        let allow_uri = options.allow_uri;
        #[cfg(feature = "compression")]
        let service = service
            .map_request(compression::accept)
            .map_response(compression::decode);
        let check_uri = allow_uri.clone();
        Self {
            check: Arc::new(move |uri| {
                check_scheme(uri)?;
                hyper_service::check(check_uri.as_ref(), uri)
            }),
            ..Self::redirected(service, allow_uri)
        }
    }

    /// Creates a transport over reqwest's client, with its own settings: proxies, cookies, roots of trust, and
    /// which redirects it follows. Its timeout for a whole request, if there is one, also ends streams. How long it takes
    /// to connect is limited by its `connect_timeout`, which it does not set by itself.
    ///
    /// What this crate bounds in its own transport is reqwest's to bound here. Its features `gzip`, `brotli` and
    /// `zstd` decode with windows as large as a server asks for (1 GiB for brotli); leave them out, or turn them off
    /// with `ClientBuilder::no_brotli` and the like, where servers are strangers. Addresses are restricted with its
    /// `dns_resolver`, redirects with its `redirect` policy.
    #[cfg(feature = "reqwest")]
    pub fn from_reqwest(client: reqwest::Client) -> Self {
        let service = tower::service_fn(move |request: Request<Full<Bytes>>| {
            let client = client.clone();
            async move {
                let (head, body) = request.into_parts();
                let Ok(body) = body.collect().await;
                let request = Request::from_parts(head, body.to_bytes()).try_into()?;
                let response = client.execute(request).await?;
                let uri = Uri::try_from(response.url().as_str()).ok();
                let mut response = Response::from(response);
                if let Some(uri) = uri {
                    response.extensions_mut().insert(ResponseUri(uri));
                }
                Ok::<_, reqwest::Error>(response)
            }
        });
        Self {
            check: Arc::new(|uri| match uri.scheme() {
                Some(_) => Ok(()),
                None => Err(format!("the URI has to have a scheme and a host: {uri}").into()),
            }),
            ..Self::of(service)
        }
    }

    /// Creates a transport over a service of tower, with redirects followed as by [`new`](Self::new): hyper's
    /// client with another connector, for example, or a router without any network.
    ///
    /// The service sees each request, also those that redirects ask for, and refuses it with an error. How much it
    /// takes before the head of a response, and how it decodes bodies, is its own.
    pub fn from_service<S, B>(service: S) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError> + Send,
        S::Future: Send + 'static,
        B: HttpBody<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        Self::redirected(service, None)
    }

    /// The service, with those redirects followed that are allowed.
    fn redirected<S, B>(service: S, allow_uri: Option<AllowUri>) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError> + Send,
        S::Future: Send + 'static,
        B: HttpBody<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let credentials = FilterCredentials::new().allow_extension::<Route>();
        let policy = Limited::default()
            .and::<_, Full<Bytes>, S::Error>(credentials)
            .and::<_, Full<Bytes>, S::Error>(SendCredentials)
            .and::<_, Full<Bytes>, S::Error>(clone_body_fn(|body: &Full<Bytes>| Some(body.clone())))
            .and::<_, Full<Bytes>, S::Error>(NoteRoute { allow_uri });
        Self::of(FollowRedirect::with_policy(NoteUri(service), policy))
    }

    /// The service as it is.
    fn of<S, B>(service: S) -> Self
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

    /// An error, if no attempt can get a response from there.
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

/// Without a copy where they are `Bytes`.
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
