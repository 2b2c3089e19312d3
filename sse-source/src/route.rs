use std::sync::{Arc, Mutex, PoisonError};

use http::Request;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use tower_http::follow_redirect::policy::{Action, Attempt, Policy};

use crate::hyper_service::{AllowUri, allows};

/// The connection that a request is sent over, as far as hyper says; behind a redirect, the last one.
/// It is an extension of the request.
#[derive(Clone, Default)]
pub(crate) struct Route(Arc<Mutex<Option<CaptureConnection>>>);

impl Route {
    /// Notes that a request is sent, and returns what hyper says of its connection.
    pub(crate) fn of<B>(request: &mut Request<B>) -> CaptureConnection {
        let route = request.extensions().get::<Self>().cloned();
        let captured = capture_connection(request);
        if let Some(Self(route)) = route {
            *route.lock().unwrap_or_else(PoisonError::into_inner) = Some(captured.clone());
        }
        captured
    }

    /// Has no other request sent over it. With HTTP/2 a connection outlives its streams, so what is
    /// dead would be taken again and again.
    pub(crate) fn give_up(&self) {
        let captured = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = captured.as_ref().map(|it| it.connection_metadata());
        if let Some(Some(connection)) = connection.as_deref() {
            connection.poison();
        }
    }
}

/// Notes the route of each request, also of those that redirects ask for. They lead nowhere but to
/// http and https ([HTTP-redirect fetch](https://fetch.spec.whatwg.org/#http-redirect-fetch)).
#[derive(Clone)]
pub(crate) struct NoteRoute {
    /// Filter that returns whether they may lead there.
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
