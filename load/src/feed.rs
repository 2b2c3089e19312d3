//! What is published: the same texts for every library, out of one channel.

use std::{
    borrow::Borrow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_core::Stream;
use futures_util::stream;
use sse_hyper::Event;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::orders::{Orders, Publish};

/// How many texts the channel holds. No burst is as long.
const CAPACITY: usize = 1024;

/// What is published: a text, and the event that it is for those who can send one event to many.
/// The others make their own kind of event of the text.
#[derive(Clone, Debug)]
pub struct Published(Arc<(String, Event)>);

impl Published {
    /// The text.
    pub fn text(&self) -> &str {
        &self.0.0
    }
}

impl Borrow<Event> for Published {
    fn borrow(&self) -> &Event {
        &self.0.1
    }
}

/// A channel that every subscriber hears the same of.
#[derive(Clone, Debug)]
pub struct Feed {
    sender: broadcast::Sender<Published>,
    missed: Arc<AtomicU64>,
}

impl Feed {
    /// A channel without subscribers, fed by these orders on the runtime of whoever calls.
    pub fn by(orders: Orders) -> Self {
        let feed = Self {
            sender: broadcast::Sender::new(CAPACITY),
            missed: Arc::default(),
        };
        tokio::spawn(orders.obey(feed.clone()));
        feed
    }

    /// All that is published from now on. The stream allocates nothing, so that what is measured is the
    /// library.
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
            // That nobody listens is no fault.
            let _ = self.sender.send(Published(Arc::new((text, event))));
        }
    }

    fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}
