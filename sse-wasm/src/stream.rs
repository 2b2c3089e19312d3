//! The stream of a connection, and the bounded queue that feeds it.

use core::{
    cell::{Cell, RefCell},
    fmt,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use std::{collections::VecDeque, rc::Rc};

use futures_core::Stream;

#[cfg(feature = "fetch")]
use crate::FetchSource;
use crate::{Builder, Closed, Error, EventSource, Item, ReadyState, Subscription};

/// A stream of the items of a connection: its events, openings and losses, in order.
///
/// It is returned by [`EventSource::items`] and [`Builder::open`]. It ends when the client closes the connection, or
/// when the connection has ended for good. Dropping it closes the connection, unless other handles keep it open.
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
    /// Returns a stream of the items of the connection from now on, in order.
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
    /// Connects with `EventSource` or `fetch`, and returns a stream of the items of the connection.
    ///
    /// It uses the browser's own `EventSource`. With the feature `fetch`, it uses `fetch` if the browser has no
    /// `EventSource`, or if an option is set that `EventSource` does not support.
    ///
    /// The stream has the events of type `message` and of the types that [`event_types`](Self::event_types) has set.
    /// A client over `fetch` delivers all types.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`native`](Self::native), or of the client over `fetch`. A server that cannot be reached
    /// is not an error here.
    pub fn open(mut self) -> Result<ItemStream, Error> {
        #[cfg(feature = "fetch")]
        if self.uses_fetch() {
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
            failed.push(
                match connection.and_then(|connection| connection.disconnected()) {
                    Some(disconnected) => Item::Disconnected(disconnected),
                    None => Item::Closed(Closed::default()),
                },
            );
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

/// Default maximum number of items that wait for a consumer that does not poll.
///
/// When the queue is full, the oldest items are dropped.
/// [`Builder::queue_limit`](crate::Builder::queue_limit) sets another limit.
pub const DEFAULT_QUEUE_LIMIT: usize = 4096;

/// A bounded queue from the listeners, which must not wait, to the stream.
pub(crate) struct Queue {
    items: RefCell<VecDeque<Item>>,
    limit: usize,
    dropped: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

impl Queue {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            items: RefCell::default(),
            limit,
            dropped: Cell::default(),
            waker: RefCell::default(),
        }
    }

    pub(crate) fn push(&self, item: Item) {
        let mut items = self.items.borrow_mut();
        if items.len() >= self.limit {
            items.pop_front();
            self.dropped.set(self.dropped.get() + 1);
        }
        items.push_back(item);
        drop(items);
        self.wake();
    }

    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<Item> {
        let item = match self.dropped.take() {
            0 => self.items.borrow_mut().pop_front(),
            dropped => Some(Item::Lagged(dropped)),
        };
        match item {
            Some(item) => Poll::Ready(item),
            None => {
                self.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        }
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
