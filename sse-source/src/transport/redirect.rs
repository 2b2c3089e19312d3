//! Redirects: which ones are followed, with which credentials, and the URI that sent the response.

use core::task::{Context, Poll};

use http::{Request, Response};
use tower::Service;
use tower_http::follow_redirect::policy::{Action, Attempt, Policy};

use super::{
    BoxFuture,
    client::{AllowUri, CapturedConnection, is_uri_allowed},
};
use crate::{request::move_credentials_to_header, response::ResponseUri};

/// Redirect policy that follows redirects only to http and https
/// ([HTTP-redirect fetch](https://fetch.spec.whatwg.org/#http-redirect-fetch)), and only to allowed URIs.
///
/// It also captures the connection of each request.
#[derive(Clone)]
pub(crate) struct AllowedRedirects {
    /// Filter that returns whether redirects to a URI are allowed.
    pub(crate) allow_uri: Option<AllowUri>,
}

impl<B, E> Policy<B, E> for AllowedRedirects {
    fn redirect(&mut self, attempt: &Attempt<'_>) -> Result<Action, E> {
        Ok(match attempt.location().scheme_str() {
            Some("http" | "https")
                if is_uri_allowed(self.allow_uri.as_ref(), attempt.location()) =>
            {
                Action::Follow
            }
            _ => Action::Stop,
        })
    }

    fn on_request(&mut self, request: &mut Request<B>) {
        CapturedConnection::capture(request);
    }
}

/// Redirect policy that sends the credentials in the new URI.
#[derive(Clone)]
pub(crate) struct SendCredentials;

impl<B, E> Policy<B, E> for SendCredentials {
    fn redirect(&mut self, _: &Attempt<'_>) -> Result<Action, E> {
        Ok(Action::Follow)
    }

    fn on_request(&mut self, request: &mut Request<B>) {
        move_credentials_to_header(request);
    }
}

/// Service that adds the URI of each request to its response, unless an inner transport has done so.
#[derive(Clone)]
pub(crate) struct RecordUri<S>(pub(crate) S);

impl<S, A, B> Service<Request<A>> for RecordUri<S>
where
    S: Service<Request<A>, Response = Response<B>, Future: Send + 'static>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = BoxFuture<Result<Response<B>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        let uri = request.uri().clone();
        let response = self.0.call(request);
        Box::pin(async move {
            let mut response = response.await?;
            response
                .extensions_mut()
                .get_or_insert_with(|| ResponseUri(uri));
            Ok(response)
        })
    }
}
