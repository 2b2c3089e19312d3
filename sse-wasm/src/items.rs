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
use crate::{Closed, EventSource, Item, ReadyState, Subscription};

/// How many items wait for a consumer that does not poll, before the oldest are dropped, unless it
/// is [set](crate::Builder::with_queue_limit).
pub const QUEUE_LIMIT: usize = 4096;

/// Everything that happens to a connection, in its order. See [`EventSource::items`] and
/// [`Builder::open`](crate::Builder::open).
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
    pub(crate) fn native<'a>(
        source: &EventSource,
        event_types: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self(Kind::Native(Native::new(source, event_types)))
    }

    #[cfg(feature = "fetch")]
    pub(crate) fn fetch(source: FetchSource) -> Self {
        Self(Kind::Fetch(Box::new(source)))
    }

    /// The browser's connection, if it is one: its state, its last event ID, and a way to close it.
    pub fn source(&self) -> Option<&EventSource> {
        match &self.0 {
            Kind::Native(native) => Some(&native.source),
            #[cfg(feature = "fetch")]
            Kind::Fetch(_) => None,
        }
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

/// From the listeners, which must not wait, to the stream.
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
