//! One connection for all tabs of an origin, for browsers open no more than six to a host over
//! HTTP/1.1.
//!
//! ```text
//!  tab: holds the lock ──▶ Items ──▶ its own queue
//!                            └─────▶ channel ──▶ queues of the tabs that wait for the lock
//! ```
//!
//! Whoever gets the [lock](https://w3c.github.io/web-locks/) has the connection, and says on a
//! [channel](https://html.spec.whatwg.org/multipage/web-messaging.html#broadcasting-to-other-browsing-contexts)
//! what comes. When its tab is closed, or crashes, the browser gives the lock to the next, which goes on
//! behind the last event that it has heard of. The others may have heard of more, for what was said
//! last is still on its way; so that nobody hears it twice, the new one says first where it goes on.

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
use crate::listener::Listener;
use crate::{Builder, Closed, Error, Item, queue::Queue};
use lock::Lock;
use message::Message;

/// How many IDs are remembered: more than can be on their way between two tabs.
const REMEMBERED: usize = 4096;

/// What happens to a connection that is shared between tabs. See [`Builder::share`].
#[must_use = "streams do nothing unless polled, and leave the connection when dropped"]
pub struct Shared {
    tab: Rc<Tab>,
    #[cfg(feature = "fetch")]
    _signal: Option<Listener>,
    _listener: Closure<dyn FnMut(MessageEvent)>,
}

/// What a tab knows.
struct Tab {
    channel: BroadcastChannel,
    queue: Queue,
    lock: RefCell<Option<Lock>>,
    has_lock: Cell<bool>,
    is_open: Cell<bool>,
    is_over: Cell<bool>,
    /// Of whoever reads the connection, if that is this tab.
    reader: RefCell<Option<Waker>>,
    /// The IDs of the latest events, the last one at the end.
    seen: RefCell<VecDeque<String>>,
    /// Up to this one, events were heard already.
    skip_to: RefCell<Option<String>>,
}

impl Builder {
    /// Everything that happens, as by [`open`](Self::open), over one connection for all tabs that ask
    /// for one of this name. The tab that opens it decides by its builder, so all should be alike.
    ///
    /// A tab that joins hears of what comes from then on. When another tab takes the connection
    /// over, it goes on behind the last event; the browser's own `EventSource` has to know by which
    /// parameter, [`with_revival`](Self::with_revival).
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where there are no locks or channels: they want `https`, or
    /// `localhost`. [`Error::NeedsResend`] for a request that is sent once, because another tab that takes the
    /// connection over would send it again. Such a request of a preparation is not sent, and told by [`Closed::fault`].
    pub fn share(self, name: &str) -> Result<Shared, Error> {
        #[cfg(feature = "fetch")]
        if !self.wishes.resends(&self.wishes.request) {
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
            has_lock: Cell::new(false),
            is_open: Cell::new(false),
            is_over: Cell::new(false),
            reader: RefCell::default(),
            seen: RefCell::default(),
            skip_to: RefCell::default(),
        });
        let listener = {
            let tab = Rc::downgrade(&tab);
            Closure::new(move |event: MessageEvent| {
                if let Some(tab) = tab.upgrade()
                    && let Some(message) = Message::read(&event.data())
                {
                    tab.hear(message);
                }
            })
        };
        let function = listener.as_ref().unchecked_ref();
        tab.channel.set_onmessage(Some(function));
        // Heard by each tab, because one that waits for the lock has no client that would hear it.
        #[cfg(feature = "fetch")]
        let signal = self.wishes.signal.as_ref().map(|signal| {
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
        if !tab.is_over.get() {
            tab.say(&Message::Hello);
            let next = Rc::downgrade(&tab);
            let lock = Lock::request(&name, move || {
                if let Some(tab) = next.upgrade() {
                    spawn_local(lead(tab, self));
                }
            });
            tab.lock.replace(Some(lock.map_err(unsupported)?));
        }
        Ok(Shared {
            tab,
            #[cfg(feature = "fetch")]
            _signal: signal,
            _listener: listener,
        })
    }
}

/// Has the connection, for all.
async fn lead(tab: Rc<Tab>, builder: Builder) {
    if tab.is_over.get() {
        return;
    }
    tab.has_lock.set(true);
    tab.is_open.set(false);
    tab.skip_to.take();
    let last_event_id = tab.seen.borrow().back().cloned().unwrap_or_default();
    let items = builder.shared_after(&last_event_id).open();
    tab.say(&Message::After(last_event_id));
    let Ok(mut items) = items else {
        // It is so for whoever comes next.
        return tab.tell(Item::Closed(Closed::default()));
    };
    let next = poll_fn(|cx| {
        while !tab.is_over.get() {
            tab.reader.replace(Some(cx.waker().clone()));
            match ready!(Pin::new(&mut items).poll_next(cx)) {
                Some(item) => {
                    tab.say(&Message::Item(item.clone()));
                    tab.tell(item);
                }
                None => break,
            }
        }
        Poll::Ready(())
    });
    next.await;
    // After a refusal the lock is kept, so that no other tab asks before it is told.
    if !tab.is_over.get() {
        tab.leave();
    }
}

impl Tab {
    fn say(&self, message: &Message) {
        if let Some(message) = message.write() {
            // It throws only for a channel that is closed.
            let _ = self.channel.post_message(&message);
        }
    }

    /// What another tab says.
    fn hear(&self, message: Message) {
        match message {
            Message::Hello if self.has_lock.get() && self.is_open.get() => {
                self.say(&Message::Item(Item::Open));
            }
            // This one has heard it from the server, or will.
            _ if self.has_lock.get() => {}
            Message::Hello => {}
            Message::After(id) => {
                self.is_open.set(false);
                let seen = self.seen.borrow();
                let last = seen
                    .back()
                    .filter(|last| **last != id && seen.contains(&id));
                self.skip_to.replace(last.cloned());
            }
            // For a tab that joins, it begins when it hears that the connection is open.
            Message::Item(Item::Event(_) | Item::Comment(_) | Item::Retry(_))
                if !self.is_open.get() => {}
            Message::Item(Item::Event(event)) if self.skip_to.borrow().is_some() => {
                self.skip_to
                    .borrow_mut()
                    .take_if(|last| event.last_event_id == *last);
            }
            Message::Item(item) => self.tell(item),
        }
    }

    /// What the consumer is to know.
    fn tell(&self, item: Item) {
        match &item {
            // Said again for one that has just joined.
            Item::Open if self.is_open.replace(true) => return,
            Item::Event(event) if !event.last_event_id.is_empty() => {
                let mut seen = self.seen.borrow_mut();
                if seen.len() == REMEMBERED {
                    seen.pop_front();
                }
                seen.push_back(event.last_event_id.to_string());
            }
            Item::Disconnected(_) => self.is_open.set(false),
            Item::Closed(_) => self.is_over.set(true),
            _ => {}
        }
        self.queue.push(item);
    }

    /// It is over for this tab, and another may have the connection.
    fn leave(&self) {
        self.is_over.set(true);
        self.has_lock.set(false);
        self.lock.take();
        self.queue.wake();
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Shared {
    /// The ID of the last event, empty if there was none.
    pub fn last_event_id(&self) -> String {
        self.tab.seen.borrow().back().cloned().unwrap_or_default()
    }

    /// Whether the connection is this tab's.
    pub fn has_connection(&self) -> bool {
        self.tab.has_lock.get()
    }
}

impl Stream for Shared {
    type Item = Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        match self.tab.queue.poll(cx) {
            Poll::Pending if self.tab.is_over.get() => Poll::Ready(None),
            item => item.map(Some),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.tab.leave();
        self.tab.channel.set_onmessage(None);
        self.tab.channel.close();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("has_connection", &self.has_connection())
            .field("last_event_id", &self.last_event_id())
            .finish_non_exhaustive()
    }
}
