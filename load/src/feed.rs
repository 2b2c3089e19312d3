//! Published texts, which every library takes from one channel.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use futures_core::Stream;
use futures_util::stream;
use sse_hyper::{AsEvent, Event};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::commands::{Commands, Publish};

/// Number of texts that the channel holds. All bursts are shorter.
const CAPACITY: usize = 1024;

/// Text that is published, with its event for servers that can send one event to many subscribers. The other servers
/// create their own event from the text.
#[derive(Clone, Debug)]
pub struct Published(Arc<(String, Event)>);

impl Published {
    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.0.0
    }
}

impl AsEvent for Published {
    fn as_event(&self) -> &Event {
        &self.0.1
    }
}

/// Channel that sends every text to every subscriber.
#[derive(Clone, Debug)]
pub struct Feed {
    sender: broadcast::Sender<Published>,
    missed: Arc<AtomicU64>,
}

impl Feed {
    /// Creates a channel without subscribers, and spawns a task that publishes by these commands.
    pub fn by(commands: Commands) -> Self {
        let feed = Self {
            sender: broadcast::Sender::new(CAPACITY),
            missed: Arc::default(),
        };
        tokio::spawn(commands.run(feed.clone()));
        feed
    }

    /// Returns a stream of all texts that are published from now on. It does not allocate, so that only the library is
    /// measured.
    pub fn subscribe(&self) -> impl Stream<Item = Published> + Send + Sync + use<> {
        let start = (self.sender.subscribe(), Arc::clone(&self.missed));
        stream::unfold(start, |(mut receiver, missed)| async move {
            loop {
                match receiver.recv().await {
                    Ok(published) => return Some((published, (receiver, missed))),
                    Err(RecvError::Lagged(texts)) => missed.fetch_add(texts, Ordering::Relaxed),
                    Err(RecvError::Closed) => return None,
                };
            }
        })
    }
}

impl Publish for Feed {
    fn publish(&self, texts: Vec<String>) {
        for text in texts {
            let event = Event::new(text.clone());
            // It is not an error if there are no subscribers.
            let _ = self.sender.send(Published(Arc::new((text, event))));
        }
    }

    fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}
