use core::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use std::future::Future;

use bytes::BytesMut;
use http::{Response, response::Parts};
use http_body::Body as _;
use tokio::time::Sleep;

use crate::{error::Refused, response_uri::response_uri, transport::Body, turn::Turn};

/// How much of the body is read to see what the server says.
const ENOUGH: usize = 4 * 1024;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// A unit of work, in frames.
const UNIT: usize = 8;

/// Reads what a server says in place of an event stream.
pub(crate) struct Refusal {
    head: Parts,
    body: Pin<Box<Body>>,
    read: BytesMut,
    patience: Pin<Box<Sleep>>,
    turn: Turn,
}

impl Refusal {
    pub(crate) fn new(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        Self {
            head,
            body: Box::pin(body),
            read: BytesMut::new(),
            patience: Box::pin(tokio::time::sleep(PATIENCE)),
            turn: Turn::with_unit(UNIT),
        }
    }
}

impl Future for Refusal {
    type Output = Refused;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Refused> {
        while self.read.len() < ENOUGH && self.patience.as_mut().poll(cx).is_pending() {
            ready!(self.turn.poll(cx));
            let Poll::Ready(frame) = self.body.as_mut().poll_frame(cx) else {
                self.turn.end();
                return Poll::Pending;
            };
            self.turn.add(1);
            match frame {
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.data_ref() {
                        let room = ENOUGH - self.read.len();
                        let part = &bytes[..bytes.len().min(room)];
                        self.read.extend_from_slice(part);
                    }
                }
                Some(Err(_)) | None => break,
            }
        }
        Poll::Ready(Refused {
            uri: response_uri(&self.head.extensions),
            status: self.head.status,
            headers: core::mem::take(&mut self.head.headers),
            body: self.read.split().freeze(),
        })
    }
}
