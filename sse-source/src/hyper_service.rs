use core::{
    error, fmt,
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll},
};
use std::sync::Arc;

use bytes::Bytes;
use http::{Extensions, Request, Response, Uri, header::PROXY_AUTHORIZATION};
use http_body_util::Full;
use hyper_util::client::legacy::connect::CaptureConnection;
use tower::Service;

use crate::{
    Proxy, TransportBuilder,
    client::Client,
    metered::{Meter, Waiting},
    route::Route,
    transport::{Body, BoxError, BoxFuture, boxed},
};

/// Filter that returns whether requests for a URI are allowed.
pub(crate) type AllowUri = Arc<dyn Fn(&Uri) -> bool + Send + Sync>;

/// Service over hyper's client that checks each URI and limits the bytes before the head of a response.
#[derive(Clone)]
pub(crate) struct HyperService {
    client: Client,
    allow_uri: Option<AllowUri>,
    proxy: Option<Proxy>,
}

impl HyperService {
    pub(crate) fn new(client: Client, options: &TransportBuilder) -> Self {
        Self {
            client,
            allow_uri: options.allow_uri.clone(),
            proxy: options.proxy.clone(),
        }
    }
}

impl Service<Request<Full<Bytes>>> for HyperService {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Service::<Request<Full<Bytes>>>::poll_ready(&mut self.client, cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Full<Bytes>>) -> Self::Future {
        if let Err(error) = check(self.allow_uri.as_ref(), request.uri()) {
            return Box::pin(async move { Err(error) });
        }
        let authorization = self.proxy.as_ref();
        let authorization = authorization.and_then(|proxy| proxy.authorization(request.uri()));
        if let Some(value) = authorization {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value);
        }
        let connection = Route::of(&mut request);
        let response = self.client.request(request);
        Box::pin(async move {
            let response = meter(response, connection).await?;
            Ok(response.map(boxed))
        })
    }
}

/// Waits for a response. As soon as the request has a connection, the [`Meter`] of that connection counts it.
async fn meter<F: Future>(response: F, connection: CaptureConnection) -> F::Output {
    let mut response = pin!(response);
    let mut waiting: Option<Waiting> = None;
    poll_fn(|cx| {
        let response = response.as_mut().poll(cx);
        let mut extensions = Extensions::new();
        if response.is_pending()
            && let Some(connected) = &*connection.connection_metadata()
        {
            connected.get_extras(&mut extensions);
        }
        if let Some(meter) = extensions.get::<Meter>()
            && !waiting.as_ref().is_some_and(|waiting| waiting.is_on(meter))
        {
            waiting = Some(meter.wait());
        }
        response
    })
    .await
}

/// Returns an error if requests for the URI are not allowed.
pub(crate) fn check(allow: Option<&AllowUri>, uri: &Uri) -> Result<(), BoxError> {
    match allows(allow, uri) {
        true => Ok(()),
        false => Err(UriError(uri.clone()).into()),
    }
}

pub(crate) fn allows(allow: Option<&AllowUri>, uri: &Uri) -> bool {
    allow.is_none_or(|allow| allow(uri))
}

/// Error for a URI for which requests are not allowed.
#[derive(Debug)]
struct UriError(Uri);

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "URI {} is not allowed", self.0)
    }
}

impl error::Error for UriError {}
