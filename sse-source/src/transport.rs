//! How a request becomes a response: hyper's client, or any service of tower.

use core::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use std::error::Error;

use bytes::{Buf, Bytes};
use http::{Request, Response, Uri};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use tower::{Service, ServiceExt, util::BoxCloneSyncService};
use tower_http::follow_redirect::{
    FollowRedirect,
    policy::{FilterCredentials, Limited, PolicyExt, clone_body_fn},
};

use crate::{
    client::{check, client},
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
    check: fn(&Uri) -> Result<(), &'static str>,
}

impl Transport {
    /// hyper's client: HTTP/1.1, with the feature `rustls` also `https` and there HTTP/2, with the
    /// feature `compression` responses that are compressed.
    ///
    /// The roots of trust are those of the machine, or of the file that `SSL_CERT_FILE` names; where
    /// there are none, those that Mozilla trusts.
    ///
    /// Redirects are followed as in
    /// [RFC 9110, 15.4](https://www.rfc-editor.org/rfc/rfc9110#section-15.4), at most twenty, and
    /// without credentials (`Authorization`, `Cookie`) where they lead to another origin.
    ///
    /// A connection on which nothing comes for 45 s is asked for a sign of life, by TCP and by HTTP/2;
    /// without one it counts as broken.
    pub fn new() -> Self {
        Self::hyper(false)
    }

    /// As [`new`](Self::new), but it takes for granted that every server speaks HTTP/2, also without
    /// TLS ("prior knowledge"). Streams from one server share a connection.
    pub fn http2() -> Self {
        Self::hyper(true)
    }

    fn hyper(http2_only: bool) -> Self {
        let client = client(http2_only);
        #[cfg(feature = "compression")]
        let client = tower_http::decompression::Decompression::new(client);
        Self {
            check,
            ..Self::from_service(client)
        }
    }

    /// reqwest's client, with its own settings: proxies, cookies, roots of trust, and which redirects it
    /// follows. Its timeout for a whole request, if there is one, also ends streams.
    #[cfg(feature = "reqwest")]
    pub fn from_reqwest(client: reqwest::Client) -> Self {
        let service = tower::service_fn(move |request: Request<Full<Bytes>>| {
            let client = client.clone();
            async move {
                let (head, body) = request.into_parts();
                let Ok(body) = body.collect().await;
                let request = Request::from_parts(head, body.to_bytes()).try_into()?;
                client.execute(request).await.map(Response::from)
            }
        });
        Self {
            check: |uri| match uri.scheme() {
                Some(_) => Ok(()),
                None => Err("the URI has to have a scheme and a host"),
            },
            ..Self::of(service)
        }
    }

    /// A service of tower, with redirects followed as by [`new`](Self::new): hyper's client with
    /// another connector, for one, or a router without any network.
    pub fn from_service<S, B>(service: S) -> Self
    where
        S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError> + Send,
        S::Future: Send + 'static,
        B: HttpBody<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let credentials = FilterCredentials::new().allow_extension::<Route>();
        let policy = Limited::default()
            .and::<_, Full<Bytes>, S::Error>(credentials)
            .and::<_, Full<Bytes>, S::Error>(clone_body_fn(|body: &Full<Bytes>| Some(body.clone())))
            .and::<_, Full<Bytes>, S::Error>(NoteRoute);
        Self::of(FollowRedirect::with_policy(service, policy))
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
            check: |_| Ok(()),
        }
    }

    /// An error, if no attempt can get a response from there.
    pub(crate) fn check(&self, uri: &Uri) -> Result<(), BoxError> {
        (self.check)(uri).map_err(|reason| format!("{reason}: {uri}").into())
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

fn boxed<B>(body: B) -> Body
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
