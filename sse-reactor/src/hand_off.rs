//! Mark of a response whose connection can be handed to the event loop.

use core::{
    mem,
    pin::Pin,
    task::{Context, Poll},
};
use std::sync::{Arc, Mutex, PoisonError};

use futures_core::Stream;
use http::{
    Extensions, HeaderMap, Method, Request, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH, TRANSFER_ENCODING},
};
use sse_hub::{Encoded, Subscription};
use sse_hyper::{EventBody, StreamTracker};

/// Subscription of a response, until the body of the response or the event loop takes it.
type Cell = Arc<Mutex<Option<Subscription>>>;

/// Extension of a response whose connection can be handed to the event loop.
#[derive(Clone)]
struct HandOff {
    subscription: Cell,
    /// The body is compressed.
    is_gzip: bool,
}

/// Events of a hub, as the body of a response has them if its connection is not handed over.
#[derive(Debug)]
pub struct HubEvents(State);

#[derive(Debug)]
enum State {
    New(Cell),
    Taken(Subscription),
    Ended,
}

/// Returns the response to a request, with the mark.
pub(crate) fn respond<B>(
    tracker: &StreamTracker,
    request: &Request<B>,
    subscription: Subscription,
) -> Response<EventBody<HubEvents>> {
    let cell = Cell::new(Mutex::new(Some(subscription)));
    let mut response = tracker.respond(request, HubEvents(State::New(Arc::clone(&cell))));
    if response.status() == StatusCode::OK && request.method() != Method::HEAD {
        let is_gzip = response.headers().contains_key(CONTENT_ENCODING);
        response.extensions_mut().insert(HandOff {
            subscription: cell,
            is_gzip,
        });
    }
    response
}

/// Takes the subscription out of a response, with `true` if the body is compressed. `None` if the body has to send the
/// events.
pub(crate) fn take<B>(response: &mut Response<B>) -> Option<(Subscription, bool)> {
    let HandOff {
        subscription,
        is_gzip,
    } = extension(response.extensions_mut())?;
    // A layer that has changed the body has to see all of it.
    let is_unchanged = |headers: &HeaderMap| {
        headers.contains_key(CONTENT_ENCODING) == is_gzip
            && [CONTENT_LENGTH, TRANSFER_ENCODING]
                .iter()
                .all(|name| !headers.contains_key(name))
    };
    let can_hand_over = response.status() == StatusCode::OK && is_unchanged(response.headers());
    let subscription = can_hand_over.then(|| take_from(&subscription)).flatten()?;
    Some((subscription, is_gzip))
}

fn extension(extensions: &mut Extensions) -> Option<HandOff> {
    extensions.remove()
}

fn take_from(cell: &Cell) -> Option<Subscription> {
    // The value is replaced as a whole, so a panic leaves no partial change.
    cell.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Stream for HubEvents {
    type Item = Encoded;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Encoded>> {
        if let State::New(cell) = &self.0 {
            let taken = take_from(cell);
            drop(mem::replace(
                &mut self.0,
                taken.map_or(State::Ended, State::Taken),
            ));
        }
        match &mut self.0 {
            State::Taken(subscription) => Pin::new(subscription).poll_next(cx),
            _ => Poll::Ready(None),
        }
    }
}
