use core::{error::Error, fmt};
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use crate::{
    Authorizer, Denied, EventId, LagPolicy, Start, Subscription, TopicFilters,
    audience::Audience,
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
    audience: Audience,
    start: StartPosition,
    end: Option<Instant>,
    lag_policy: LagPolicy,
    max_lag: Option<u64>,
}

/// Position where a subscription begins.
#[derive(Clone, Debug)]
enum StartPosition {
    Now,
    After(EventId),
    AfterOrStart(EventId),
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
            audience: filters.into(),
            start: StartPosition::Now,
            end: None,
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

    /// Resumes after this event, or begins with all kept events if the hub does not have all events after it.
    ///
    /// No `reset` event is sent. [`Subscription::start`] returns where the subscription begins.
    pub fn after_or_start(mut self, last_event_id: &EventId) -> Self {
        self.start = StartPosition::AfterOrStart(last_event_id.clone());
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

    /// Begins with all kept events: those of the backend, if there is one. With [`LagPolicy::Latest`], begins with the
    /// latest event of each key that this hub has.
    pub fn from_start(mut self) -> Self {
        self.start = StartPosition::Start;
        self
    }

    /// Sets the topics whose [private](crate::Publication#structfield.private) events the subscriber may receive. None
    /// by default.
    ///
    /// A private event is received if its topics match both the subscription's filters and these filters. It may be a
    /// different topic of the event for each.
    pub fn private_topics(mut self, filters: impl Into<TopicFilters>) -> Self {
        self.audience.private = Some(filters.into());
        self
    }

    /// Sets the time at which the subscription ends, for example because the token of the client expires. By default,
    /// it does not end.
    ///
    /// This needs a tokio runtime with its timer enabled.
    pub fn end_at(mut self, end: Instant) -> Self {
        self.end = Some(end);
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
        let grant = PendingAnswer::new(&*authorizer, &self.audience.filters, timeout).await?;
        self.build(Some(Authorization::new(authorizer, timeout, grant)))
    }

    fn build(self, authorization: Option<Authorization>) -> Result<Subscription, SubscribeError> {
        let shared = &self.shared;
        let max = shared.config.max_subscribers;
        let end = self.end.map(|end| Box::pin(sleep_until(end)));
        if !shared.counters.acquire(max) {
            return Err(SubscribeError::Full(max));
        }
        let keys = Keys::new(&self.audience, &shared.digester);
        let mut core = shared.write();
        let max_patterns = shared.config.max_custom_patterns;
        if core.index.custom_patterns_with(&self.audience.filters) > max_patterns {
            drop(core);
            shared.counters.release();
            return Err(SubscribeError::TooManyPatterns(max_patterns));
        }
        let latest = core.log.latest();
        let channel = core.index.channel(&self.audience, &keys, latest);
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
        let reset_event = start.reset.and_then(|reason| shared.reset(reason, latest));
        let mut cursor = Cursor::new(
            shared,
            start.position,
            expired,
            self.lag_policy,
            self.max_lag,
        );
        cursor.complete_after = start.complete_after;
        cursor.start = start.start;
        let prelude = Prelude {
            authorization,
            end,
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
        let at = ResolvedStart::at;
        let backend = self.shared.backend.as_ref();
        // The log is not loaded yet, so only the backend knows the latest sequence.
        let backend_start = |before| {
            let backend = backend.filter(|_| !self.shared.is_loaded())?;
            Some(ResolvedStart {
                replay: Some(Replay::AwaitLatest(backend.latest_sequence(), before)),
                ..at(latest.saturating_sub(before))
            })
        };
        let locate = |id: Option<&EventId>| ResolvedStart {
            replay: Some(Replay::locate(&self.shared, id.cloned())),
            ..at(latest)
        };
        let from_log = || ResolvedStart {
            start: Start::Earliest,
            complete_after: core.log.complete_after(self.compacts()),
            ..at(core.log.replay_start(self.compacts()))
        };
        match &self.start {
            StartPosition::Now => backend_start(0).unwrap_or(at(latest)),
            StartPosition::Latest(events) => {
                // The search may examine many events, so it runs in several turns.
                let here = || ResolvedStart {
                    replay: Some(Replay::SearchLog(BackwardSearch::new(*events, latest))),
                    ..at(latest)
                };
                backend_start(*events as u64).unwrap_or_else(here)
            }
            // Only the log knows the latest event of each key.
            StartPosition::Start if backend.is_none() || self.compacts() => ResolvedStart {
                replay: backend_start(u64::MAX).and_then(|first| first.replay),
                ..from_log()
            },
            StartPosition::Start => locate(None),
            StartPosition::Unknown => ResolvedStart::reset("unknown", latest),
            StartPosition::After(id) => self.resolve_after(id, core, expired, is_kept),
            StartPosition::AfterOrStart(id) if backend.is_some() => locate(Some(id)),
            StartPosition::AfterOrStart(id) => {
                let after = self.resolve_after(id, core, expired, is_kept);
                match after.reset {
                    Some(_) => from_log(),
                    None => ResolvedStart {
                        start: Start::Resumed,
                        ..after
                    },
                }
            }
        }
    }

    /// Returns the position after the event with this ID.
    fn resolve_after(
        &self,
        id: &EventId,
        core: &Core,
        expired: u64,
        is_kept: impl Fn(u64) -> bool,
    ) -> ResolvedStart {
        let latest = core.log.latest();
        let (at, reset) = (ResolvedStart::at, |reason| {
            ResolvedStart::reset(reason, latest)
        });
        let find = || ResolvedStart {
            replay: Some(Replay::find(&self.shared, id.clone())),
            ..at(latest)
        };
        let sequence = self.shared.sequence(id);
        let sequence = sequence.or_else(|| core.log.sequence_of_id(id));
        match (sequence, self.shared.backend.as_ref()) {
            // The epoch may not be known yet.
            (_, Some(_)) if !self.shared.is_loaded() => find(),
            // The backend knows the IDs of more events.
            (None, Some(_)) if self.shared.config.publisher_ids => find(),
            (None, _) => reset("unknown"),
            // This hub may have fewer events yet than the one that the client was connected to.
            (Some(sequence), Some(_)) if sequence > latest => find(),
            (Some(sequence), None) if sequence > latest => reset("unknown"),
            (Some(sequence), _) if is_kept(sequence) => at(sequence),
            // No event of these filters is lost.
            (Some(sequence), _) if !core.log.may_miss(sequence, expired, &self.audience) => {
                at(core.log.skip_missing(sequence, expired))
            }
            (Some(sequence), Some(backend)) => ResolvedStart {
                replay: Some(Replay::from_backend(
                    &**backend,
                    sequence,
                    latest,
                    &self.audience.filters,
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
    start: Start,
    /// The subscriber gets each event after this one. Of the earlier events, it gets those that are kept.
    complete_after: u64,
    /// Reason why the subscription cannot begin at the requested position.
    reset: Option<&'static str>,
    replay: Option<Replay>,
}

impl ResolvedStart {
    fn at(position: u64) -> Self {
        Self {
            position,
            start: Start::Now,
            complete_after: 0,
            reset: None,
            replay: None,
        }
    }

    /// Returns the position after the latest event, for a subscription that cannot begin at the requested position.
    fn reset(reason: &'static str, latest: u64) -> Self {
        Self {
            reset: Some(reason),
            ..Self::at(latest)
        }
    }
}

impl fmt::Debug for SubscriptionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionBuilder")
            .field("audience", &self.audience)
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
    /// The subscribers have too many different [custom patterns](crate::HubConfig::max_custom_patterns) already: this is
    /// the limit. Respond with `503 Service Unavailable`.
    TooManyPatterns(usize),
    /// The authorizer denies the subscription. Respond with `403 Forbidden`, or with `401 Unauthorized` if the client
    /// is not authenticated.
    Denied(Denied),
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(limit) => write!(f, "limit of {limit} subscribers is reached"),
            Self::TooManyPatterns(limit) => {
                write!(f, "limit of {limit} custom patterns is reached")
            }
            Self::Denied(_) => f.write_str("subscription is denied"),
        }
    }
}

impl Error for SubscribeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Denied(denied) => Some(denied),
            Self::Full(_) | Self::TooManyPatterns(_) => None,
        }
    }
}

impl From<Denied> for SubscribeError {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}
