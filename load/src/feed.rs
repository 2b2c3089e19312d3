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

use crate::orders::Publish;

/// Ends each text and stands nowhere else in an answer: one byte to count events by, which no read
/// can cut in two.
pub const MARK: u8 = b'}';

/// How long a text is, unless another length is asked for.
pub const LENGTH: usize = 100;

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
    /// A channel without subscribers.
    #[expect(clippy::new_without_default, reason = "it allocates the whole channel")]
    pub fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(CAPACITY),
            missed: Arc::default(),
        }
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

/// The text of this number and about this length, which ends with [`MARK`].
pub fn text(number: u64, length: usize) -> String {
    let mut text = format!(r#"{{"number":{number},"text":""#);
    while text.len() + 2 < length {
        text.push("lorem ipsum dolor sit amet, ".as_bytes()[text.len() % 28].into());
    }
    text.push_str(r#""}"#);
    text
}
