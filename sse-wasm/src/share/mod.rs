//! One connection for all tabs of an origin, because browsers open at most six connections to a host over HTTP/1.1.
//!
//! ```text
//!  tab: holds the lock ──▶ ItemStream ─┬─▶ its own queue
//!                                      └─▶ channel ──▶ queues of the tabs that wait for the lock
//! ```
//!
//! The tab that holds the [lock](https://w3c.github.io/web-locks/) is the leader: it has the connection. It broadcasts
//! all items on a
//! [channel](https://html.spec.whatwg.org/multipage/web-messaging.html#broadcasting-to-other-browsing-contexts).
//!
//! When the leader's tab is closed, or crashes, the browser gives the lock to the next tab. The new leader continues
//! after the last event that it has received. Other tabs can have received more, because the last messages may still
//! be on their way. So the new leader first broadcasts the ID after which it continues, and the other tabs skip the
//! events that they already have.

mod lock;
mod message;

use core::{
    cell::{Cell, RefCell},
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};
use std::{collections::VecDeque, rc::Rc};

use futures_core::Stream;
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{BroadcastChannel, MessageEvent};

#[cfg(feature = "fetch")]
use crate::browser::Listener;
use crate::{Builder, Closed, Error, Item, stream::Queue};
use lock::Lock;
use message::Message;

/// Maximum number of event IDs that a tab remembers: more than can be on their way between two tabs.
const MAX_RECENT_IDS: usize = 4096;

/// A stream of the items of a connection that tabs share.
///
/// It is returned by [`Builder::share`]. Dropping it leaves the connection to the other tabs.
#[must_use = "streams do nothing unless polled, and leave the connection when dropped"]
pub struct SharedSource {
    tab: Rc<Tab>,
    #[cfg(feature = "fetch")]
    _signal: Option<Listener>,
    _listener: Closure<dyn FnMut(MessageEvent)>,
}

/// The state of this tab.
struct Tab {
    channel: BroadcastChannel,
    queue: Queue,
    lock: RefCell<Option<Lock>>,
    /// `true` if this tab has the lock, and with it the connection.
    is_leader: Cell<bool>,
    is_open: Cell<bool>,
    has_ended: Cell<bool>,
    /// The waker of the task that reads the connection, if this tab is the leader.
    leader_waker: RefCell<Option<Waker>>,
    /// The IDs of the latest events. The newest is at the end.
    recent_ids: RefCell<VecDeque<String>>,
    /// The ID of the last event to skip, because this tab already has it.
    skip_until: RefCell<Option<String>>,
}

impl Builder {
    /// Connects with one connection for all tabs of the origin that share this name.
    ///
    /// It uses `EventSource` or `fetch`, like [`open`](Self::open). The connection has the options of the tab that opens
    /// it, so all tabs should use the same options.
    ///
    /// A tab that joins receives what comes from then on. When another tab takes the connection over, it continues
    /// after the last event. For the browser's own `EventSource`, this needs the query parameter of
    /// [`reconnect_with_query`](Self::reconnect_with_query).
    ///
    /// # Errors
    ///
    /// Returns [`Error::Unsupported`] without locks or channels, which need `https` or `localhost`.
    ///
    /// Returns [`Error::NeedsResend`] for a request that is sent once, because the next tab would send it again.
    ///
    /// If the function of `map_request` turns the request into one that is sent once, the request is not sent.
    /// [`Closed::exception`] then has the error.
    pub fn share(self, name: &str) -> Result<SharedSource, Error> {
        #[cfg(feature = "fetch")]
        if !self
            .request_options
            .is_resent(&self.request_options.request)
        {
            return Err(Error::NeedsResend);
        }
        if !lock::is_supported() {
            let missing = "navigator.locks or BroadcastChannel";
            return Err(Error::Unsupported { missing });
        }
        let missing = "BroadcastChannel";
        let unsupported = |_| Error::Unsupported { missing };
        let name = ["sse-wasm: ", name].concat();
        let channel = BroadcastChannel::new(&name).map_err(unsupported)?;
        let tab = Rc::new(Tab {
            channel,
            queue: Queue::new(self.queue_limit),
            lock: RefCell::default(),
            is_leader: Cell::new(false),
            is_open: Cell::new(false),
            has_ended: Cell::new(false),
            leader_waker: RefCell::default(),
            recent_ids: RefCell::default(),
            skip_until: RefCell::default(),
        });
        let listener = {
            let tab = Rc::downgrade(&tab);
            Closure::new(move |event: MessageEvent| {
                if let Some(tab) = tab.upgrade()
                    && let Some(message) = Message::decode(&event.data())
                {
                    tab.on_message(message);
                }
            })
        };
        let function = listener.as_ref().unchecked_ref();
        tab.channel.set_onmessage(Some(function));
        // Each tab listens to its signal, because a tab that waits for the lock has no client that would do it.
        #[cfg(feature = "fetch")]
        let signal = self.request_options.abort_signal.as_ref().map(|signal| {
            if signal.aborted() {
                tab.leave();
            }
            let tab = Rc::downgrade(&tab);
            Listener::new(signal, "abort", move |_| {
                if let Some(tab) = tab.upgrade() {
                    tab.leave();
                }
            })
        });
        if !tab.has_ended.get() {
            tab.broadcast(&Message::Joined);
            let weak_tab = Rc::downgrade(&tab);
            let lock = Lock::request(&name, move || {
                if let Some(tab) = weak_tab.upgrade() {
                    spawn_local(run_leader(tab, self));
                }
            });
            tab.lock.replace(Some(lock.map_err(unsupported)?));
        }
        Ok(SharedSource {
            tab,
            #[cfg(feature = "fetch")]
            _signal: signal,
            _listener: listener,
        })
    }
}

/// Opens the connection, and broadcasts its items to the other tabs.
async fn run_leader(tab: Rc<Tab>, builder: Builder) {
    if tab.has_ended.get() {
        return;
    }
    tab.is_leader.set(true);
    tab.is_open.set(false);
    tab.skip_until.take();
    let last_event_id = tab.recent_ids.borrow().back().cloned().unwrap_or_default();
    let items = builder.for_shared_connection(&last_event_id).open();
    tab.broadcast(&Message::ResumesAfter(last_event_id));
    let Ok(mut items) = items else {
        // The lock is kept, because the next tab would get the same error.
        return tab.deliver(Item::Closed(Closed::default()));
    };
    let finished = poll_fn(|cx| {
        while !tab.has_ended.get() {
            tab.leader_waker.replace(Some(cx.waker().clone()));
            match ready!(Pin::new(&mut items).poll_next(cx)) {
                Some(item) => {
                    tab.broadcast(&Message::Item(item.clone()));
                    tab.deliver(item);
                }
                None => break,
            }
        }
        Poll::Ready(())
    });
    finished.await;
    // After a refusal the lock is kept, so that no other tab connects before it has received the refusal.
    if !tab.has_ended.get() {
        tab.leave();
    }
}

impl Tab {
    /// Broadcasts a message to the other tabs.
    fn broadcast(&self, message: &Message) {
        if let Some(message) = message.encode() {
            // It throws only if the channel is closed.
            let _ = self.channel.post_message(&message);
        }
    }

    /// Handles a message of another tab.
    fn on_message(&self, message: Message) {
        match message {
            Message::Joined if self.is_leader.get() && self.is_open.get() => {
                self.broadcast(&Message::Item(Item::Open));
            }
            // The leader receives everything from the server itself.
            _ if self.is_leader.get() => {}
            Message::Joined => {}
            Message::ResumesAfter(id) => {
                self.is_open.set(false);
                let recent_ids = self.recent_ids.borrow();
                let last = recent_ids
                    .back()
                    .filter(|last| **last != id && recent_ids.contains(&id));
                self.skip_until.replace(last.cloned());
            }
            // For a tab that joins, the stream begins when it learns that the connection is open.
            Message::Item(Item::Event(_) | Item::Comment(_) | Item::Retry(_))
                if !self.is_open.get() => {}
            Message::Item(Item::Event(event)) if self.skip_until.borrow().is_some() => {
                self.skip_until
                    .borrow_mut()
                    .take_if(|last| event.last_event_id == *last);
            }
            Message::Item(item) => self.deliver(item),
        }
    }

    /// Delivers an item to the consumer of this tab.
    fn deliver(&self, item: Item) {
        match &item {
            // Repeated for a tab that has just joined.
            Item::Open if self.is_open.replace(true) => return,
            Item::Event(event) if !event.last_event_id.is_empty() => {
                let mut recent_ids = self.recent_ids.borrow_mut();
                if recent_ids.len() == MAX_RECENT_IDS {
                    recent_ids.pop_front();
                }
                recent_ids.push_back(event.last_event_id.to_string());
            }
            Item::Disconnected(_) => self.is_open.set(false),
            Item::Closed(_) => self.has_ended.set(true),
            _ => {}
        }
        self.queue.push(item);
    }

    /// Ends the stream of this tab, and releases the lock for another tab.
    fn leave(&self) {
        self.has_ended.set(true);
        self.is_leader.set(false);
        self.lock.take();
        self.queue.wake();
        if let Some(waker) = self.leader_waker.take() {
            waker.wake();
        }
    }
}

impl SharedSource {
    /// Returns the ID of the last event, or an empty string.
    pub fn last_event_id(&self) -> String {
        self.tab
            .recent_ids
            .borrow()
            .back()
            .cloned()
            .unwrap_or_default()
    }

    /// Returns whether this tab has the connection.
    pub fn has_connection(&self) -> bool {
        self.tab.is_leader.get()
    }
}

impl Stream for SharedSource {
    type Item = Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        match self.tab.queue.poll(cx) {
            Poll::Pending if self.tab.has_ended.get() => Poll::Ready(None),
            item => item.map(Some),
        }
    }
}

impl Drop for SharedSource {
    fn drop(&mut self) {
        self.tab.leave();
        self.tab.channel.set_onmessage(None);
        self.tab.channel.close();
    }
}

impl fmt::Debug for SharedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedSource")
            .field("has_connection", &self.has_connection())
            .field("last_event_id", &self.last_event_id())
            .finish_non_exhaustive()
    }
}
