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

use crate::{error::UnexpectedResponse, response_uri::response_uri, transport::Body, turn::Turn};

/// Limits for reading the body of a response that is not an event stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefusalLimits {
    pub(crate) max_body_bytes: usize,
    pub(crate) timeout: Duration,
}

impl Default for RefusalLimits {
    fn default() -> Self {
        Self {
            max_body_bytes: 64 * 1024,
            timeout: Duration::from_secs(5),
        }
    }
}

/// Frames per unit of work.
const WORK_UNIT_FRAMES: usize = 8;

/// Future that reads the body of a response that is not an event stream.
pub(crate) struct Refusal {
    head: Parts,
    body: Pin<Box<Body>>,
    read: BytesMut,
    max_body_bytes: usize,
    timeout: Pin<Box<Sleep>>,
    turn: Turn,
}

impl Refusal {
    pub(crate) fn new(response: Response<Body>, limits: RefusalLimits) -> Self {
        let (head, body) = response.into_parts();
        Self {
            head,
            body: Box::pin(body),
            read: BytesMut::new(),
            max_body_bytes: limits.max_body_bytes,
            timeout: Box::pin(tokio::time::sleep(limits.timeout)),
            turn: Turn::with_unit(WORK_UNIT_FRAMES),
        }
    }
}

impl Future for Refusal {
    type Output = Box<UnexpectedResponse>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Box<UnexpectedResponse>> {
        while self.read.len() < self.max_body_bytes && self.timeout.as_mut().poll(cx).is_pending() {
            ready!(self.turn.poll(cx));
            let Poll::Ready(frame) = self.body.as_mut().poll_frame(cx) else {
                self.turn.end();
                return Poll::Pending;
            };
            self.turn.add(1);
            match frame {
                Some(Ok(frame)) => {
                    if let Some(bytes) = frame.data_ref() {
                        let room = self.max_body_bytes - self.read.len();
                        let part = &bytes[..bytes.len().min(room)];
                        self.read.extend_from_slice(part);
                    }
                }
                Some(Err(_)) | None => break,
            }
        }
        Poll::Ready(Box::new(UnexpectedResponse {
            uri: response_uri(&self.head.extensions),
            status: self.head.status,
            headers: core::mem::take(&mut self.head.headers),
            body: self.read.split().freeze(),
        }))
    }
}
