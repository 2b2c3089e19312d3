use core::{error::Error, fmt};
use std::{
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use futures_util::StreamExt as _;
use sse_hyper::{Encoded, EventId};

use crate::{
    Backend, BackendError, Counts, Post, Selection, Settings, SubscribeError, Subscriber,
    Subscription, Topics, Update,
    channel::{Channel, Place},
    counts::Counting,
    index::Index,
    log::{Entry, Log},
};

/// Takes events from those who publish to all who listen.
///
/// A handle: clones are of the same hub.
///
/// ```
/// use sse_hub::{Hub, Selection, Topic};
/// use sse_hyper::{Event, Streams};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (hub, streams) = (Hub::default(), Streams::default());
///
/// // For each request:
/// let request = http::Request::new(());
/// let last_event_id = sse_hyper::last_event_id(request.headers())?;
/// let subscription = hub.subscribe(Selection::new(["news", "orders/**"])?, last_event_id.as_ref())?;
/// let response = streams.respond(&request, subscription);
///
/// // From wherever something happens:
/// hub.publish(Topic::new("news")?, Event::new("it works")).await?;
/// # drop(response);
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Hub {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) counts: Counting,
    /// Taken before the lock of a channel, never while that is held.
    pub(crate) core: RwLock<Core>,
    pub(crate) backend: Option<Arc<dyn Backend>>,
    is_connected: AtomicBool,
    /// It has been, once: the log is that of the backend.
    is_loaded: AtomicBool,
}

/// What changes together: an event comes into the log and into all channels that hear of it before
/// anybody can look at either again.
pub(crate) struct Core {
    pub(crate) log: Log,
    pub(crate) index: Index,
}

impl Hub {
    /// A hub in the memory of this process.
    pub fn new(settings: Settings) -> Self {
        // Nothing was published before the first number.
        let first = settings.first_number.unwrap_or_else(microseconds);
        Self::of(settings, first.saturating_sub(1), None)
    }

    /// A hub whose events go over a backend, as do those of all others that have the same. The future
    /// is what takes events from there to the subscribers here, and never ends: spawn it.
    pub fn with_backend(
        settings: Settings,
        backend: Arc<dyn Backend>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let hub = Self::of(settings, 0, Some(Arc::clone(&backend)));
        let follow = follow(Arc::clone(&hub.shared), backend);
        (hub, follow)
    }

    fn of(settings: Settings, newest: u64, backend: Option<Arc<dyn Backend>>) -> Self {
        let is_alone = backend.is_none();
        let hub = Self {
            shared: Arc::new(Shared {
                counts: Counting::new(),
                core: RwLock::new(Core {
                    log: Log::new(settings.retention, newest),
                    index: Index::default(),
                }),
                settings,
                is_connected: AtomicBool::default(),
                is_loaded: AtomicBool::new(is_alone),
                backend,
            }),
        };
        // Also for who watches the gauge.
        hub.shared.connected(is_alone);
        hub
    }

    /// Sends an event to all who hear of one of these topics, and gives the ID that they see.
    ///
    /// In memory it never waits. With a backend, it waits until the event is safe there.
    ///
    /// # Errors
    ///
    /// If the event is larger than it may be, or if the backend does not take it. Then nobody gets
    /// it, unless the backend failed in the middle.
    pub async fn publish(
        &self,
        topics: impl Into<Topics>,
        event: sse_hyper::Event,
    ) -> Result<EventId, PublishError> {
        self.post(Post::new(topics, event)).await
    }

    /// The same for an event with a key.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish).
    pub async fn post(&self, post: impl Into<Post>) -> Result<EventId, PublishError> {
        let post = post.into();
        let shared = &self.shared;
        let (bytes, limit) = (post.size(), shared.settings.max_event);
        if bytes > limit {
            return Err(PublishError::TooLarge { bytes, limit });
        }
        let number = match &shared.backend {
            None => shared.append(None, &post),
            Some(backend) => backend.publish(&post).await?,
        };
        Ok(shared.settings.ids.id(number))
    }

    /// Follows what is selected: from now on, or behind the last event that the client has seen.
    ///
    /// A client that comes from too far in the past, or with an ID that is none of ours, gets an event
    /// of the type `reset` first, with the data `{"reason":"too old"}` or `{"reason":"unknown"}`, and
    /// then goes on from now. It should fetch anew what it shows.
    ///
    /// # Errors
    ///
    /// If there are as many subscribers as there may be.
    pub fn subscribe(
        &self,
        selection: impl Into<Selection>,
        last_event_id: Option<&EventId>,
    ) -> Result<Subscription, SubscribeError> {
        self.subscriber(selection).after(last_event_id).subscribe()
    }

    /// The same with more to say about it.
    pub fn subscriber(&self, selection: impl Into<Selection>) -> Subscriber {
        Subscriber::new(Arc::clone(&self.shared), selection.into())
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        self.shared.counts.now()
    }

    /// The ID of the newest event that is known here; none if there was none.
    pub fn newest(&self) -> Option<EventId> {
        let newest = self.shared.read().log.newest();
        Some(self.shared.settings.ids.id(newest)).filter(|_| newest != 0)
    }

    /// How many different selections there are.
    pub fn selections(&self) -> usize {
        self.shared.read().index.all().count()
    }

    /// Whether events of other machines come here now. In memory, always.
    pub fn is_connected(&self) -> bool {
        self.shared.is_connected.load(Ordering::Relaxed)
    }
}

impl Default for Hub {
    /// In memory, with the default [`Settings`].
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("settings", &self.shared.settings)
            .field("counts", &self.counts())
            .field("backend", &self.shared.backend)
            .finish()
    }
}

impl Shared {
    /// An event comes: with the number that a backend gave it, or with the next one.
    fn append(&self, number: Option<u64>, post: &Post) -> u64 {
        let mut core = self.write();
        let number = number.unwrap_or(core.log.newest() + 1);
        let entry = Arc::new(Entry {
            number,
            topics: post.topics.clone(),
            key: post.key(),
            block: self.encode(number, post),
            at: Instant::now(),
        });
        let channels = core.index.channels(&post.topics);
        let woken: Vec<_> = channels.iter().map(|it| it.append(&entry)).collect();
        core.log.append(entry);
        drop(core);
        for (channel, woken) in channels.iter().zip(woken) {
            channel.wake(woken);
        }
        self.counts.published();
        number
    }

    pub(crate) fn encode(&self, number: u64, post: &Post) -> Encoded {
        Encoded::with_id(&post.event, &self.settings.ids.id(number))
    }

    /// Events up to this one are not to be had any more. Whoever waits for them has to know.
    fn skip_to(&self, number: u64) {
        let mut core = self.write();
        if number <= core.log.newest() {
            return;
        }
        let is_loaded = self.is_loaded();
        core.log.skip_to(number, is_loaded);
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
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.is_loaded.load(Ordering::Relaxed)
    }

    pub(crate) fn connected(&self, is_connected: bool) {
        self.is_connected.store(is_connected, Ordering::Relaxed);
        self.counts.connected(is_connected);
    }

    /// A subscriber leaves its channel, of which nothing is left behind the last one.
    pub(crate) fn leave(&self, channel: &Channel, place: Place) {
        let mut inner = channel.lock();
        let waker = inner.leave(place);
        let is_last = inner.subscribers == 0;
        drop(inner);
        drop(waker);
        if is_last {
            let mut core = self.write();
            // Another may have come meanwhile.
            let is_empty = channel.lock().subscribers == 0;
            if is_empty {
                core.index.remove(channel);
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
}

/// Takes what the backend tells to the subscribers.
async fn follow(shared: Arc<Shared>, backend: Arc<dyn Backend>) {
    let kept = shared.settings.retention.events;
    let mut updates = backend.follow(kept);
    while let Some(update) = updates.next().await {
        match update {
            Update::Event(event) if event.number > shared.read().log.newest() => {
                shared.append(Some(event.number), &event.post);
            }
            // It was told again.
            Update::Event(_) => {}
            Update::Gone(number) => shared.skip_to(number),
            Update::Lost(error) => {
                tracing::warn!(%error, "the backend is lost; subscribers wait");
                shared.connected(false);
            }
            Update::Connected => {
                tracing::info!("the backend is connected");
                shared.connected(true);
                shared.is_loaded.store(true, Ordering::Relaxed);
            }
        }
    }
}

fn microseconds() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(time.unwrap_or_default().as_micros()).unwrap_or(1)
}

/// Why an event was not published.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PublishError {
    /// The event is larger than [it may be](Settings::with_max_event).
    TooLarge {
        /// So long.
        bytes: usize,
        /// What it may be.
        limit: usize,
    },
    /// The backend did not take it.
    Backend(BackendError),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, limit } => {
                write!(f, "an event of {bytes} bytes, of which {limit} are allowed")
            }
            Self::Backend(error) => write!(f, "the backend did not take it: {error}"),
        }
    }
}

impl Error for PublishError {}

impl From<BackendError> for PublishError {
    fn from(error: BackendError) -> Self {
        Self::Backend(error)
    }
}
