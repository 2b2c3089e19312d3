use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};
use std::rc::Rc;

use futures_core::Stream;

#[cfg(feature = "fetch")]
use crate::FetchSource;
use crate::{Builder, Closed, Error, EventSource, Item, ReadyState, Subscription, queue::Queue};

/// Everything that happens to a connection, in its order. See [`EventSource::items`] and
/// [`Builder::open`].
///
/// It ends when the connection is closed, by us or for good.
#[must_use = "streams do nothing unless polled, and close the connection when dropped"]
pub struct Items(Kind);

enum Kind {
    Native(Native),
    #[cfg(feature = "fetch")]
    Fetch(Box<FetchSource>),
}

impl Items {
    /// The browser's connection, if it is one: its state, its last event ID, and a way to close it.
    pub fn source(&self) -> Option<&EventSource> {
        match &self.0 {
            Kind::Native(native) => Some(&native.source),
            #[cfg(feature = "fetch")]
            Kind::Fetch(_) => None,
        }
    }
}

impl EventSource {
    /// Everything that happens from now on, in its order, as one stream: the events of type
    /// `message` and of the given types, each opening, each loss.
    ///
    /// The browser hands out only the types that it was asked for, so they have to be known here.
    /// The stream keeps the connection open; nothing else has to be kept.
    pub fn items<'a>(&self, event_types: impl IntoIterator<Item = &'a str>) -> Items {
        Items(Kind::Native(Native::new(self, event_types)))
    }
}

impl Builder {
    /// Everything that happens, by the browser's own `EventSource`; or, with the feature `fetch`, by
    /// `fetch` if there is something that the other cannot do, or no such thing.
    ///
    /// # Errors
    ///
    /// As for [`native`](Self::native) and [`fetch`](Self::fetch).
    pub fn open(mut self) -> Result<Items, Error> {
        #[cfg(feature = "fetch")]
        if self.takes_fetch() {
            let source = self.fetch()?;
            return Ok(Items(Kind::Fetch(Box::new(source))));
        }
        let event_types = core::mem::take(&mut self.event_types);
        let source = self.native()?;
        Ok(source.items(event_types.iter().map(String::as_str)))
    }
}

impl Stream for Items {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        match &mut self.0 {
            Kind::Native(native) => native.poll_next(cx),
            #[cfg(feature = "fetch")]
            Kind::Fetch(source) => Pin::new(source).poll_next(cx),
        }
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("source", &self.source())
            .finish_non_exhaustive()
    }
}

/// What the browser's listeners hear.
struct Native {
    queue: Rc<Queue>,
    source: EventSource,
    _subscriptions: Vec<Subscription>,
}

impl Native {
    fn new<'a>(source: &EventSource, event_types: impl IntoIterator<Item = &'a str>) -> Self {
        let queue = Rc::new(Queue::new(source.0.queue_limit));
        source.0.add_queue(&queue);

        let mut names = vec!["message"];
        for name in event_types {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut subscriptions: Vec<Subscription> = names
            .into_iter()
            .map(|name| {
                let queue = Rc::clone(&queue);
                source.on_event(name, move |event| queue.push(Item::Event(event)))
            })
            .collect();
        let (opened, failed) = (Rc::clone(&queue), Rc::clone(&queue));
        subscriptions.push(source.on_open(move || opened.push(Item::Open)));
        let connection = Rc::downgrade(&source.0);
        subscriptions.push(source.on_error(move |_| {
            let connection = connection.upgrade();
            failed.push(match connection.and_then(|it| it.disconnected()) {
                Some(disconnected) => Item::Disconnected(disconnected),
                None => Item::Closed(Closed::default()),
            });
        }));
        Self {
            queue,
            source: source.clone(),
            _subscriptions: subscriptions,
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        match self.queue.poll(cx) {
            Poll::Pending if self.source.ready_state() == ReadyState::Closed => Poll::Ready(None),
            item => item.map(Some),
        }
    }
}
