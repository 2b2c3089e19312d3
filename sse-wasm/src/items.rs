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

/// A stream of everything that happens on a connection, in order.
///
/// It is returned by [`EventSource::items`] and [`Builder::open`]. It ends when the client closes the connection, or
/// when the connection has ended for good.
#[must_use = "streams do nothing unless polled, and close the connection when dropped"]
pub struct ItemStream(Kind);

enum Kind {
    Native(Native),
    #[cfg(feature = "fetch")]
    Fetch(Box<FetchSource>),
}

impl ItemStream {
    /// Returns the [`EventSource`], or `None` if the client uses `fetch`.
    ///
    /// It has the state and the last event ID, and can close the connection.
    pub fn source(&self) -> Option<&EventSource> {
        match &self.0 {
            Kind::Native(native) => Some(&native.source),
            #[cfg(feature = "fetch")]
            Kind::Fetch(_) => None,
        }
    }
}

impl EventSource {
    /// Returns a stream of everything that happens from now on, in order.
    ///
    /// It has the events of type `message` and of the given types, and each opening and loss of the connection. The
    /// browser delivers only the requested types, so all types must be given here.
    ///
    /// The stream keeps the connection open, even if this handle is dropped.
    pub fn items<'a>(&self, event_types: impl IntoIterator<Item = &'a str>) -> ItemStream {
        ItemStream(Kind::Native(Native::new(self, event_types)))
    }
}

impl Builder {
    /// Connects, and returns a stream of everything that happens on the connection.
    ///
    /// It uses the browser's own `EventSource`. With the feature `fetch`, it uses `fetch` if the browser has no
    /// `EventSource`, or if an option is set that `EventSource` does not support.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`native`](Self::native) and [`fetch`](Self::fetch).
    pub fn open(mut self) -> Result<ItemStream, Error> {
        #[cfg(feature = "fetch")]
        if self.takes_fetch() {
            let source = self.fetch()?;
            return Ok(ItemStream(Kind::Fetch(Box::new(source))));
        }
        let event_types = core::mem::take(&mut self.event_types);
        let source = self.native()?;
        Ok(source.items(event_types.iter().map(String::as_str)))
    }
}

impl Stream for ItemStream {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        match &mut self.0 {
            Kind::Native(native) => native.poll_next(cx),
            #[cfg(feature = "fetch")]
            Kind::Fetch(source) => Pin::new(source).poll_next(cx),
        }
    }
}

impl fmt::Debug for ItemStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ItemStream")
            .field("source", &self.source())
            .finish_non_exhaustive()
    }
}

/// The items that listeners of the browser's `EventSource` put into a queue.
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
