//! All who follow the same selection, and what some of them have not seen yet.
//!
//! # A note to the next reader
//!
//! Everything here is made for one case: an event comes, and ten thousand tasks are woken, each of
//! which wants the same bytes. So they take one lock that is theirs, find a frame that the first of
//! them has put together, clone it (a count goes up), write it, and wait again.
//!
//! - **The window** holds the newest events of the selection, and only as long as somebody has not seen
//!   them: when all wait, it is emptied. Who is further behind than the window reads in the log.
//! - **The frame** that was put together last is kept beside it, for the next one most likely stands at
//!   the same place.
//! - **Who waits** is a slab of wakers. To publish is to swap it for an empty one and to wake all
//!   of the full one outside of the lock; its memory is used again the next time.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Waker},
};

use slab::Slab;
use sse_hyper::Encoded;

use crate::{
    Selection,
    log::{Entry, FULL_FRAME},
};

/// The most that a window holds. Its subscribers may all be gone without a word, so this and a frame
/// is what one of them can cost. Of an event that is larger, it only knows, as long as the log has it.
const WINDOW: usize = 64 * 1024;

/// All who follow the same selection.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: u64,
    pub(crate) selection: Selection,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) subscribers: usize,
    window: VecDeque<Slot>,
    bytes: usize,
    /// All events of the selection behind this one are in the window.
    floor: u64,
    /// How many events of the selection there were since the first subscriber came.
    pub(crate) appended: u64,
    frame: Option<Frame>,
    /// Goes up each time all are woken.
    round: u64,
    waiting: Slab<Waker>,
    /// An empty slab with room.
    spare: Slab<Waker>,
}

/// An event in the window.
#[derive(Debug)]
struct Slot {
    number: u64,
    size: usize,
    entry: Held,
}

/// Keeps an event in memory for this window, or only refers to it.
#[derive(Debug)]
enum Held {
    Here(Arc<Entry>),
    InLog(Weak<Entry>),
}

/// Next events of a subscriber.
pub(crate) enum Next {
    Nothing,
    Part(Part),
    /// Only the log can say, if it reaches as far back.
    InLog,
}

/// The events between these two numbers, both included. There are several, so this is a copy of them.
#[derive(Clone, Debug)]
struct Frame {
    first: u64,
    part: Part,
    /// The next event would not fit.
    is_full: bool,
}

/// What a subscriber gets at a time.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) blocks: Encoded,
    pub(crate) events: u64,
    /// The number of the last event.
    pub(crate) last: u64,
    /// It is the newest event of the selection, and no other.
    pub(crate) is_newest: bool,
}

/// Where a subscriber waits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// 0 if it does not.
    round: u64,
    key: usize,
}

/// Those who are to be woken.
pub(crate) type Woken = Slab<Waker>;

impl Channel {
    pub(crate) fn new(id: u64, selection: Selection, newest: u64) -> Self {
        Self {
            id,
            selection,
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
        // Nothing in here panics with half of a change made.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the next event. Those who wait for it are to be [woken](Self::wake).
    pub(crate) fn append(&self, entry: &Arc<Entry>) -> Woken {
        let mut inner = self.lock();
        inner.append(Arc::clone(entry));
        inner.take_waiting()
    }

    /// Events up to this one are not to be had any more. Those who wait are to be woken.
    pub(crate) fn skip_to(&self, number: u64) -> Woken {
        let mut inner = self.lock();
        inner.floor = number;
        inner.clear();
        inner.take_waiting()
    }

    /// Wakes all, outside of any lock, since they may run at once.
    pub(crate) fn wake(&self, mut woken: Woken) {
        let count = woken.len();
        for waker in woken.drain() {
            waker.wake();
        }
        // Room for many who have left is given back.
        if woken.capacity() <= 64.max(4 * count) {
            self.lock().spare = woken;
        }
    }
}

impl Slot {
    /// `None` if it has left the log.
    fn block(&self) -> Option<Encoded> {
        match &self.entry {
            Held::Here(entry) => Some(entry.block.clone()),
            Held::InLog(entry) => entry.upgrade().map(|entry| entry.block.clone()),
        }
    }
}

impl Inner {
    fn append(&mut self, entry: Arc<Entry>) {
        let (number, size) = (entry.number, entry.size());
        let entry = match size <= WINDOW {
            true => Held::Here(entry),
            false => Held::InLog(Arc::downgrade(&entry)),
        };
        self.appended += 1;
        self.bytes = self.bytes.saturating_add(size);
        self.window.push_back(Slot {
            number,
            size,
            entry,
        });
        while self.bytes > WINDOW && self.window.len() > 1 {
            if let Some(slot) = self.window.pop_front() {
                self.bytes -= slot.size;
                self.floor = slot.number;
            }
        }
    }

    /// Returns whether the window knows of all events after this number.
    pub(crate) fn reaches(&self, cursor: u64) -> bool {
        self.floor <= cursor
    }

    /// The newest event that there was.
    pub(crate) fn newest(&self) -> u64 {
        self.window.back().map_or(self.floor, |slot| slot.number)
    }

    /// Returns what comes after this number, up to a full frame.
    pub(crate) fn after(&mut self, cursor: u64) -> Next {
        if !self.reaches(cursor) {
            return Next::InLog;
        }
        let start = self.window.partition_point(|it| it.number <= cursor);
        let Some(slot) = self.window.get(start) else {
            return Next::Nothing;
        };
        let (first, newest) = (slot.number, self.newest());
        if first == newest {
            // A single one is shared as it is.
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
            last = slot.number;
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

    /// Has the subscriber woken by the next event. It has seen all.
    ///
    /// What comes back is to be dropped outside of the lock: the last waker of a task may take the task
    /// with it, and its subscriptions.
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

    pub(crate) fn take_waiting(&mut self) -> Woken {
        let empty = core::mem::take(&mut self.spare);
        self.round += 1;
        core::mem::replace(&mut self.waiting, empty)
    }

    /// Lets the subscriber go. Its waker, too, is to be dropped outside of the lock.
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
