//! Channel: the subscribers with the same selection, and the events that some of them have not read yet.
//!
//! # A note to the next reader
//!
//! Everything here is optimized for one case: an event arrives and wakes ten thousand tasks, and each of them
//! wants the same bytes. So each task takes the one lock of the channel, and finds the frame that the first task has
//! built. It clones the frame (which increments a count), writes it, and waits again.
//!
//! - **The window** holds the newest events of the selection until all subscribers have read them: when all
//!   subscribers wait, it is emptied. A subscriber that is further behind than the window reads from the log.
//! - **The frame** that was built last is kept, because the next subscriber is most likely at the same position.
//! - **The waiting subscribers** are a slab of wakers. A publisher swaps it for an empty slab and wakes all wakers
//!   of the full one outside of the lock. The next publisher uses its memory again.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Waker},
};

use slab::Slab;
use sse_hyper::Encoded;

use crate::{
    TopicFilters,
    log::{Entry, FULL_FRAME},
};

/// Maximum number of bytes that a window holds.
///
/// All subscribers of a channel may be dead connections, so this and one frame is the memory that a channel can
/// cost. The window only refers to a larger event, as long as the log has it.
const MAX_WINDOW_BYTES: usize = 64 * 1024;

/// Channel of all subscribers with the same selection.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: u64,
    pub(crate) filters: TopicFilters,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) subscribers: usize,
    window: VecDeque<Slot>,
    bytes: usize,
    /// Sequence of an event. All later events of the selection are in the window.
    floor: u64,
    /// Number of events of the selection since the first subscriber came.
    pub(crate) appended: u64,
    frame: Option<Frame>,
    /// Count of the current round of waiting. It increases each time that all subscribers are woken.
    round: u64,
    waiting: Slab<Waker>,
    /// Empty slab whose memory is used for the next round.
    spare: Slab<Waker>,
}

/// Event in the window.
#[derive(Debug)]
struct Slot {
    sequence: u64,
    size: usize,
    entry: Held,
}

/// Reference to an event of the window, which keeps it in memory or not.
#[derive(Debug)]
enum Held {
    Here(Arc<Entry>),
    InLog(Weak<Entry>),
}

/// Next events of a subscriber.
pub(crate) enum Next {
    Nothing,
    Part(Part),
    /// The window does not have them. The log may have them.
    InLog,
}

/// Copy of several consecutive events of the filters, from `first` to the last one of `part`.
#[derive(Clone, Debug)]
struct Frame {
    first: u64,
    part: Part,
    /// The next event would not fit.
    is_full: bool,
}

/// Events that a subscriber receives at a time.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) blocks: Encoded,
    pub(crate) events: u64,
    /// Sequence of the last event.
    pub(crate) last: u64,
    /// The part is the newest event of the selection, and no other.
    pub(crate) is_newest: bool,
}

/// Position of a subscriber's waker among the waiting ones.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// Round in which the subscriber waits. 0 if it does not wait.
    round: u64,
    key: usize,
}

/// Wakers of the subscribers to wake.
pub(crate) type Woken = Slab<Waker>;

impl Channel {
    pub(crate) fn new(id: u64, filters: TopicFilters, newest: u64) -> Self {
        Self {
            id,
            filters,
            inner: Mutex::new(Inner {
                subscribers: 0,
                window: VecDeque::new(),
                bytes: 0,
                floor: newest,
                appended: 0,
                frame: None,
                round: 1,
                waiting: Slab::new(),
                spare: Slab::new(),
            }),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code under this lock panics in the middle of a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the next event. The caller [wakes](Self::wake) the subscribers that wait for it.
    pub(crate) fn append(&self, entry: &Arc<Entry>) -> Woken {
        let mut inner = self.lock();
        inner.append(Arc::clone(entry));
        inner.take_waiting()
    }

    /// Drops the window, because events up to this one are lost. The caller wakes the waiting subscribers.
    pub(crate) fn skip_to(&self, sequence: u64) -> Woken {
        let mut inner = self.lock();
        inner.floor = sequence;
        inner.clear();
        inner.take_waiting()
    }

    /// Wakes these subscribers. The caller holds no lock, because their tasks may run at once.
    pub(crate) fn wake(&self, mut woken: Woken) {
        let count = woken.len();
        for waker in woken.drain() {
            waker.wake();
        }
        // Memory for many subscribers that have left is freed.
        if woken.capacity() <= 64.max(4 * count) {
            self.lock().spare = woken;
        }
    }
}

impl Slot {
    /// Returns the encoded event. `None` if it was only in the log, and has left it.
    fn block(&self) -> Option<Encoded> {
        match &self.entry {
            Held::Here(entry) => Some(entry.block.clone()),
            Held::InLog(entry) => entry.upgrade().map(|entry| entry.block.clone()),
        }
    }
}

impl Inner {
    fn append(&mut self, entry: Arc<Entry>) {
        let (sequence, size) = (entry.sequence, entry.size());
        let entry = match size <= MAX_WINDOW_BYTES {
            true => Held::Here(entry),
            false => Held::InLog(Arc::downgrade(&entry)),
        };
        self.appended += 1;
        self.bytes = self.bytes.saturating_add(size);
        self.window.push_back(Slot {
            sequence,
            size,
            entry,
        });
        while self.bytes > MAX_WINDOW_BYTES && self.window.len() > 1 {
            if let Some(slot) = self.window.pop_front() {
                self.bytes -= slot.size;
                self.floor = slot.sequence;
            }
        }
    }

    /// Returns whether the window has all events of the selection after this sequence.
    pub(crate) fn reaches(&self, cursor: u64) -> bool {
        self.floor <= cursor
    }

    /// Returns the sequence of the newest event of the selection that the channel has had.
    pub(crate) fn newest(&self) -> u64 {
        self.window.back().map_or(self.floor, |slot| slot.sequence)
    }

    /// Returns the events after this sequence, up to a full frame.
    pub(crate) fn after(&mut self, cursor: u64) -> Next {
        if !self.reaches(cursor) {
            return Next::InLog;
        }
        let start = self.window.partition_point(|it| it.sequence <= cursor);
        let Some(slot) = self.window.get(start) else {
            return Next::Nothing;
        };
        let (first, newest) = (slot.sequence, self.newest());
        if first == newest {
            // A single event is shared without a copy.
            return slot.block().map_or(Next::InLog, |blocks| {
                Next::Part(Part {
                    blocks,
                    events: 1,
                    last: first,
                    is_newest: true,
                })
            });
        }
        if let Some(frame) = &self.frame
            && frame.first == first
            && (frame.is_full || frame.part.last == newest)
        {
            return Next::Part(frame.part.clone());
        }
        let mut blocks = Vec::new();
        let (mut size, mut last) = (0, first);
        for slot in self.window.range(start..) {
            let Some(block) = slot.block() else {
                return Next::InLog;
            };
            size += block.len();
            if size > FULL_FRAME && !blocks.is_empty() {
                break;
            }
            last = slot.sequence;
            blocks.push(block);
        }
        let part = Part {
            blocks: Encoded::join(&blocks),
            events: blocks.len() as u64,
            last,
            is_newest: false,
        };
        self.frame = (blocks.len() > 1).then(|| Frame {
            first,
            part: part.clone(),
            is_full: last != newest,
        });
        Next::Part(part)
    }

    /// Registers a subscriber that has read all events, so that the next event wakes it.
    ///
    /// Returns its old waker, which the caller drops outside of the lock. Dropping the last waker of a task may drop
    /// the task and its subscriptions.
    #[must_use]
    pub(crate) fn wait(&mut self, place: &mut Place, cx: &Context<'_>) -> Option<Waker> {
        let mut old = None;
        match self.waiting.get_mut(place.key) {
            Some(waker) if place.round == self.round => {
                if !waker.will_wake(cx.waker()) {
                    old = Some(core::mem::replace(waker, cx.waker().clone()));
                }
            }
            _ => {
                place.round = self.round;
                place.key = self.waiting.insert(cx.waker().clone());
            }
        }
        if self.waiting.len() == self.subscribers && !self.window.is_empty() {
            self.floor = self.newest();
            self.clear();
        }
        old
    }

    fn clear(&mut self) {
        self.window.clear();
        self.bytes = 0;
        self.frame = None;
    }

    /// Takes the wakers of all waiting subscribers, and begins the next round.
    pub(crate) fn take_waiting(&mut self) -> Woken {
        let empty = core::mem::take(&mut self.spare);
        self.round += 1;
        core::mem::replace(&mut self.waiting, empty)
    }

    /// Removes a subscriber. Returns its waker, which the caller drops outside of the lock.
    #[must_use]
    pub(crate) fn leave(&mut self, place: Place) -> Option<Waker> {
        self.subscribers -= 1;
        let waits = place.round == self.round;
        let waker = waits.then(|| self.waiting.try_remove(place.key)).flatten();
        if self.waiting.is_empty() {
            self.waiting.shrink_to_fit();
        }
        waker
    }
}
