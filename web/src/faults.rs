//! Faults that each page injects into its own streams, to show how its clients recover.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use http_body_util::BodyExt;
use hyper::{
    StatusCode,
    body::{Body, Frame},
};
use tokio::{
    select,
    sync::broadcast::{self, error::RecvError},
    time::{Instant, sleep, sleep_until},
};

/// Maximum number of active refusals. If there are more, the oldest ends early.
const MAX_REFUSALS: usize = 1000;

/// Maximum number of faults that a stream can have pending.
const FAULT_QUEUE_CAPACITY: usize = 64;

/// A fault of the streams of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection breaks in the middle of an event.
    Cut,
    /// The server sends nothing for this time, not even a comment. The connection stays open.
    Silence(Duration),
    /// The connection breaks. New requests are refused with this status for this time.
    Refusal(StatusCode, Duration),
}

/// The requested faults. The only state per client is its active refusal.
#[derive(Debug)]
pub(crate) struct Faults {
    /// Sends each fault to all streams. A stream ignores the faults of other clients.
    sender: broadcast::Sender<(ClientId, Fault)>,
    refusals: Mutex<VecDeque<Refusal>>,
}

#[derive(Debug)]
struct Refusal {
    client: ClientId,
    status: StatusCode,
    until: Instant,
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(FAULT_QUEUE_CAPACITY),
            refusals: Mutex::default(),
        }
    }

    /// Injects a fault into all streams of a client.
    pub(crate) fn inject(&self, client: ClientId, fault: Fault) {
        if let Fault::Refusal(status, time) = fault {
            self.end_refusal(&client);
            let mut refusals = self.refusals();
            if refusals.len() == MAX_REFUSALS {
                refusals.pop_front();
            }
            refusals.push_back(Refusal {
                client: client.clone(),
                status,
                until: Instant::now() + time,
            });
        }
        // It fails only if no client has a stream.
        let _ = self.sender.send((client, fault));
    }

    /// Ends the refusal of a client.
    pub(crate) fn end_refusal(&self, client: &ClientId) {
        let now = Instant::now();
        let mut refusals = self.refusals();
        refusals.retain(|refusal| refusal.until > now && refusal.client != *client);
    }

    /// Returns the status and the remaining time of the refusal of a client, if there is one.
    pub(crate) fn refusal(&self, client: &ClientId) -> Option<(StatusCode, Duration)> {
        let now = Instant::now();
        let refusals = self.refusals();
        let mut open = refusals.iter().filter(|refusal| refusal.until > now);
        let refusal = open.find(|refusal| refusal.client == *client)?;
        Some((refusal.status, refusal.until - now))
    }

    /// Returns the frames of a body, with the faults of its client.
    pub(crate) fn inject_into<B>(
        &self,
        client: ClientId,
        body: B,
    ) -> impl Stream<Item = io::Result<Frame<Bytes>>> + Send + use<B>
    where
        B: Body<Data = Bytes, Error = io::Error> + Send + 'static,
    {
        let faulty = FaultyBody {
            body: Box::pin(body),
            client,
            faults: self.sender.subscribe(),
            silent_until: Instant::now(),
            state: State::Intact,
        };
        stream::unfold(faulty, |mut faulty| async {
            let frame = faulty.frame().await?;
            Some((frame, faulty))
        })
    }

    fn refusals(&self) -> MutexGuard<'_, VecDeque<Refusal>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body to which faults are applied.
struct FaultyBody<B> {
    body: Pin<Box<B>>,
    client: ClientId,
    faults: broadcast::Receiver<(ClientId, Fault)>,
    silent_until: Instant,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Intact,
    /// The next frame is the last one, and only half of it is sent.
    CutNextFrame,
    Broken,
}

impl<B: Body<Data = Bytes, Error = io::Error>> FaultyBody<B> {
    /// Returns the next frame. An error makes hyper drop the connection.
    async fn frame(&mut self) -> Option<io::Result<Frame<Bytes>>> {
        loop {
            if self.state == State::Broken {
                // Waits until the half frame is sent, because hyper drops unsent data after an error.
                sleep(Duration::from_millis(20)).await;
                return Some(Err(io::Error::other("connection cut on request")));
            }
            let frame = async {
                sleep_until(self.silent_until).await;
                self.body.frame().await
            };
            select! {
                fault = self.faults.recv() => match fault {
                    Ok((client, fault)) if client == self.client => self.apply(fault),
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
                frame = frame => {
                    let frame = frame?;
                    if self.state != State::CutNextFrame {
                        return Some(frame);
                    }
                    self.state = State::Broken;
                    return Some(frame.map(|frame| frame.map_data(|data| data.slice(..data.len() / 2))));
                }
            }
        }
    }

    /// Applies a fault.
    fn apply(&mut self, fault: Fault) {
        match fault {
            Fault::Cut => self.state = State::CutNextFrame,
            Fault::Silence(time) => self.silent_until = Instant::now() + time,
            Fault::Refusal(..) => self.state = State::Broken,
        }
    }
}

/// The ID of a page. Pages choose a random ID, so that no page can guess the ID of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientId(Box<str>);

impl ClientId {
    /// Creates an ID, or returns `None` if the text does not have 1 to 64 bytes.
    pub(crate) fn new(text: &str) -> Option<Self> {
        (1..=64).contains(&text.len()).then(|| Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refusals_end_and_their_number_is_limited() {
        let faults = Faults::new();
        let client = |n: usize| ClientId::new(&n.to_string()).unwrap();
        let expired = Fault::Refusal(StatusCode::NO_CONTENT, Duration::ZERO);
        faults.inject(client(0), expired);
        assert!(faults.refusal(&client(0)).is_none(), "it has ended");
        let stop = Fault::Refusal(StatusCode::NO_CONTENT, Duration::from_secs(60));
        for n in 0..=MAX_REFUSALS {
            faults.inject(client(n), stop);
            faults.inject(client(n), stop);
        }
        assert_eq!(faults.refusals().len(), MAX_REFUSALS);
        assert!(
            faults.refusal(&client(0)).is_none(),
            "the oldest ends first"
        );
        assert!(faults.refusal(&client(MAX_REFUSALS)).is_some());
        faults.end_refusal(&client(MAX_REFUSALS));
        assert!(faults.refusal(&client(MAX_REFUSALS)).is_none());
    }
}
