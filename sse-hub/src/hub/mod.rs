//! The hub: publishes events, creates subscriptions, and follows its backend.

mod shared;

use core::{error::Error, fmt, future::poll_fn, hash::BuildHasher as _, task::Poll};
use std::{hash::RandomState, sync::Arc};

use futures_util::StreamExt as _;

use crate::{
    Backend, BackendError, CloseEvent, EventId, HubConfig, Publication, PublishError, Stats,
    SubscribeError, Subscription, SubscriptionBuilder, TopicFilters, Topics, Update,
    log::custom_pattern_cost,
    subscription::replay,
    turn::{Turn, WORK_PER_TURN},
};

pub(crate) use shared::{Core, Shared};

/// Maximum sequence of a first event. It leaves room for 2^63 events, more than can ever be published.
const MAX_FIRST_SEQUENCE: u64 = u64::MAX / 2;

/// Work of waking a subscriber, in units of [`Turn`].
const WAKE_WORK: usize = 8;

/// Work of one call of [`Log::drop_some`](crate::log::Log::drop_some), in units of [`Turn`].
const DROP_WORK: usize = 1024;

/// Minimum number of custom patterns that are tried in a step, also on a very long topic.
const MIN_PATTERNS_PER_STEP: usize = 16;

/// Hub that sends each published event to all subscribers whose filters match one of its topics.
///
/// This is a handle: clones refer to the same hub.
///
/// ```
/// use sse_hub::{Event, Hub, Topic, TopicFilters};
/// use sse_hyper::StreamTracker;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (hub, streams) = (Hub::default(), StreamTracker::default());
///
/// // For each request:
/// let request = http::Request::new(());
/// let last_event_id = sse_hyper::last_event_id(request.headers())?;
/// let subscription = hub.subscribe(TopicFilters::new(["news", "orders/17"])?, last_event_id.as_ref())?;
/// let response = streams.respond(&request, subscription);
///
/// // From anywhere in the program:
/// hub.publish((Topic::new("news")?, Event::new("it works"))).await?;
/// # drop(response);
/// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

impl Hub {
    /// Creates a hub that keeps its events in the memory of this process.
    pub fn new(config: HubConfig) -> Self {
        let (epoch, first) = match config.first_sequence {
            Some(first) => (0, first.min(MAX_FIRST_SEQUENCE)),
            None => (random_epoch(), 1),
        };
        // Nothing was published before the first sequence.
        Self::from_parts(config, epoch, first.saturating_sub(1), None)
    }

    /// Creates a hub that shares its events with all other hubs of the same backend.
    ///
    /// Spawn the future: it takes events from the backend to the subscribers of this hub, and never ends. Without it,
    /// the subscribers wait forever.
    ///
    /// See the documentation of `sse-hub-nats` for an example.
    #[must_use = "spawn the future, or no events arrive from the backend"]
    pub fn with_backend(
        config: HubConfig,
        backend: Arc<dyn Backend>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let hub = Self::from_parts(config, 0, 0, Some(Arc::clone(&backend)));
        let follow = follow(Arc::clone(&hub.shared), backend);
        (hub, follow)
    }

    fn from_parts(
        config: HubConfig,
        epoch: u64,
        latest: u64,
        backend: Option<Arc<dyn Backend>>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared::new(config, epoch, latest, backend)),
        }
    }

    /// Publishes an event to all subscribers whose filters match one of its topics. Returns the event's ID.
    ///
    /// Pass a pair of topics and event, or a [`Publication`], which can also have a compaction key.
    ///
    /// With a backend, this method waits until the backend has stored the event. A hub in memory never waits here: it only
    /// yields to other tasks while it tries very many [custom patterns](crate::CustomPattern) on a new topic. So a caller
    /// that publishes many events in a row should yield between them, for example with `tokio::task::yield_now`.
    ///
    /// ```
    /// use sse_hub::{Event, Hub, Topic, Topics};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let hub = Hub::default();
    /// let id = hub.publish((Topic::new("news")?, Event::new("it works"))).await?;
    /// hub.publish((Topics::new(["news", "sports"])?, Event::new("3:1"))).await?;
    /// # drop(id);
    /// # Ok::<_, Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`PublishError`] if the event [may not be published](Self::check), or if the backend does not accept it. No
    /// subscriber gets the event then, unless the backend failed while it stored the event.
    pub async fn publish(
        &self,
        publication: impl Into<Publication>,
    ) -> Result<EventId, PublishError> {
        let publication = publication.into();
        let shared = &self.shared;
        shared.config.check(&publication)?;
        let sequence = match &shared.backend {
            None => {
                try_patterns(shared, &publication.topics).await;
                shared.append(None, &publication).0
            }
            Some(backend) => backend.publish(&publication).await?,
        };
        Ok(shared.publication_id(&publication, sequence))
    }

    /// Publishes an event without waiting, in a hub in memory. Returns the event's ID.
    ///
    /// Use it in code that is not asynchronous. It does the same as [`publish`](Self::publish) otherwise.
    ///
    /// ```
    /// use sse_hub::{Event, Hub, Publication, Topic};
    ///
    /// let hub = Hub::default();
    /// let price = Publication::new(Topic::new("stocks")?, Event::new("42.5")).with_key("ACME");
    /// hub.try_publish(price)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PublishError::WouldBlock`] if the hub has a backend. Otherwise, the errors of [`publish`](Self::publish).
    pub fn try_publish(
        &self,
        publication: impl Into<Publication>,
    ) -> Result<EventId, PublishError> {
        let publication = publication.into();
        let shared = &self.shared;
        shared.config.check(&publication)?;
        match &shared.backend {
            None => {
                let sequence = shared.append(None, &publication).0;
                Ok(shared.publication_id(&publication, sequence))
            }
            Some(_) => Err(PublishError::WouldBlock),
        }
    }

    /// Checks if an event may be published, without publishing it.
    ///
    /// The checks are the size of the event, the lengths of its type and key, its reconnection time, and that its type
    /// is not reserved. [`publish`](Self::publish) does these checks, too.
    ///
    /// The hub also checks each event from the backend. It skips, logs and counts an event that may not be published:
    /// see [`Stats::refused`].
    ///
    /// # Errors
    ///
    /// Any [`PublishError`] except [`PublishError::Backend`] and [`PublishError::WouldBlock`].
    pub fn check(&self, publication: &Publication) -> Result<(), PublishError> {
        self.shared.config.check(publication)
    }

    /// Subscribes to the events that these filters match: from now on, or after the last event that the client has
    /// received.
    ///
    /// If the client cannot resume after that event, it first gets an event of the type `reset`, and then the events
    /// from now on. It should reload the data that it shows. The data of the `reset` event is one of:
    ///
    /// - `{"reason":"too old"}`: the client may have missed events that are not kept any more.
    /// - `{"reason":"unknown"}`: the ID does not belong to this hub.
    /// - `{"reason":"unavailable"}`: the backend refuses the replay.
    ///
    /// # Errors
    ///
    /// [`SubscribeError::Full`] if the maximum number of subscribers is reached.
    pub fn subscribe(
        &self,
        filters: impl Into<TopicFilters>,
        last_event_id: Option<&EventId>,
    ) -> Result<Subscription, SubscribeError> {
        self.subscription(filters).after(last_event_id).subscribe()
    }

    /// Returns a builder for a subscription with more options: replay, lag policy and authorization.
    pub fn subscription(&self, filters: impl Into<TopicFilters>) -> SubscriptionBuilder {
        SubscriptionBuilder::new(Arc::clone(&self.shared), filters.into())
    }

    /// Ends all subscriptions, and those that begin later, each with this close event.
    ///
    /// The ID of the close event is the position of the subscriber, so that the client misses nothing when it
    /// reconnects. Only the first call has an effect.
    ///
    /// With [`sse-hyper`](https://docs.rs/sse-hyper), call this before `StreamTracker::close`. That sends the close
    /// event to the other clients, without a position.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use sse_hub::{CloseEvent, Event, Hub};
    /// use sse_hyper::StreamTracker;
    ///
    /// let (hub, streams) = (Hub::default(), StreamTracker::default());
    /// let close_event = CloseEvent::new(Event::new("{}"))
    ///     .with_retry(Duration::from_secs(1)..=Duration::from_secs(5));
    /// hub.close(close_event.clone());
    /// streams.close(close_event);
    /// ```
    pub fn close(&self, close_event: CloseEvent) {
        self.shared.close(close_event);
    }

    /// Returns a snapshot of the hub's counters since it was created.
    pub fn stats(&self) -> Stats {
        self.shared.counters.snapshot()
    }

    /// Returns the ID of the latest event that this hub knows. `None` if there was no event.
    ///
    /// A client that resumes after it gets all events from now on. This is the ID of the event itself. So it tells a client that something was published, even with
    /// [sealed IDs](crate::IdFormat).
    pub fn latest_id(&self) -> Option<EventId> {
        let core = self.shared.read();
        let own = core.log.latest_entry().and_then(|entry| entry.id.clone());
        let latest = core.log.latest();
        drop(core);
        own.or_else(|| (latest != 0).then(|| self.shared.id(latest)))
    }

    /// Returns whether the backend is connected, so that events of other machines arrive. Always `true` for a hub in
    /// memory.
    pub fn is_connected(&self) -> bool {
        self.shared.disconnection().is_none()
    }

    /// Returns the reason why the backend is disconnected. `None` while it [is connected](Self::is_connected).
    pub fn disconnection(&self) -> Option<BackendError> {
        self.shared.disconnection()
    }

    /// Returns the reason why the backend refused the last replay. `None` if the last replay succeeded, or if there was
    /// none.
    ///
    /// The subscriber of a refused replay gets a `reset` event.
    pub fn replay_failure(&self) -> Option<BackendError> {
        self.shared.replay_failure()
    }
}

impl Default for Hub {
    /// Creates a hub in memory with the default [`HubConfig`].
    fn default() -> Self {
        Self::new(HubConfig::default())
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("config", &self.shared.config)
            .field("stats", &self.stats())
            .field("channels", &self.shared.read().index.all().count())
            .field("backend", &self.shared.backend)
            .finish()
    }
}

/// Takes the updates of the backend to the log and to the subscribers.
async fn follow(shared: Arc<Shared>, backend: Arc<dyn Backend>) {
    let kept = shared.config.retention.events;
    let mut updates = backend.follow(kept);
    // A backend may have very many updates at once.
    let mut turn = Turn::new();
    while let Some(update) = updates.next().await {
        yield_if_over(&mut turn).await;
        match update {
            Update::Event(event) if event.sequence > shared.read().log.latest() => {
                let woken = match shared.accepts(&event) {
                    true => {
                        try_patterns(&shared, &event.publication.topics).await;
                        shared.append(Some(event.sequence), &event.publication).1
                    }
                    false => 0,
                };
                replay::spend(&mut turn, &event, woken.saturating_mul(WAKE_WORK));
            }
            // A repeated event.
            Update::Event(event) => replay::spend(&mut turn, &event, 0),
            Update::Truncated(sequence) => {
                let mut old = shared.skip_to(sequence);
                while old.as_mut().is_some_and(|old| old.drop_some()) {
                    turn.spend(DROP_WORK);
                    yield_if_over(&mut turn).await;
                }
            }
            Update::Disconnected(lost) => {
                let error: &(dyn Error + 'static) = &lost;
                // A closed hub has no subscribers that wait.
                if !shared.is_closed() {
                    tracing::warn!(error, "backend is disconnected; subscribers wait");
                }
                shared.disconnected(lost);
            }
            Update::Connected => {
                tracing::info!("backend is connected");
                shared.connected();
                shared.loaded();
            }
        }
    }
}

/// Tries the custom patterns on the topics of an event before it is appended. The hub is not locked between the steps,
/// and other tasks run. The event itself then only needs the results.
async fn try_patterns(shared: &Shared, topics: &Topics) {
    let patterns = shared.read().index.custom_patterns();
    let mut turn = Turn::new();
    for topic in topics {
        let cost = custom_pattern_cost(topic);
        let limit = (WORK_PER_TURN / cost).max(MIN_PATTERNS_PER_STEP);
        // Patterns that are added meanwhile are tried when the event is appended.
        for _ in 0..patterns.div_ceil(limit) {
            if !shared.read().index.has_untried_patterns(topic) {
                break;
            }
            turn.spend(shared.try_patterns(topic, limit) * cost);
            yield_if_over(&mut turn).await;
        }
    }
}

/// Lets other tasks run if the turn is over.
async fn yield_if_over(turn: &mut Turn) {
    poll_fn(|cx| match turn.yield_if_over(cx) {
        true => Poll::Pending,
        false => Poll::Ready(()),
    })
    .await
}

/// Returns a random epoch for a hub in memory.
///
/// The epoch is not the time: a clock can be set back, or restart at zero on a machine without a battery. 32 bits are
/// enough to distinguish the few epochs that clients still know.
fn random_epoch() -> u64 {
    let random = RandomState::new().hash_one("epoch");
    (random >> 32).max(1)
}
