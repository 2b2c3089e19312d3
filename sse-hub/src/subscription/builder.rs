use core::{error::Error, fmt};
use std::sync::Arc;

use crate::{
    Authorizer, Backend, Denied, EventId, LagPolicy, Subscription, TopicFilters,
    fanout::index::Keys,
    hub::{Core, Shared},
    log::BackwardSearch,
    subscription::{
        Prelude,
        authorization::{Authorization, PendingAnswer},
        cursor::Cursor,
        replay::Replay,
    },
};

/// Builder for a [`Subscription`], from [`Hub::subscription`](crate::Hub::subscription).
///
/// ```
/// use sse_hub::{Hub, LagPolicy, TopicFilters};
///
/// let hub = Hub::default();
/// let prices = hub
///     .subscription(TopicFilters::from_patterns(["prices/*"])?)
///     .lag_policy(LagPolicy::Latest)
///     .from_start()
///     .subscribe()?;
/// # drop(prices);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use = "call `subscribe` to create the subscription"]
pub struct SubscriptionBuilder {
    shared: Arc<Shared>,
    filters: TopicFilters,
    start: StartPosition,
    lag_policy: LagPolicy,
    max_lag: Option<u64>,
}

/// Position where a subscription begins.
#[derive(Clone, Debug)]
enum StartPosition {
    Now,
    After(EventId),
    /// Position after an ID that does not belong to this hub.
    Unknown,
    /// Position before this number of the latest events.
    Latest(usize),
    /// Position before all kept events.
    Start,
}

impl SubscriptionBuilder {
    pub(crate) fn new(shared: Arc<Shared>, filters: TopicFilters) -> Self {
        Self {
            shared,
            filters,
            start: StartPosition::Now,
            lag_policy: LagPolicy::default(),
            max_lag: None,
        }
    }

    /// Resumes after this event, the last one that the client has received. `None` changes nothing.
    ///
    /// If the client cannot resume after it, the subscription begins with an event of the type `reset`: see
    /// [`Hub::subscribe`](crate::Hub::subscribe).
    pub fn after(mut self, last_event_id: Option<&EventId>) -> Self {
        if let Some(id) = last_event_id {
            self.start = StartPosition::After(id.clone());
        }
        self
    }

    /// Begins with an event of the type `reset`, and then sends the events from now on.
    ///
    /// This is the behaviour for a last event ID that does not belong to this hub.
    ///
    /// Use this if the client sent a last event ID that cannot be read:
    ///
    /// ```
    /// use sse_hub::{Hub, TopicFilters};
    /// # let (hub, headers) = (Hub::default(), http::HeaderMap::new());
    ///
    /// let subscription = hub.subscription(TopicFilters::all());
    /// let subscription = match sse_hyper::last_event_id(&headers) {
    ///     Ok(id) => subscription.after(id.as_ref()),
    ///     Err(_) => subscription.after_unknown(),
    /// };
    /// # drop(subscription);
    /// ```
    pub fn after_unknown(mut self) -> Self {
        self.start = StartPosition::Unknown;
        self
    }

    /// Begins with the latest N events of the topic filters, for example so that a page has something to show.
    ///
    /// A last event ID that is set after this call has priority.
    ///
    /// The events are the latest ones at the time of the subscription. The subscription searches for them when it is
    /// polled, in several short turns if there are many events of other topics.
    ///
    /// Before the hub has connected to its backend, only the latest N events of all topics are searched. So the
    /// subscriber may get fewer events.
    pub fn replay_last(mut self, events: usize) -> Self {
        self.start = StartPosition::Latest(events);
        self
    }

    /// Begins with all kept events. With [`LagPolicy::Latest`], begins with the latest event of each key.
    pub fn from_start(mut self) -> Self {
        self.start = StartPosition::Start;
        self
    }

    /// Sets the policy for a client that is too slow. [`LagPolicy::Disconnect`] by default.
    pub fn lag_policy(mut self, lag_policy: LagPolicy) -> Self {
        self.lag_policy = lag_policy;
        self
    }

    /// Sets the maximum number of events that the subscriber may be behind, after it has caught up once.
    ///
    /// By default, the limit is the size of the log. The minimum is 1, because the subscriber would receive no events
    /// otherwise.
    pub fn max_lag(mut self, events: u64) -> Self {
        self.max_lag = Some(events);
        self
    }

    /// Creates the subscription.
    ///
    /// # Errors
    ///
    /// [`SubscribeError::Full`] if the maximum number of subscribers is reached.
    pub fn subscribe(self) -> Result<Subscription, SubscribeError> {
        self.build(None)
    }

    /// Creates the subscription if the authorizer grants it.
    ///
    /// The hub asks the authorizer again when the grant expires. If the answer is a denial then, the stream ends with
    /// an event of the type `denied`, with the reason as its data.
    ///
    /// If the authorizer does not answer within
    /// [`HubConfig::authorize_timeout`](crate::HubConfig::authorize_timeout), 10 s by default, the subscription is
    /// denied. This needs a tokio runtime with its timer enabled, unless the authorizer answers at once with a grant
    /// that does not expire.
    ///
    /// # Errors
    ///
    /// - [`SubscribeError::Denied`] if the authorizer denies the subscription.
    /// - [`SubscribeError::Full`] if the maximum number of subscribers is reached.
    pub async fn subscribe_authorized(
        self,
        authorizer: impl Authorizer,
    ) -> Result<Subscription, SubscribeError> {
        let authorizer = Arc::new(authorizer);
        let timeout = self.shared.config.authorize_timeout;
        let grant = PendingAnswer::new(&*authorizer, &self.filters, timeout).await?;
        self.build(Some(Authorization::new(authorizer, timeout, grant)))
    }

    fn build(self, authorization: Option<Authorization>) -> Result<Subscription, SubscribeError> {
        let shared = &self.shared;
        let max = shared.config.max_subscribers;
        if !shared.counters.acquire(max) {
            return Err(SubscribeError::Full(max));
        }
        let keys = Keys::new(&self.filters, &shared.digester);
        let mut core = shared.write();
        let latest = core.log.latest();
        let channel = core.index.channel(&self.filters, &keys, latest);
        let mut state = channel.lock();
        state.subscribers += 1;
        let (expired, compacts) = (core.log.expired(), self.compacts());
        let is_kept = |sequence| {
            (compacts || sequence >= expired)
                && (state.reaches(sequence) || core.log.reaches(sequence, compacts))
        };
        let start = self.resolve_start(&core, expired, is_kept);
        drop(state);
        drop(core);
        if let Some(reason) = start.reset {
            shared.counters.reset();
            tracing::debug!(reason, "subscriber is reset");
        }
        let reset_event = start.reset.map(|reason| shared.reset(reason, latest));
        let mut cursor = Cursor::new(
            shared,
            start.position,
            expired,
            self.lag_policy,
            self.max_lag,
        );
        cursor.complete_after = start.complete_after;
        let prelude = Prelude {
            authorization,
            // The ID of a reset is the position already.
            announce_position: cursor.position_events && reset_event.is_none(),
            reset_event,
            replay: start.replay,
        };
        Ok(Subscription::new(self.shared, channel, cursor, prelude))
    }

    /// Returns the position where the subscription begins.
    fn resolve_start(
        &self,
        core: &Core,
        expired: u64,
        is_kept: impl Fn(u64) -> bool,
    ) -> ResolvedStart {
        let latest = core.log.latest();
        let at = |position| ResolvedStart {
            position,
            complete_after: 0,
            reset: None,
            replay: None,
        };
        let reset = |reason| ResolvedStart {
            reset: Some(reason),
            ..at(latest)
        };
        let backend = self.shared.backend.as_ref();
        // The log is not loaded yet, so only the backend knows the latest sequence.
        let backend_start = |before| {
            let backend = backend.filter(|_| !self.shared.is_loaded())?;
            Some(ResolvedStart {
                replay: Some(Replay::AwaitLatest(backend.latest_sequence(), before)),
                ..at(latest.saturating_sub(before))
            })
        };
        let id = match &self.start {
            StartPosition::Now => return backend_start(0).unwrap_or(at(latest)),
            StartPosition::Latest(events) => {
                // The search may examine many events, so it runs in several turns.
                let here = || ResolvedStart {
                    replay: Some(Replay::SearchLog(BackwardSearch::new(*events, latest))),
                    ..at(latest)
                };
                return backend_start(*events as u64).unwrap_or_else(here);
            }
            StartPosition::Start => {
                let start = ResolvedStart {
                    complete_after: core.log.complete_after(self.compacts()),
                    ..at(core.log.replay_start(self.compacts()))
                };
                return match backend_start(u64::MAX) {
                    Some(first) => ResolvedStart {
                        replay: first.replay,
                        ..start
                    },
                    None => start,
                };
            }
            StartPosition::Unknown => return reset("unknown"),
            StartPosition::After(id) => id,
        };
        let ahead = |backend: &Arc<dyn Backend>| ResolvedStart {
            replay: Some(Replay::AwaitSequence(backend.latest_sequence(), id.clone())),
            ..at(latest)
        };
        match (self.shared.sequence(id), backend) {
            // The epoch may not be known yet.
            (_, Some(backend)) if !self.shared.is_loaded() => ahead(backend),
            (None, _) => reset("unknown"),
            // This hub may have fewer events yet than the one that the client was connected to.
            (Some(sequence), Some(backend)) if sequence > latest => ahead(backend),
            (Some(sequence), None) if sequence > latest => reset("unknown"),
            (Some(sequence), _) if is_kept(sequence) => at(sequence),
            // No event of these filters is lost.
            (Some(sequence), _) if !core.log.may_miss(sequence, expired, &self.filters) => {
                at(core.log.skip_missing(sequence, expired))
            }
            (Some(sequence), Some(backend)) => ResolvedStart {
                replay: Some(Replay::from_backend(
                    &**backend,
                    sequence,
                    latest,
                    &self.filters,
                )),
                ..at(sequence)
            },
            (Some(_), None) => reset("too old"),
        }
    }

    fn compacts(&self) -> bool {
        self.lag_policy == LagPolicy::Latest
    }
}

/// Position where a subscription begins, and the steps to get there.
struct ResolvedStart {
    position: u64,
    /// The subscriber gets each event after this one. Of the earlier events, it gets those that are kept.
    complete_after: u64,
    /// Reason why the subscription cannot begin at the requested position.
    reset: Option<&'static str>,
    replay: Option<Replay>,
}

impl fmt::Debug for SubscriptionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionBuilder")
            .field("filters", &self.filters)
            .field("start", &self.start)
            .field("lag_policy", &self.lag_policy)
            .field("max_lag", &self.max_lag)
            .finish_non_exhaustive()
    }
}

/// Error of creating a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The [maximum number of subscribers](crate::HubConfig::max_subscribers), which is this one, is reached. Respond
    /// with `503 Service Unavailable`.
    Full(usize),
    /// The authorizer denies the subscription. Respond with `403 Forbidden`, or with `401 Unauthorized` if the client
    /// is not authenticated.
    Denied(Denied),
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(limit) => write!(f, "limit of {limit} subscribers is reached"),
            Self::Denied(_) => f.write_str("subscription is denied"),
        }
    }
}

impl Error for SubscribeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Denied(denied) => Some(denied),
            Self::Full(_) => None,
        }
    }
}

impl From<Denied> for SubscribeError {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}
