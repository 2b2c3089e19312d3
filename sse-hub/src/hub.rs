use core::{
    error::Error, fmt, future::poll_fn, hash::BuildHasher as _, ops::RangeInclusive, task::Poll,
    time::Duration,
};
use std::{hash::RandomState, sync::Arc};

use futures_util::StreamExt as _;
use sse_hyper::{EventId, Farewell};

use crate::{
    Backend, BackendError, Counts, Post, Selection, Settings, SubscribeError, Subscriber,
    Subscription, Topics, Update, recovery, shared::Shared, turn::Turn,
};

/// The highest number of a first event: as many again can follow, which is more than will.
const LAST_FIRST_NUMBER: u64 = u64::MAX / 2;

/// The work of waking a subscriber.
const WAKE: usize = 8;

/// The work of dropping some events of a log.
const DROP: usize = 1024;

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
/// let subscription = hub.subscribe(Selection::new(["news", "orders/17"])?, last_event_id.as_ref())?;
/// let response = streams.respond(&request, subscription);
///
/// // From wherever something happens:
/// hub.publish(Topic::new("news")?, Event::new("it works")).await?;
/// # drop(response);
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

impl Hub {
    /// A hub in the memory of this process.
    pub fn new(settings: Settings) -> Self {
        let (epoch, first) = match settings.first_number {
            Some(first) => (0, first.min(LAST_FIRST_NUMBER)),
            None => (random_epoch(), 1),
        };
        // Nothing was published before the first number.
        Self::of(settings, epoch, first.saturating_sub(1), None)
    }

    /// A hub whose events go over a backend, as do those of all others that have the same. The future
    /// is what takes events from there to the subscribers here, and never ends: spawn it.
    pub fn with_backend(
        settings: Settings,
        backend: Arc<dyn Backend>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let hub = Self::of(settings, 0, 0, Some(Arc::clone(&backend)));
        let follow = follow(Arc::clone(&hub.shared), backend);
        (hub, follow)
    }

    fn of(settings: Settings, epoch: u64, newest: u64, backend: Option<Arc<dyn Backend>>) -> Self {
        Self {
            shared: Arc::new(Shared::new(settings, epoch, newest, backend)),
        }
    }

    /// Sends an event to all who hear of one of these topics, and gives the ID that they see.
    ///
    /// In memory it never waits, so a caller that publishes many events in a row gives its thread to
    /// others between them, by `tokio::task::yield_now` for example. With a backend, it waits until the
    /// event is safe there.
    ///
    /// # Errors
    ///
    /// If the event [may not be published](Self::check), or if the backend does not take it. Then no
    /// subscriber gets it, unless the backend failed in the middle.
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
        shared.settings.check(&post)?;
        let number = match &shared.backend {
            None => shared.append(None, &post).0,
            Some(backend) => backend.publish(&post).await?,
        };
        Ok(shared.id(number))
    }

    /// Checks whether an event may be published, without publishing it: its size, the lengths of its type
    /// and key, its reconnection time, and that its type is not reserved.
    ///
    /// [`publish`](Self::publish) and [`post`](Self::post) do the same. What comes from the backend passes
    /// the same check: an event that fails it is skipped, logged, and counted in [`Counts::refused`].
    ///
    /// # Errors
    ///
    /// If it may not: any [`PublishError`] but [`PublishError::Backend`].
    pub fn check(&self, post: &Post) -> Result<(), PublishError> {
        self.shared.settings.check(post)
    }

    /// Follows what is selected: from now on, or behind the last event that the client has seen.
    ///
    /// A client that may have missed events that it selects, because they are not kept any more, gets an event of
    /// the type `reset` first, with the data `{"reason":"too old"}`, and then goes on from now; so does one with an
    /// ID that is not of this hub, with `{"reason":"unknown"}`, and one whose events the backend refuses to give, with
    /// `{"reason":"unavailable"}`. It should fetch anew what it shows.
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

    /// Ends all subscriptions, also those that begin later, each with this farewell. The ID of its event is the
    /// position of the subscriber, so that the client misses nothing when it comes back.
    ///
    /// Use it before [`Streams::close`](sse_hyper::Streams::close), whose farewell is the same for all and has no
    /// position. Of several calls, the first one counts.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use sse_hub::Hub;
    /// use sse_hyper::{Event, Farewell, Streams};
    ///
    /// let (hub, streams) = (Hub::default(), Streams::default());
    /// let farewell = Farewell::new(Event::new("{}"))
    ///     .with_retry(Duration::from_secs(1)..=Duration::from_secs(5));
    /// hub.close(farewell.clone());
    /// streams.close(farewell);
    /// ```
    pub fn close(&self, farewell: Farewell) {
        self.shared.close(farewell);
    }

    /// What has happened so far.
    pub fn counts(&self) -> Counts {
        self.shared.counts.now()
    }

    /// The ID of the newest event that is known here; none if there was none.
    ///
    /// It is the event's own, so it tells a client that something was published, also with
    /// [sealed IDs](crate::Ids).
    pub fn newest(&self) -> Option<EventId> {
        let newest = self.shared.read().log.newest();
        Some(self.shared.id(newest)).filter(|_| newest != 0)
    }

    /// How many different selections there are.
    pub fn selections(&self) -> usize {
        self.shared.read().index.all().count()
    }

    /// Whether events of other machines come here now. In memory, always.
    pub fn is_connected(&self) -> bool {
        self.shared.disconnection().is_none()
    }

    /// Returns why events of other machines do not come here now. None while the hub
    /// [is connected](Self::is_connected).
    pub fn disconnection(&self) -> Option<BackendError> {
        self.shared.disconnection()
    }

    /// Returns why the last replay from the backend was refused, which reset its subscriber. None if it was not, or if
    /// there was none.
    pub fn replay_failure(&self) -> Option<BackendError> {
        self.shared.replay_failure()
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

/// Takes what the backend tells to the subscribers.
async fn follow(shared: Arc<Shared>, backend: Arc<dyn Backend>) {
    let kept = shared.settings.retention.events;
    let mut updates = backend.follow(kept);
    // A backend may have very many at once.
    let mut turn = Turn::new();
    while let Some(update) = updates.next().await {
        ends(&mut turn).await;
        match update {
            Update::Event(event) if event.number > shared.read().log.newest() => {
                let woken = match shared.accepts(&event) {
                    true => shared.append(Some(event.number), &event.post).1,
                    false => 0,
                };
                recovery::spend(&mut turn, &event, woken.saturating_mul(WAKE));
            }
            // It was told again.
            Update::Event(event) => recovery::spend(&mut turn, &event, 0),
            Update::Gone(number) => {
                let mut old = shared.skip_to(number);
                while old.as_mut().is_some_and(|old| old.drop_some()) {
                    turn.spend(DROP);
                    ends(&mut turn).await;
                }
            }
            Update::Lost(lost) => {
                let error: &(dyn Error + 'static) = &lost;
                tracing::warn!(error, "the backend is lost; subscribers wait");
                shared.disconnected(lost);
            }
            Update::Connected => {
                tracing::info!("the backend is connected");
                shared.connected();
                shared.loaded();
            }
        }
    }
}

/// Lets others run if the turn is over.
async fn ends(turn: &mut Turn) {
    poll_fn(|cx| match turn.ends(cx) {
        true => Poll::Pending,
        false => Poll::Ready(()),
    })
    .await
}

/// Returns the epoch of a hub in memory. It is not the time, because a clock may be set back, or begin anew with each
/// start of a machine that has no battery. 32 bits are enough to tell apart the few epochs that clients still know.
fn random_epoch() -> u64 {
    let random = RandomState::new().hash_one("epoch");
    (random >> 32).max(1)
}

/// Why an event was not published.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PublishError {
    /// The event is larger than [it may be](Settings::with_max_event).
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The event's type is longer than [it may be](Settings::with_max_type).
    TypeTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The event's key is longer than [it may be](Settings::with_max_key).
    KeyTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The event's type, which this is, is [reserved](Settings::with_reserved_types).
    ReservedType(String),
    /// The event's reconnection time is [not allowed](Settings::with_event_retry).
    Retry {
        /// The reconnection time.
        retry: Duration,
        /// Those that are allowed.
        allowed: RangeInclusive<Duration>,
    },
    /// The backend did not take it.
    Backend(BackendError),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes, limit } => {
                write!(f, "event is {bytes} bytes, limit is {limit}")
            }
            Self::TypeTooLong { bytes, limit } => {
                write!(f, "event type is {bytes} bytes, limit is {limit}")
            }
            Self::KeyTooLong { bytes, limit } => {
                write!(f, "key is {bytes} bytes, limit is {limit}")
            }
            Self::ReservedType(name) => write!(f, "event type {name:?} is reserved"),
            Self::Retry { retry, allowed } => write!(
                f,
                "reconnection time is {} ms, allowed is {} to {} ms",
                retry.as_millis(),
                allowed.start().as_millis(),
                allowed.end().as_millis()
            ),
            Self::Backend(_) => f.write_str("the backend did not take it"),
        }
    }
}

impl Error for PublishError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Backend(error) => Some(error),
            _ => None,
        }
    }
}

impl From<BackendError> for PublishError {
    fn from(error: BackendError) -> Self {
        Self::Backend(error)
    }
}
