use core::error::Error;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use sse_hyper::{Encoded, Event, EventId, Farewell};

use crate::{
    Backend, BackendError, Denied, Numbered, Post, Settings,
    channel::{Channel, Place},
    counts::Counting,
    digest::Digester,
    index::{Index, Keys},
    log::{Entry, Log},
};

/// What all handles of a hub and its subscriptions share.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) counts: Counting,
    start: Instant,
    /// Computes the keys of the index.
    pub(crate) digester: Digester,
    /// Taken before the lock of a channel, never while that is held.
    core: RwLock<Core>,
    pub(crate) backend: Option<Arc<dyn Backend>>,
    /// Part of all IDs, unless there is a backend.
    epoch: u64,
    /// Set when all subscriptions are to end.
    farewell: OnceLock<Farewell>,
    /// Why nothing comes from the backend; none while it is connected.
    disconnection: Mutex<Option<BackendError>>,
    /// Why the last replay failed; none if it did not.
    replay_failure: Mutex<Option<BackendError>>,
    /// It has been connected, once: the log is that of the backend.
    is_loaded: AtomicBool,
}

/// What changes together: an event comes into the log and into all channels that hear of it before
/// anybody can look at either again.
pub(crate) struct Core {
    pub(crate) log: Log,
    pub(crate) index: Index,
}

impl Shared {
    /// With nothing kept. Without a backend, it is alone and needs nobody.
    pub(crate) fn new(
        settings: Settings,
        epoch: u64,
        newest: u64,
        backend: Option<Arc<dyn Backend>>,
    ) -> Self {
        let is_alone = backend.is_none();
        let shared = Self {
            counts: Counting::new(),
            start: Instant::now(),
            digester: Digester::default(),
            core: RwLock::new(Core {
                log: Log::new(settings.retention, newest),
                index: Index::default(),
            }),
            settings,
            farewell: OnceLock::new(),
            disconnection: Mutex::default(),
            replay_failure: Mutex::default(),
            is_loaded: AtomicBool::new(is_alone),
            backend,
            epoch,
        };
        match is_alone {
            true => shared.connected(),
            false => shared.disconnected(BackendError::new("no connection was made yet")),
        }
        shared
    }

    /// An event comes: with the number that a backend gave it, or with the next one. Returns that, and
    /// how many subscribers were woken.
    pub(crate) fn append(&self, number: Option<u64>, post: &Post) -> (u64, usize) {
        let mut core = self.write();
        // First numbers leave room for more than can ever come.
        let number = number.unwrap_or(core.log.newest() + 1);
        let entry = Arc::new(Entry {
            number,
            topics: post.topics.clone(),
            key: post.key(),
            block: self.encode(number, post),
            at: Instant::now(),
        });
        let channels = core.index.channels(&post.topics, &self.digester);
        let woken: Vec<_> = channels.iter().map(|it| it.append(&entry)).collect();
        core.log.append(entry);
        drop(core);
        let mut count = channels.len();
        for (channel, woken) in channels.iter().zip(woken) {
            count += woken.len();
            channel.wake(woken);
        }
        self.counts.published();
        (number, count)
    }

    /// Lets an event of the backend pass, or says why it is skipped. Its number is then used by none.
    pub(crate) fn accepts(&self, event: &Numbered) -> bool {
        let Err(reason) = self.settings.check(&event.post) else {
            return true;
        };
        self.counts.refused();
        tracing::warn!(event.number, %reason, "an event of the backend is refused");
        false
    }

    pub(crate) fn encode(&self, number: u64, post: &Post) -> Encoded {
        Encoded::with_id(&post.event, &self.id(number))
    }

    /// Returns the ID of an event.
    pub(crate) fn id(&self, number: u64) -> EventId {
        self.settings.ids.id(self.epoch(), number)
    }

    /// Returns the number that an ID names, if it is one of this epoch.
    pub(crate) fn number(&self, id: &EventId) -> Option<u64> {
        self.settings.ids.number(self.epoch(), id)
    }

    fn epoch(&self) -> u64 {
        let backend = self.backend.as_ref();
        backend.map_or(self.epoch, |backend| backend.epoch())
    }

    /// Forgets the events up to this one, which are lost, and wakes the subscribers that wait for them.
    /// Returns the old log: dropping it takes a long time.
    pub(crate) fn skip_to(&self, number: u64) -> Option<Log> {
        let mut core = self.write();
        if number <= core.log.newest() {
            return None;
        }
        let is_loaded = self.is_loaded();
        let old = core.log.skip_to(number, is_loaded);
        let channels: Vec<_> = core.index.all().cloned().collect();
        let woken: Vec<_> = channels.iter().map(|it| it.skip_to(number)).collect();
        drop(core);
        // At first, they are just older than what was asked for.
        if is_loaded {
            tracing::warn!(number, "events are gone before they came");
        }
        for (channel, woken) in channels.iter().zip(woken) {
            channel.wake(woken);
        }
        Some(old)
    }

    /// Ends all subscriptions. Of several calls, the first one counts.
    pub(crate) fn close(&self, farewell: Farewell) {
        if self.farewell.set(farewell).is_err() {
            return;
        }
        let channels: Vec<_> = self.read().index.all().cloned().collect();
        for channel in channels {
            let woken = channel.lock().take_waiting();
            channel.wake(woken);
        }
    }

    /// Returns what a subscription ends with, if all are to end. It stands at this number, as far as that is known.
    pub(crate) fn farewell(&self, cursor: Option<u64>) -> Option<Encoded> {
        let farewell = self.farewell.get()?;
        Some(match cursor {
            Some(cursor) => Encoded::from(&farewell.clone().with_id(self.position_id(cursor))),
            None => Encoded::from(farewell),
        })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.farewell.get().is_some()
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.is_loaded.load(Ordering::Relaxed)
    }

    /// From now on the log is that of the backend.
    pub(crate) fn loaded(&self) {
        self.is_loaded.store(true, Ordering::Relaxed);
    }

    /// Returns why nothing comes from the backend; none while it is connected.
    pub(crate) fn disconnection(&self) -> Option<BackendError> {
        lock(&self.disconnection).clone()
    }

    pub(crate) fn connected(&self) {
        *lock(&self.disconnection) = None;
        self.counts.connected(true);
    }

    pub(crate) fn disconnected(&self, error: BackendError) {
        *lock(&self.disconnection) = Some(error);
        self.counts.connected(false);
    }

    /// Returns why the last replay failed; none if it did not.
    pub(crate) fn replay_failure(&self) -> Option<BackendError> {
        lock(&self.replay_failure).clone()
    }

    pub(crate) fn replayed(&self) {
        *lock(&self.replay_failure) = None;
    }

    /// Notes that the backend refuses what a subscriber came for.
    pub(crate) fn replay_failed(&self, error: BackendError) {
        let reason: &(dyn Error + 'static) = &error;
        tracing::warn!(
            error = reason,
            "the backend refuses a replay; a subscriber is reset"
        );
        self.counts.failed_replay();
        *lock(&self.replay_failure) = Some(error);
    }

    /// A subscriber leaves its channel, of which nothing is left behind the last one.
    pub(crate) fn leave(&self, channel: &Channel, place: Place) {
        let mut inner = channel.lock();
        let waker = inner.leave(place);
        let is_last = inner.subscribers == 0;
        drop(inner);
        drop(waker);
        if is_last {
            let keys = Keys::new(&channel.selection, &self.digester);
            let mut core = self.write();
            // Another may have come meanwhile.
            let is_empty = channel.lock().subscribers == 0;
            if is_empty {
                core.index.remove(channel, &keys);
            }
        }
        self.counts.leaves();
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Core> {
        // Nothing in there panics with half of a change made.
        self.core.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Core> {
        self.core.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What tells a client that its state is not to be relied on. It goes on behind this number.
    pub(crate) fn reset(&self, reason: &str, newest: u64) -> Encoded {
        let event = self.settings.reset(format!(r#"{{"reason":"{reason}"}}"#));
        Encoded::from(&self.with_position(event, newest))
    }

    /// Returns the event that tells a subscriber its position.
    pub(crate) fn position(&self, cursor: u64) -> Encoded {
        Encoded::from(&self.with_position(self.settings.position(), cursor))
    }

    /// Returns the event that tells a subscriber that it may not listen any more.
    pub(crate) fn denied(&self, denied: Denied, cursor: u64) -> Encoded {
        let event = self.settings.denied(denied.into_reason());
        Encoded::from(&self.with_position(event, cursor))
    }

    /// Sets the ID of an event of the hub itself to the position of a subscriber.
    pub(crate) fn with_position(&self, event: Event, cursor: u64) -> Event {
        event.with_id(self.position_id(cursor))
    }

    fn position_id(&self, cursor: u64) -> EventId {
        self.settings.ids.position(self.epoch(), cursor)
    }

    /// Returns the age of the hub in seconds, for times that subscribers keep.
    pub(crate) fn seconds(&self) -> u32 {
        u32::try_from(self.start.elapsed().as_secs()).unwrap_or(u32::MAX)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is in these is replaced as a whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
