//! Who encodes: ours and other servers' encoders, each through what its public interface allows.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use crate::workloads::Record;

mod actix;
mod axum;
pub mod ours;
mod warp;

/// Encodes the same events again and again.
pub trait Encode {
    /// Gets ready for a run. This is not measured.
    fn prepare(&mut self) {}

    /// Encodes all events, and hands over the bytes as they are finished.
    fn run(&mut self, sink: &mut dyn FnMut(&[u8]));
}

/// An encoder by name.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    /// What the tables call it.
    pub name: &'static str,
    /// Makes it, with the events that it shall encode.
    pub new: fn(&[Record]) -> Box<dyn Encode>,
}

/// Ours first, then all others.
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
