//! Encoders: ours and those of other servers, each through its public interface.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use crate::workloads::Record;

mod actix;
mod axum;
pub mod ours;
mod warp;

/// Encoder that encodes the same events repeatedly.
pub trait Encode {
    /// Prepares a run. This is not measured.
    fn prepare(&mut self) {}

    /// Encodes all events, and passes the bytes to `sink` as they are finished.
    fn run(&mut self, sink: &mut dyn FnMut(&[u8]));
}

/// Encoder with a name.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    /// Name in the tables.
    pub name: &'static str,
    /// Creates the encoder for these events.
    pub new: fn(&[Record]) -> Box<dyn Encode>,
}

/// All encoders, with ours first.
pub const ALL: [Contender; 5] = [
    Contender {
        name: "ours",
        new: |records| Box::new(ours::Encoder::new(records)),
    },
    Contender {
        name: "russe",
        new: |records| Box::new(actix::Encoder::new(records)),
    },
    Contender {
        name: "actix",
        new: |records| Box::new(actix::Body::new(records)),
    },
    Contender {
        name: "axum",
        new: |records| Box::new(axum::Encoder::new(records)),
    },
    Contender {
        name: "warp",
        new: |records| Box::new(warp::Encoder::new(records)),
    },
];

/// Takes all frames of a body that is always ready.
pub(crate) fn drain<B>(body: B, sink: &mut dyn FnMut(&[u8]))
where
    B: http_body::Body<Data = bytes::Bytes>,
{
    let mut body = pin!(body);
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(&mut context) {
        if let Ok(data) = frame.into_data() {
            sink(&data);
        }
    }
}
