use core::{
    cell::{Cell, RefCell},
    fmt,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use std::{collections::VecDeque, rc::Rc};

use futures_core::Stream;
use sse_proto::Event;

use crate::{
    event_source::{EventSource, ReadyState},
    subscription::Subscription,
};

/// How many items wait for a consumer that does not poll, before the oldest are dropped.
pub const QUEUE_LIMIT: usize = 4096;

/// What happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// The connection stands, for the first time or again.
    Open,
    /// An event came.
    Event(Event),
    /// The connection was lost or refused. [`Connecting`](ReadyState::Connecting): the browser
    /// tries again by itself. [`Closed`](ReadyState::Closed): it does not, and the stream ends.
    Error(ReadyState),
    /// So many items were dropped here, because more than [`QUEUE_LIMIT`] were waiting.
    Lagged(u64),
}

/// Everything that happens to a connection, in its order. See [`EventSource::items`].
///
/// It ends when the connection is closed, by us or for good by the browser.
#[must_use = "streams do nothing unless polled, and close the connection when dropped"]
pub struct Items {
    queue: Rc<Queue>,
    source: EventSource,
    _subscriptions: Vec<Subscription>,
}

impl Items {
    pub(crate) fn new<'a>(
        source: &EventSource,
        event_types: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let queue = Rc::new(Queue::default());
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
        subscriptions.push(source.on_error(move |state| failed.push(Item::Error(state))));
        Self {
            queue,
            source: source.clone(),
            _subscriptions: subscriptions,
        }
    }

    /// The connection: its state, its last event ID, and a way to close it.
    pub fn source(&self) -> &EventSource {
        &self.source
    }
}

impl Stream for Items {
    type Item = Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        if let Some(item) = self.queue.pop() {
            return Poll::Ready(Some(item));
        }
        if self.source.ready_state() == ReadyState::Closed {
            return Poll::Ready(None);
        }
        self.queue.waker.replace(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items")
            .field("source", &self.source)
            .field("waiting", &self.queue.items.borrow().len())
            .finish_non_exhaustive()
    }
}

/// From the listeners, which must not wait, to the stream.
#[derive(Default)]
pub(crate) struct Queue {
    items: RefCell<VecDeque<Item>>,
    dropped: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

impl Queue {
    fn push(&self, item: Item) {
        let mut items = self.items.borrow_mut();
        if items.len() == QUEUE_LIMIT {
            items.pop_front();
            self.dropped.set(self.dropped.get() + 1);
        }
        items.push_back(item);
        drop(items);
        self.wake();
    }

    fn pop(&self) -> Option<Item> {
        match self.dropped.take() {
            0 => self.items.borrow_mut().pop_front(),
            dropped => Some(Item::Lagged(dropped)),
        }
    }

    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
