use core::task::{Context, Poll};

use http::{Extensions, Request, Response, Uri};
use tower::Service;

use crate::transport::BoxFuture;

/// URI that sent a response, after redirects. It is an extension of the response.
#[derive(Clone, Debug)]
pub(crate) struct ResponseUri(pub(crate) Uri);

/// Returns the URI that sent a response. Each transport adds it. It is `/` if a layer has removed it.
pub(crate) fn response_uri(extensions: &Extensions) -> Uri {
    let noted = extensions.get::<ResponseUri>();
    noted.map(|uri| uri.0.clone()).unwrap_or_default()
}

/// Service that adds the URI of each request to its response, unless an inner transport has done so.
#[derive(Clone)]
pub(crate) struct NoteUri<S>(pub(crate) S);

impl<S, A, B> Service<Request<A>> for NoteUri<S>
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
