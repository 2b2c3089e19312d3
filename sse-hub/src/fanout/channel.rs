//! Channel: the subscribers with the same audience, and the events that some of them have not read yet.
//!
//! # A note to the next reader
//!
//! Everything here is optimized for one case: an event arrives and wakes ten thousand tasks, and each of them
//! wants the same bytes. So each task takes the one lock of the channel, and finds the frame that the first task has
//! built. It clones the frame (which increments a count), writes it, and waits again.
//!
//! - **The window** holds the latest events of the filters until all subscribers have read them: when all
//!   subscribers wait, it is emptied. A subscriber that is further behind than the window reads from the log.
//! - **The frame** that was built last is kept, because the next subscriber is most likely at the same position.
//! - **The waiting subscribers** are a slab of wakers. A publisher swaps it for an empty slab and wakes all wakers
//!   of the full one outside of the lock. The next publisher uses its memory again. Subscribers with the same waker
//!   share an entry: an event loop that drives all subscribers of the channel is woken once.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
};

use slab::Slab;

use crate::{
    Encoded,
    audience::Audience,
    log::{Entry, MAX_FRAME_BYTES},
};

/// Maximum number of bytes that a window holds.
///
/// All subscribers of a channel may be dead connections, so this and one frame is the memory that a channel can
/// cost. The window only refers to a larger event, as long as the log has it.
const MAX_WINDOW_BYTES: usize = 64 * 1024;

/// Channel of all subscribers that receive the same events, because they have the same audience.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) id: u64,
    pub(crate) audience: Audience,
    state: Mutex<ChannelState>,
    /// Copy of the round of the state, to read without the lock.
    round: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct ChannelState {
    pub(crate) subscribers: usize,
    window: VecDeque<Slot>,
    bytes: usize,
    /// Sequence of an event. All later events of the filters are in the window.
    floor: u64,
    /// Number of events of the filters since the channel was created.
    pub(crate) appended: u64,
    frame: Option<Frame>,
    /// Count of the current round of waiters. It increases each time that all waiters are woken.
    round: u64,
    /// Number of subscribers that wait in this round.
    waiting: usize,
    waiters: Slab<Waiter>,
    /// Key of the waiter that was added last, because the next subscriber most likely has the same waker.
    last_waiter: usize,
    /// Empty slab whose memory is used for the next round.
    spare_slab: Slab<Waiter>,
}

/// Waker of one or more subscribers that wait.
#[derive(Debug)]
pub(crate) struct Waiter {
    waker: Waker,
    subscribers: usize,
}

/// Event in the window.
#[derive(Debug)]
struct Slot {
    sequence: u64,
    size: usize,
    entry: HeldEntry,
}

/// Reference to an event of the window, which keeps it in memory or not.
#[derive(Debug)]
enum HeldEntry {
    Strong(Arc<Entry>),
    Weak(Weak<Entry>),
}

/// Result of [`ChannelState::read_after`]: the next events of a subscriber.
pub(crate) enum WindowRead {
    CaughtUp,
    Batch(Batch),
    /// The window does not have them. The log may have them.
    InLog,
}

/// Copy of several consecutive events of the filters, from `first` to the last one of `batch`.
#[derive(Clone, Debug)]
struct Frame {
    first: u64,
    batch: Batch,
    /// The next event would not fit.
    is_full: bool,
}

/// Events that a subscriber receives at a time.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) blocks: Encoded,
    pub(crate) events: u64,
    /// Sequence of the last event.
    pub(crate) last: u64,
    /// The batch is the latest event of the filters, and no other.
    pub(crate) is_latest_only: bool,
}

/// Key of the waiter that a subscriber belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WaiterKey {
    /// Round in which the subscriber waits. 0 if it does not wait.
    round: u64,
    key: usize,
}

/// Waiters to wake.
pub(crate) type Waiters = Slab<Waiter>;

impl Channel {
    pub(crate) fn new(id: u64, audience: Audience, latest: u64) -> Self {
        Self {
            id,
            audience,
            state: Mutex::new(ChannelState {
                subscribers: 0,
                window: VecDeque::new(),
                bytes: 0,
                floor: latest,
                appended: 0,
                frame: None,
                round: 1,
                waiting: 0,
                waiters: Slab::new(),
                last_waiter: 0,
                spare_slab: Slab::new(),
            }),
            round: AtomicU64::new(1),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, ChannelState> {
        // No code under this lock panics in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the next event. The caller [wakes](Self::wake) the subscribers that wait for it.
    pub(crate) fn append(&self, entry: &Arc<Entry>) -> Waiters {
        let mut state = self.lock();
        state.append(Arc::clone(entry));
        self.next_round(&mut state)
    }

    /// Drops the window, because events up to this one are lost. The caller wakes the waiting subscribers.
    pub(crate) fn skip_to(&self, sequence: u64) -> Waiters {
        let mut state = self.lock();
        state.floor = sequence;
        state.clear();
        self.next_round(&mut state)
    }

    /// Takes the waiters without a new event. The caller wakes them.
    pub(crate) fn take_waiters(&self) -> Waiters {
        self.next_round(&mut self.lock())
    }

    fn next_round(&self, state: &mut ChannelState) -> Waiters {
        let waiters = state.take_waiters();
        self.round.store(state.round, Ordering::Release);
        waiters
    }

    /// Returns whether a subscriber still waits, because nothing has happened since it was registered.
    pub(crate) fn is_waiting(&self, key: WaiterKey) -> bool {
        key.round == self.round.load(Ordering::Acquire)
    }

    /// Wakes these subscribers. The caller holds no lock, because their tasks may run at once.
    pub(crate) fn wake(&self, mut waiters: Waiters) {
        let count = waiters.len();
        for waiter in waiters.drain() {
            waiter.waker.wake();
        }
        // Memory for many subscribers that have left is freed.
        if waiters.capacity() <= 64.max(4 * count) {
            self.lock().spare_slab = waiters;
        }
    }
}

impl Slot {
    /// Returns the encoded event. `None` if it was only in the log, and has left it.
    fn block(&self) -> Option<Encoded> {
        match &self.entry {
            HeldEntry::Strong(entry) => Some(entry.block.clone()),
            HeldEntry::Weak(entry) => entry.upgrade().map(|entry| entry.block.clone()),
        }
    }
}

impl ChannelState {
    fn append(&mut self, entry: Arc<Entry>) {
        let (sequence, size) = (entry.sequence, entry.size());
        let entry = match size <= MAX_WINDOW_BYTES {
            true => HeldEntry::Strong(entry),
            false => HeldEntry::Weak(Arc::downgrade(&entry)),
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

    /// Returns whether the window has all events of the filters after this sequence.
    pub(crate) fn reaches(&self, position: u64) -> bool {
        self.floor <= position
    }

    /// Returns the sequence of the latest event of the filters.
    pub(crate) fn latest(&self) -> u64 {
        self.window.back().map_or(self.floor, |slot| slot.sequence)
    }

    /// Returns the events after this sequence, up to a full frame.
    pub(crate) fn read_after(&mut self, position: u64) -> WindowRead {
        if !self.reaches(position) {
            return WindowRead::InLog;
        }
        let start = self
            .window
            .partition_point(|slot| slot.sequence <= position);
        let Some(slot) = self.window.get(start) else {
            return WindowRead::CaughtUp;
        };
        let (first, latest) = (slot.sequence, self.latest());
        if first == latest {
            // A single event is shared without a copy.
            return slot.block().map_or(WindowRead::InLog, |blocks| {
                WindowRead::Batch(Batch {
                    blocks,
                    events: 1,
                    last: first,
                    is_latest_only: true,
                })
            });
        }
        if let Some(frame) = &self.frame
            && frame.first == first
            && (frame.is_full || frame.batch.last == latest)
        {
            return WindowRead::Batch(frame.batch.clone());
        }
        let mut blocks = Vec::new();
        let (mut size, mut last) = (0, first);
        for slot in self.window.range(start..) {
            let Some(block) = slot.block() else {
                return WindowRead::InLog;
            };
            size += block.len();
            if size > MAX_FRAME_BYTES && !blocks.is_empty() {
                break;
            }
            last = slot.sequence;
            blocks.push(block);
        }
        let batch = Batch {
            blocks: Encoded::join(&blocks),
            events: blocks.len() as u64,
            last,
            is_latest_only: false,
        };
        self.frame = (blocks.len() > 1).then(|| Frame {
            first,
            batch: batch.clone(),
            is_full: last != latest,
        });
        WindowRead::Batch(batch)
    }

    /// Registers a subscriber that has read all events, so that the next event wakes it.
    ///
    /// Returns its old waker, which the caller drops outside of the lock. Dropping the last waker of a task may drop
    /// the task and its subscriptions.
    #[must_use]
    pub(crate) fn add_waiter(&mut self, key: &mut WaiterKey, waker: &Waker) -> Option<Waker> {
        let mut old = None;
        if key.round == self.round {
            match self.waiters.get(key.key) {
                Some(waiter) if waiter.waker.will_wake(waker) => return None,
                _ => old = self.forget_waiter(*key),
            }
        }
        *key = WaiterKey {
            round: self.round,
            key: self.join_waiter(waker),
        };
        self.waiting += 1;
        if self.waiting == self.subscribers && !self.window.is_empty() {
            self.floor = self.latest();
            self.clear();
        }
        old
    }

    /// Adds a subscriber to the waiter with this waker, and returns its key.
    fn join_waiter(&mut self, waker: &Waker) -> usize {
        match self.waiters.get_mut(self.last_waiter) {
            Some(waiter) if waiter.waker.will_wake(waker) => waiter.subscribers += 1,
            _ => {
                self.last_waiter = self.waiters.insert(Waiter {
                    waker: waker.clone(),
                    subscribers: 1,
                });
            }
        }
        self.last_waiter
    }

    /// Removes a subscriber from its waiter, if it waits. Returns the waker if no other subscriber has it.
    fn forget_waiter(&mut self, key: WaiterKey) -> Option<Waker> {
        if key.round != self.round {
            return None;
        }
        self.waiting -= 1;
        let waiter = self.waiters.get_mut(key.key)?;
        waiter.subscribers -= 1;
        let is_unused = waiter.subscribers == 0;
        is_unused.then(|| self.waiters.remove(key.key).waker)
    }

    fn clear(&mut self) {
        self.window.clear();
        self.bytes = 0;
        self.frame = None;
    }

    /// Takes the waiters, and begins the next round.
    fn take_waiters(&mut self) -> Waiters {
        let empty = core::mem::take(&mut self.spare_slab);
        self.round += 1;
        self.waiting = 0;
        core::mem::replace(&mut self.waiters, empty)
    }

    /// Removes a subscriber. Returns its waker, which the caller drops outside of the lock.
    #[must_use]
    pub(crate) fn remove_subscriber(&mut self, key: WaiterKey) -> Option<Waker> {
        self.subscribers -= 1;
        let waker = self.forget_waiter(key);
        if self.waiters.is_empty() {
            self.waiters.shrink_to_fit();
        }
        waker
    }
}
