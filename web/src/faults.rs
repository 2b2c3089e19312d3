//! What visitors break, each for themselves, to see how the page recovers.

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

/// How many refusals are remembered: the oldest of more are over early.
const REFUSALS: usize = 1000;

/// How many faults a stream may be behind.
const FAULTS: usize = 64;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection breaks in the middle of an event.
    Cut,
    /// Nothing is sent for so long, not even a comment, and the connection stays.
    Silence(Duration),
    /// The connection breaks, and others are refused with this status for so long.
    Refusal(StatusCode, Duration),
}

/// The faults that were asked for. There is nothing to keep of those who ask but refusals that are
/// not over.
#[derive(Debug)]
pub(crate) struct Faults {
    /// Each stream hears of all, and heeds those of its client.
    told: broadcast::Sender<(ClientId, Fault)>,
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
            told: broadcast::Sender::new(FAULTS),
            refusals: Mutex::default(),
        }
    }

    /// Has this happen to all streams of a client.
    pub(crate) fn inject(&self, client: ClientId, fault: Fault) {
        if let Fault::Refusal(status, time) = fault {
            self.end_refusal(&client);
            let mut refusals = self.refusals();
            if refusals.len() == REFUSALS {
                refusals.pop_front();
            }
            refusals.push_back(Refusal {
                client: client.clone(),
                status,
                until: Instant::now() + time,
            });
        }
        // It may have no stream, and nor may anybody.
        let _ = self.told.send((client, fault));
    }

    /// Serves this client again.
    pub(crate) fn end_refusal(&self, client: &ClientId) {
        let now = Instant::now();
        let mut refusals = self.refusals();
        refusals.retain(|refusal| refusal.until > now && refusal.client != *client);
    }

    /// How a client is refused, and for how much longer, if it is.
    pub(crate) fn refusal(&self, client: &ClientId) -> Option<(StatusCode, Duration)> {
        let now = Instant::now();
        let refusals = self.refusals();
        let mut open = refusals.iter().filter(|refusal| refusal.until > now);
        let refusal = open.find(|refusal| refusal.client == *client)?;
        Some((refusal.status, refusal.until - now))
    }

    /// The frames of this body, up to the faults of its client.
    pub(crate) fn afflict<B>(
        &self,
        client: ClientId,
        body: B,
    ) -> impl Stream<Item = io::Result<Frame<Bytes>>> + Send + use<B>
    where
        B: Body<Data = Bytes, Error = io::Error> + Send + 'static,
    {
        let afflicted = Afflicted {
            body: Box::pin(body),
            client,
            told: self.told.subscribe(),
            silent_until: Instant::now(),
            state: State::Whole,
        };
        stream::unfold(afflicted, |mut afflicted| async {
            let frame = afflicted.frame().await?;
            Some((frame, afflicted))
        })
    }

    fn refusals(&self) -> MutexGuard<'_, VecDeque<Refusal>> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that can be broken.
struct Afflicted<B> {
    body: Pin<Box<B>>,
    client: ClientId,
    told: broadcast::Receiver<(ClientId, Fault)>,
    silent_until: Instant,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    /// The next frame is to be the last, and only half of it goes out.
    Torn,
    Broken,
}

impl<B: Body<Data = Bytes, Error = io::Error>> Afflicted<B> {
    /// The next frame. An error has hyper drop the connection.
    async fn frame(&mut self) -> Option<io::Result<Frame<Bytes>>> {
        loop {
            if self.state == State::Broken {
                // Until the half is out: hyper would drop it too.
                sleep(Duration::from_millis(20)).await;
                return Some(Err(io::Error::other("broken, as asked for")));
            }
            let frame = async {
                sleep_until(self.silent_until).await;
                self.body.frame().await
            };
            select! {
                told = self.told.recv() => match told {
                    Ok((client, fault)) if client == self.client => self.suffer(fault),
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
                frame = frame => {
                    let frame = frame?;
                    if self.state != State::Torn {
                        return Some(frame);
                    }
                    self.state = State::Broken;
                    return Some(frame.map(|it| it.map_data(|data| data.slice(..data.len() / 2))));
                }
            }
        }
    }

    fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::Cut => self.state = State::Torn,
            Fault::Silence(time) => self.silent_until = Instant::now() + time,
            Fault::Refusal(..) => self.state = State::Broken,
        }
    }
}

/// What a page calls itself: drawn by chance, so that nobody can guess that of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientId(Box<str>);

impl ClientId {
    /// `None` if it is longer than any of ours, or empty.
    pub(crate) fn new(text: &str) -> Option<Self> {
        (1..=64).contains(&text.len()).then(|| Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refusals_end_and_do_not_pile_up() {
        let faults = Faults::new();
        let client = |n: usize| ClientId::new(&n.to_string()).unwrap();
        let gone = Fault::Refusal(StatusCode::NO_CONTENT, Duration::ZERO);
        faults.inject(client(0), gone);
        assert!(faults.refusal(&client(0)).is_none(), "it is over");
        let stop = Fault::Refusal(StatusCode::NO_CONTENT, Duration::from_secs(60));
        for n in 0..=REFUSALS {
            faults.inject(client(n), stop);
            faults.inject(client(n), stop);
        }
        assert_eq!(faults.refusals().len(), REFUSALS);
        assert!(
            faults.refusal(&client(0)).is_none(),
            "the oldest went first"
        );
        assert!(faults.refusal(&client(REFUSALS)).is_some());
        faults.end_refusal(&client(REFUSALS));
        assert!(faults.refusal(&client(REFUSALS)).is_none());
    }
}
