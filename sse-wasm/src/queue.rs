use core::{
    cell::{Cell, RefCell},
    task::{Context, Poll, Waker},
};
use std::collections::VecDeque;

use crate::Item;

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
