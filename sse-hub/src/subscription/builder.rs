//! Builder for subscriptions.

use core::{error::Error, fmt};
use std::sync::Arc;

use sse_hyper::EventId;

use crate::{
    Authorizer, Backend, Denied, LagPolicy, Subscription, TopicFilters,
    fanout::index::Keys,
    hub::{Core, Shared},
    log::Back,
    subscription::{
        Special,
        authorization::{Guard, Question},
        cursor::Reader,
        replay::Recovery,
    },
};

/// Builder for a [`Subscription`].
#[derive(Clone)]
#[must_use]
pub struct SubscriptionBuilder {
    shared: Arc<Shared>,
    filters: TopicFilters,
    from: From,
    slow: LagPolicy,
    max_lag: Option<u64>,
}

/// Position where a subscription begins.
#[derive(Clone, Debug)]
enum From {
    Now,
    After(EventId),
    Unknown,
    Newest(usize),
    Start,
}

impl SubscriptionBuilder {
    pub(crate) fn new(shared: Arc<Shared>, filters: TopicFilters) -> Self {
        Self {
            shared,
            filters,
            from: From::Now,
            slow: LagPolicy::default(),
            max_lag: None,
        }
    }

    /// Resumes after this event, the last one that the client has seen. `None` changes nothing.
    pub fn after(mut self, last_event_id: Option<&EventId>) -> Self {
        if let Some(id) = last_event_id {
            self.from = From::After(id.clone());
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
    /// let subscriber = hub.subscription(TopicFilters::all());
    /// let subscriber = match sse_hyper::last_event_id(&headers) {
    ///     Ok(id) => subscriber.after(id.as_ref()),
    ///     Err(_) => subscriber.after_unknown(),
    /// };
    /// # drop(subscriber);
    /// ```
    pub fn after_unknown(mut self) -> Self {
        self.from = From::Unknown;
        self
    }

    /// Begins with the newest N selected events, for example so that a page has something to show.
    ///
    /// A last event ID that is set after this call has priority.
    ///
    /// The events are the newest ones at the time of the subscription. The subscription searches for them when it is
    /// polled, in several short turns if there are many events of other topics.
    ///
    /// Before the hub has connected to its backend, the newest N events of all topics are searched. So there may be
    /// fewer selected ones among them.
    pub fn replay_last(mut self, events: usize) -> Self {
        self.from = From::Newest(events);
        self
    }

    /// Begins with all kept events. With [`LagPolicy::Latest`], begins with the latest event of each key.
    pub fn from_start(mut self) -> Self {
        self.from = From::Start;
        self
    }

    /// Sets the policy for a client that is too slow. [`LagPolicy::Disconnect`] by default.
    pub fn lag_policy(mut self, slow: LagPolicy) -> Self {
        self.slow = slow;
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
        self.guarded(None)
    }

    /// Creates the subscription if the authority allows it.
    ///
    /// The hub asks the authority again when the grant expires. If it denies then, the stream ends with an event of the
    /// type `denied`, with the reason as its data.
    ///
    /// An authority that does not answer within
    /// [`HubConfig::authorize_timeout`](crate::HubConfig::authorize_timeout), 10 s by default, denies. This
    /// needs a tokio runtime with its timer enabled, unless the authority answers at once with a grant that does not
    /// expire.
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
        let grant = Question::ask(&*authorizer, &self.filters, timeout).await?;
        self.guarded(Some(Guard::new(authorizer, timeout, grant)))
    }

    fn guarded(self, guard: Option<Guard>) -> Result<Subscription, SubscribeError> {
        let shared = &self.shared;
        let max = shared.config.max_subscribers;
        if !shared.counts.comes(max) {
            return Err(SubscribeError::Full(max));
        }
        let keys = Keys::new(&self.filters, &shared.digester);
        let mut core = shared.write();
        let newest = core.log.newest();
        let channel = core.index.channel(&self.filters, &keys, newest);
        let mut inner = channel.lock();
        inner.subscribers += 1;
        let (expired, is_latest) = (core.log.expired(), self.is_latest());
        let is_kept = |sequence| {
            (is_latest || sequence >= expired)
                && (inner.reaches(sequence) || core.log.reaches(sequence, is_latest))
        };
        let place = self.place(&core, expired, is_kept);
        drop(inner);
        drop(core);
        if let Some(reason) = place.reset {
            shared.counts.reset();
            tracing::debug!(reason, "subscriber is reset");
        }
        let notice = place.reset.map(|reason| shared.reset(reason, newest));
        let mut reader = Reader::new(shared, place.cursor, expired, self.slow, self.max_lag);
        reader.complete_after = place.complete_after;
        let special = Special {
            guard,
            // The ID of a reset is the position already.
            is_new: reader.announces_position && notice.is_none(),
            notice,
            recovery: place.recovery,
        };
        Ok(Subscription::new(self.shared, channel, reader, special))
    }

    /// Returns the position where the subscription begins.
    fn place(&self, core: &Core, expired: u64, is_kept: impl Fn(u64) -> bool) -> Place {
        let newest = core.log.newest();
        let at = |cursor| Place {
            cursor,
            complete_after: 0,
            reset: None,
            recovery: None,
        };
        let reset = |reason| Place {
            reset: Some(reason),
            ..at(newest)
        };
        let backend = self.shared.backend.as_ref();
        // The log is not loaded yet, so only the backend knows the newest sequence.
        let first = |before| {
            let backend = backend.filter(|_| !self.shared.is_loaded())?;
            Some(Place {
                recovery: Some(Recovery::Newest(backend.latest_sequence(), before)),
                ..at(newest.saturating_sub(before))
            })
        };
        let id = match &self.from {
            From::Now => return first(0).unwrap_or(at(newest)),
            From::Newest(events) => {
                // The search may examine many events, so it runs in several turns.
                let here = || Place {
                    recovery: Some(Recovery::Back(Back::new(*events, newest))),
                    ..at(newest)
                };
                return first(*events as u64).unwrap_or_else(here);
            }
            From::Start => {
                let start = Place {
                    complete_after: core.log.complete_after(self.is_latest()),
                    ..at(core.log.replay_start(self.is_latest()))
                };
                return match first(u64::MAX) {
                    Some(first) => Place {
                        recovery: first.recovery,
                        ..start
                    },
                    None => start,
                };
            }
            From::Unknown => return reset("unknown"),
            From::After(id) => id,
        };
        let ahead = |backend: &Arc<dyn Backend>| Place {
            recovery: Some(Recovery::Ahead(backend.latest_sequence(), id.clone())),
            ..at(newest)
        };
        match (self.shared.sequence(id), backend) {
            // The epoch may not be known yet.
            (_, Some(backend)) if !self.shared.is_loaded() => ahead(backend),
            (None, _) => reset("unknown"),
            // This hub may have fewer events yet than the one that the client was connected to.
            (Some(sequence), Some(backend)) if sequence > newest => ahead(backend),
            (Some(sequence), None) if sequence > newest => reset("unknown"),
            (Some(sequence), _) if is_kept(sequence) => at(sequence),
            // No selected event is lost.
            (Some(sequence), _) if !core.log.may_miss(sequence, expired, &self.filters) => {
                at(core.log.skip_missing(sequence, expired))
            }
            (Some(sequence), Some(backend)) => Place {
                recovery: Some(Recovery::replay(
                    &**backend,
                    sequence,
                    newest,
                    &self.filters,
                )),
                ..at(sequence)
            },
            (Some(_), None) => reset("too old"),
        }
    }

    fn is_latest(&self) -> bool {
        self.slow == LagPolicy::Latest
    }
}

/// Position where a subscription begins, and the steps to get there.
struct Place {
    cursor: u64,
    /// The subscriber gets each event after this one. Of the earlier events, it gets those that are kept.
    complete_after: u64,
    /// Reason why the subscription cannot begin at the requested position.
    reset: Option<&'static str>,
    recovery: Option<Recovery>,
}

impl fmt::Debug for SubscriptionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionBuilder")
            .field("selection", &self.filters)
            .field("from", &self.from)
            .field("slow", &self.slow)
            .field("max_lag", &self.max_lag)
            .finish_non_exhaustive()
    }
}

/// Error of creating a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The [maximum number of subscribers](crate::HubConfig::max_subscribers) is reached. Respond with `503
    /// Service Unavailable`.
    Full(usize),
    /// The authorizer denies the subscription. Respond with `403 Forbidden`, or with `401 Unauthorized` if the client
    /// is not authenticated.
    Denied(Denied),
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(limit) => write!(f, "limit of {limit} subscribers is reached"),
            Self::Denied(denied) => denied.fmt(f),
        }
    }
}

impl Error for SubscribeError {}

impl core::convert::From<Denied> for SubscribeError {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}
