use core::error::Error;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use crate::{
    Backend, BackendError, CloseEvent, Denied, Encoded, Event, EventId, EventType, HubConfig,
    Publication, Sequenced, Topic,
    config::{DENIED, POSITION, RESET},
    fanout::{
        channel::{Channel, WaiterKey},
        index::{Digester, Index, Keys},
    },
    log::{Entry, Log},
    stats::Counters,
};

/// Maximum length of an event in bytes that is compressed when a subscriber needs it. A larger one is compressed when it
/// is published.
#[cfg(feature = "gzip")]
const MAX_LAZY_DEFLATE_BYTES: usize = 16 * 1024;

/// State that all handles of a hub and its subscriptions share.
pub(crate) struct Shared {
    pub(crate) config: HubConfig,
    pub(crate) counters: Counters,
    start: Instant,
    /// Computes the keys of the index.
    pub(crate) digester: Digester,
    /// Log and index. Lock order: this lock is taken before that of a channel, never while that is held.
    core: RwLock<Core>,
    pub(crate) backend: Option<Arc<dyn Backend>>,
    /// Epoch of all IDs, unless there is a backend.
    epoch: u64,
    /// Close event. Set when the hub is closed.
    close_event: OnceLock<CloseEvent>,
    /// Reason why the backend is disconnected. `None` while it is connected.
    disconnection: Mutex<Option<BackendError>>,
    /// Reason why the last replay failed. `None` if it succeeded.
    replay_failure: Mutex<Option<BackendError>>,
    /// The backend has been connected once, so the log has its latest events.
    is_loaded: AtomicBool,
}

/// Log and index, which change under one lock: an event is added to the log and to all channels that receive it
/// before any reader can lock either again.
pub(crate) struct Core {
    pub(crate) log: Log,
    pub(crate) index: Index,
}

impl Shared {
    /// Creates the state of a hub without events. A hub without a backend counts as connected and loaded.
    pub(crate) fn new(
        config: HubConfig,
        epoch: u64,
        latest: u64,
        backend: Option<Arc<dyn Backend>>,
    ) -> Self {
        let is_alone = backend.is_none();
        let disconnection = match is_alone {
            true => None,
            false => Some(BackendError::new("not connected yet")),
        };
        Self {
            counters: Counters::default(),
            start: Instant::now(),
            digester: Digester::default(),
            core: RwLock::new(Core {
                log: Log::new(config.retention, latest),
                index: Index::default(),
            }),
            config,
            close_event: OnceLock::new(),
            disconnection: Mutex::new(disconnection),
            replay_failure: Mutex::default(),
            is_loaded: AtomicBool::new(is_alone),
            backend,
            epoch,
        }
    }

    /// Adds an event, with the sequence that the backend has given it, or with the next one. Returns the sequence, and
    /// how many channels and waiters were woken.
    pub(crate) fn append(&self, sequence: Option<u64>, publication: &Publication) -> (u64, usize) {
        let mut core = self.write();
        // This cannot overflow: a first sequence leaves room for more events than can ever be published.
        let sequence = sequence.unwrap_or(core.log.latest() + 1);
        let entry = Arc::new(Entry {
            sequence,
            topics: publication.topics.clone(),
            is_private: publication.private,
            key: publication.key(),
            id: self.publisher_id(publication).cloned(),
            block: self.encode(sequence, publication),
            appended_at: Instant::now(),
        });
        let key = |topic: &Topic| self.config.pattern_key.of(topic);
        let channels = core.index.channels(
            &publication.topics,
            publication.private,
            &self.digester,
            key,
        );
        let waiters: Vec<_> = channels
            .iter()
            .map(|channel| channel.append(&entry))
            .collect();
        core.log.append(entry);
        drop(core);
        let mut count = channels.len();
        for (channel, waiters) in channels.iter().zip(waiters) {
            count += waiters.len();
            channel.wake(waiters);
        }
        self.counters.published();
        (sequence, count)
    }

    /// Tries at most `limit` custom patterns on a topic of an event that will be appended. Returns their number.
    pub(crate) fn try_patterns(&self, topic: &Topic, limit: usize) -> usize {
        let key = || self.config.pattern_key.of(topic);
        self.write().index.try_patterns(topic, limit, key)
    }

    /// Returns whether an event from the backend may be published. If not, logs the reason: the event is skipped, and
    /// its sequence stays unused.
    pub(crate) fn accepts(&self, event: &Sequenced) -> bool {
        let Err(reason) = self.config.check(&event.publication) else {
            return true;
        };
        self.counters.refused();
        tracing::warn!(event.sequence, %reason, "refused an event from the backend");
        false
    }

    pub(crate) fn encode(&self, sequence: u64, publication: &Publication) -> Encoded {
        let block = match self.publisher_id(publication) {
            Some(_) => Encoded::from(&publication.event),
            None => Encoded::with_id(&publication.event, &self.id(sequence)),
        };
        #[cfg(feature = "gzip")]
        if self.config.gzip {
            let block = block.keep_deflated();
            // A large event would delay the other streams of the thread that needs its compressed form first.
            if block.len() > MAX_LAZY_DEFLATE_BYTES {
                block.deflated();
            }
            return block;
        }
        block
    }

    /// Returns the ID that the publisher has given the event, if the event keeps it.
    fn publisher_id<'a>(&self, publication: &'a Publication) -> Option<&'a EventId> {
        let id = publication.event.id()?;
        self.config.publisher_ids.then_some(id)
    }

    /// Returns the ID of a publication with this sequence.
    pub(crate) fn publication_id(&self, publication: &Publication, sequence: u64) -> EventId {
        let own = self.publisher_id(publication);
        own.cloned().unwrap_or_else(|| self.id(sequence))
    }

    /// Returns the ID that the hub gives an event.
    pub(crate) fn id(&self, sequence: u64) -> EventId {
        self.config.ids.id(self.epoch(), sequence)
    }

    /// Returns the sequence of an ID. `None` if the ID is not valid in this epoch.
    pub(crate) fn sequence(&self, id: &EventId) -> Option<u64> {
        self.config.ids.parse(self.epoch(), id)
    }

    fn epoch(&self) -> u64 {
        let backend = self.backend.as_ref();
        backend.map_or(self.epoch, |backend| backend.epoch())
    }

    /// Drops the events up to this one, which are lost, and wakes the subscribers that wait for them. Returns the old
    /// log, because dropping it is slow.
    pub(crate) fn skip_to(&self, sequence: u64) -> Option<Log> {
        let mut core = self.write();
        if sequence <= core.log.latest() {
            return None;
        }
        let is_loaded = self.is_loaded();
        let old = core.log.skip_to(sequence, is_loaded);
        let channels: Vec<_> = core.index.all().cloned().collect();
        let waiters: Vec<_> = channels
            .iter()
            .map(|channel| channel.skip_to(sequence))
            .collect();
        drop(core);
        // Before the first connection, these are only older events than the hub asked for.
        if is_loaded {
            tracing::warn!(sequence, "backend lost events before they arrived here");
        }
        for (channel, waiters) in channels.iter().zip(waiters) {
            channel.wake(waiters);
        }
        Some(old)
    }

    /// Ends all subscriptions. Only the first call has an effect.
    pub(crate) fn close(&self, close_event: CloseEvent) {
        if self.close_event.set(close_event).is_err() {
            return;
        }
        let channels: Vec<_> = self.read().index.all().cloned().collect();
        for channel in channels {
            let waiters = channel.take_waiters();
            channel.wake(waiters);
        }
    }

    /// Returns the close event for a subscription at this position, if that is known. `None` if the hub is not closed.
    pub(crate) fn close_event(&self, position: Option<u64>) -> Option<Encoded> {
        let close_event = self.close_event.get()?;
        Some(match position {
            Some(position) => close_event
                .clone()
                .with_id(self.position_id(position))
                .encoded(fastrand::u64(..)),
            None => close_event.encoded(fastrand::u64(..)),
        })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.close_event.get().is_some()
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.is_loaded.load(Ordering::Relaxed)
    }

    /// Notes that the log has the latest events of the backend.
    pub(crate) fn loaded(&self) {
        self.is_loaded.store(true, Ordering::Relaxed);
    }

    /// Returns why the backend is disconnected. `None` while it is connected.
    pub(crate) fn disconnection(&self) -> Option<BackendError> {
        lock(&self.disconnection).clone()
    }

    pub(crate) fn connected(&self) {
        *lock(&self.disconnection) = None;
    }

    pub(crate) fn disconnected(&self, error: BackendError) {
        *lock(&self.disconnection) = Some(error);
    }

    /// Returns why the last replay failed. `None` if it succeeded.
    pub(crate) fn replay_failure(&self) -> Option<BackendError> {
        lock(&self.replay_failure).clone()
    }

    pub(crate) fn replayed(&self) {
        *lock(&self.replay_failure) = None;
    }

    /// Notes that the backend refuses a subscriber's replay.
    pub(crate) fn replay_failed(&self, error: BackendError) {
        let reason: &(dyn Error + 'static) = &error;
        tracing::warn!(
            error = reason,
            "backend refuses a replay; subscriber is reset"
        );
        self.counters.failed_replay();
        *lock(&self.replay_failure) = Some(error);
    }

    /// Removes a subscriber from its channel, and the channel after its last subscriber.
    pub(crate) fn unsubscribe(&self, channel: &Channel, waiter: WaiterKey) {
        let mut state = channel.lock();
        let waker = state.remove_subscriber(waiter);
        let is_last = state.subscribers == 0;
        drop(state);
        drop(waker);
        if is_last {
            let keys = Keys::new(&channel.audience, &self.digester);
            let mut core = self.write();
            // Another subscriber may have subscribed meanwhile.
            let is_empty = channel.lock().subscribers == 0;
            if is_empty {
                core.index.remove(channel, &keys);
            }
        }
        self.counters.release();
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Core> {
        // No code under this lock panics in the middle of a change.
        self.core.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Core> {
        self.core.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the `reset` event, for a client whose state is outdated. The client continues after this
    /// sequence.
    ///
    /// `None` if the hub sends no events of its own.
    pub(crate) fn reset(&self, reason: &str, latest: u64) -> Option<Encoded> {
        let data = format!(r#"{{"reason":"{reason}"}}"#);
        self.own_block(RESET, data, latest)
    }

    /// Returns the `position` event for a subscriber.
    pub(crate) fn position(&self, position: u64) -> Encoded {
        Encoded::from(&self.own_event(POSITION, "{}", position))
    }

    /// Returns the `denied` event for a subscriber that may not receive events any more.
    /// `None` if the hub sends no events of its own.
    pub(crate) fn denied(&self, denied: Denied, position: u64) -> Option<Encoded> {
        self.own_block(DENIED, denied.into_reason(), position)
    }

    /// Returns an event that the hub itself sends. `None` if it sends no events of its own.
    fn own_block(
        &self,
        event_type: EventType,
        data: impl Into<String>,
        position: u64,
    ) -> Option<Encoded> {
        let sends = self.config.control_events;
        sends.then(|| Encoded::from(&self.own_event(event_type, data, position)))
    }

    /// Creates an event that the hub itself sends. Its ID is the position of the subscriber.
    pub(crate) fn own_event(
        &self,
        event_type: EventType,
        data: impl Into<String>,
        position: u64,
    ) -> Event {
        Event::new(data)
            .with_type(event_type)
            .with_id(self.position_id(position))
    }

    fn position_id(&self, position: u64) -> EventId {
        self.config.ids.position(self.epoch(), position)
    }

    /// Returns the age of the hub in seconds, as a compact time for subscribers.
    pub(crate) fn seconds(&self) -> u32 {
        u32::try_from(self.start.elapsed().as_secs()).unwrap_or(u32::MAX)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The values are replaced as a whole, so a panic leaves no partial change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
