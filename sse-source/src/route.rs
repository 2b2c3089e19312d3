use std::sync::{Arc, Mutex, PoisonError};

use http::Request;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use tower_http::follow_redirect::policy::{Action, Attempt, Policy};

use crate::hyper_service::{AllowUri, allows};

/// Connection that a request is sent over, if hyper reports it. After redirects, it is the last connection.
///
/// It is an extension of the request.
#[derive(Clone, Default)]
pub(crate) struct Route(Arc<Mutex<Option<CaptureConnection>>>);

impl Route {
    /// Notes the connection of a request that is sent, and returns it.
    pub(crate) fn of<B>(request: &mut Request<B>) -> CaptureConnection {
        let route = request.extensions().get::<Self>().cloned();
        let captured = capture_connection(request);
        if let Some(Self(route)) = route {
            *route.lock().unwrap_or_else(PoisonError::into_inner) = Some(captured.clone());
        }
        captured
    }

    /// Prevents other requests over this connection. An HTTP/2 connection outlives its streams, so a dead one would be
    /// used again and again.
    pub(crate) fn give_up(&self) {
        let captured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = captured.as_ref().map(|it| it.connection_metadata());
        if let Some(Some(connection)) = connection.as_deref() {
            connection.poison();
        }
    }
}

/// Redirect policy that notes the route of each request.
///
/// It follows redirects only to http and https
/// ([HTTP-redirect fetch](https://fetch.spec.whatwg.org/#http-redirect-fetch)), and only to allowed URIs.
#[derive(Clone)]
pub(crate) struct NoteRoute {
    /// Filter that returns whether redirects to a URI are allowed.
    pub(crate) allow_uri: Option<AllowUri>,
}

impl<B, E> Policy<B, E> for NoteRoute {
    fn redirect(&mut self, attempt: &Attempt<'_>) -> Result<Action, E> {
        Ok(match attempt.location().scheme_str() {
            Some("http" | "https") if allows(self.allow_uri.as_ref(), attempt.location()) => {
                Action::Follow
            }
            _ => Action::Stop,
        })
    }

    fn on_request(&mut self, request: &mut Request<B>) {
        Route::of(request);
    }
}
