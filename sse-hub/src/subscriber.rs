//! How a subscription begins.

use core::{error::Error, fmt};
use std::sync::Arc;

use sse_hyper::EventId;

use crate::{
    Authority, Backend, Denied, Selection, Slow, Subscription,
    authority::{Guard, Question},
    index::Keys,
    log::Back,
    reader::Reader,
    recovery::Recovery,
    shared::{Core, Shared},
    subscription::Special,
};

/// Somebody who is about to subscribe.
#[derive(Clone)]
#[must_use]
pub struct Subscriber {
    shared: Arc<Shared>,
    selection: Selection,
    from: From,
    slow: Slow,
    max_lag: Option<u64>,
}

#[derive(Clone, Debug)]
enum From {
    Now,
    After(EventId),
    Unknown,
    Newest(usize),
    Start,
}

impl Subscriber {
    pub(crate) fn new(shared: Arc<Shared>, selection: Selection) -> Self {
        Self {
            shared,
            selection,
            from: From::Now,
            slow: Slow::default(),
            max_lag: None,
        }
    }

    /// Begins behind this event, the last one that the client has seen. With none, nothing changes.
    pub fn after(mut self, last_event_id: Option<&EventId>) -> Self {
        if let Some(id) = last_event_id {
            self.from = From::After(id.clone());
        }
        self
    }

    /// Begins with an event of the type `reset` and goes on from now, as for a last event ID that is not of this
    /// hub.
    ///
    /// Use this if the client sent a last event ID that cannot be read:
    ///
    /// ```
    /// use sse_hub::{Hub, Selection};
    /// # let (hub, headers) = (Hub::default(), http::HeaderMap::new());
    ///
    /// let subscriber = hub.subscriber(Selection::all());
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

    /// Begins with so many of the newest events, so that a page has something to show. A last event ID
    /// that is set behind this counts more.
    ///
    /// They are those that were the newest when it subscribed. They are looked for when the
    /// subscription is polled, in many short turns if there are many events of others.
    ///
    /// Until the hub has heard from its backend, these are the newest of all topics, and so there may be
    /// fewer of those selected.
    pub fn with_newest(mut self, events: usize) -> Self {
        self.from = From::Newest(events);
        self
    }

    /// Begins with all that is kept: with [`Slow::Latest`], with the latest event of each key.
    pub fn from_start(mut self) -> Self {
        self.from = From::Start;
        self
    }

    /// Sets what happens when the client is too slow.
    pub fn when_slow(mut self, slow: Slow) -> Self {
        self.slow = slow;
        self
    }

    /// Sets by how many events it may be behind, once it has caught up at first. By default, as many as
    /// there are in the log. At least 1, or it would never hear of any.
    pub fn with_max_lag(mut self, events: u64) -> Self {
        self.max_lag = Some(events);
        self
    }

    /// Subscribes.
    ///
    /// # Errors
    ///
    /// If there are as many subscribers as there may be.
    pub fn subscribe(self) -> Result<Subscription, SubscribeError> {
        self.guarded(None)
    }

    /// Subscribes if it is allowed, and as long as it is. When it is not any more, the stream ends with
    /// an event of the type `denied` and the reason as its data.
    ///
    /// An authority that does not answer within
    /// [`Settings::with_authority_timeout`](crate::Settings::with_authority_timeout), 10 s by default, denies. That
    /// takes a tokio runtime with its timer on, unless the authority answers at once and for ever.
    ///
    /// # Errors
    ///
    /// If it is not allowed, or if there are as many subscribers as there may be.
    pub async fn subscribe_if(
        self,
        authority: impl Authority,
    ) -> Result<Subscription, SubscribeError> {
        let authority = Arc::new(authority);
        let timeout = self.shared.settings.authority_timeout;
        let grant = Question::ask(&*authority, &self.selection, timeout).await?;
        self.guarded(Some(Guard::new(authority, timeout, grant)))
    }

    fn guarded(self, guard: Option<Guard>) -> Result<Subscription, SubscribeError> {
        let shared = &self.shared;
        let max = shared.settings.max_subscribers;
        if !shared.counts.comes(max) {
            return Err(SubscribeError::Full(max));
        }
        let keys = Keys::new(&self.selection, &shared.digester);
        let mut core = shared.write();
        let newest = core.log.newest();
        let channel = core.index.channel(&self.selection, &keys, newest);
        let mut inner = channel.lock();
        inner.subscribers += 1;
        let (expired, is_latest) = (core.log.expired(), self.is_latest());
        let is_kept = |number| {
            (is_latest || number >= expired)
                && (inner.reaches(number) || core.log.reaches(number, is_latest))
        };
        let place = self.place(&core, expired, is_kept);
        drop(inner);
        drop(core);
        if let Some(reason) = place.reset {
            shared.counts.reset();
            tracing::debug!(reason, "a subscriber is reset");
        }
        let notice = place.reset.map(|reason| shared.reset(reason, newest));
        let mut reader = Reader::new(shared, place.cursor, expired, self.slow, self.max_lag);
        reader.complete_after = place.complete_after;
        let special = Special {
            guard,
            // A reset has the position, too.
            is_new: reader.announces_position && notice.is_none(),
            notice,
            recovery: place.recovery,
        };
        Ok(Subscription::new(self.shared, channel, reader, special))
    }

    /// Where it begins.
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
        // The log here says nothing yet.
        let first = |before| {
            let backend = backend.filter(|_| !self.shared.is_loaded())?;
            Some(Place {
                recovery: Some(Recovery::Newest(backend.newest(), before)),
                ..at(newest.saturating_sub(before))
            })
        };
        let id = match &self.from {
            From::Now => return first(0).unwrap_or(at(newest)),
            From::Newest(events) => {
                // Many may have to be looked at, and others want their turn meanwhile.
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
            recovery: Some(Recovery::Ahead(backend.newest(), id.clone())),
            ..at(newest)
        };
        match (self.shared.number(id), backend) {
            // The epoch may not be known yet.
            (_, Some(backend)) if !self.shared.is_loaded() => ahead(backend),
            (None, _) => reset("unknown"),
            // This node may be behind the one that the client was at.
            (Some(number), Some(backend)) if number > newest => ahead(backend),
            (Some(number), None) if number > newest => reset("unknown"),
            (Some(number), _) if is_kept(number) => at(number),
            // Nothing that it selects is lost.
            (Some(number), _) if !core.log.may_miss(number, expired, &self.selection) => {
                at(core.log.skip_missing(number, expired))
            }
            (Some(number), Some(backend)) => Place {
                recovery: Some(Recovery::replay(
                    &**backend,
                    number,
                    newest,
                    &self.selection,
                )),
                ..at(number)
            },
            (Some(_), None) => reset("too old"),
        }
    }

    fn is_latest(&self) -> bool {
        self.slow == Slow::Latest
    }
}

/// Where a subscription begins.
struct Place {
    cursor: u64,
    /// It gets each event after this one. Of those up to it, it gets the ones that are kept.
    complete_after: u64,
    /// Why it does not begin where it was asked to.
    reset: Option<&'static str>,
    recovery: Option<Recovery>,
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber")
            .field("selection", &self.selection)
            .field("from", &self.from)
            .field("slow", &self.slow)
            .field("max_lag", &self.max_lag)
            .finish_non_exhaustive()
    }
}

/// Why there is no subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// There are as many subscribers as [there may be](crate::Settings::with_max_subscribers): `503
    /// Service Unavailable`.
    Full(usize),
    /// It is not allowed: `403 Forbidden`, or `401 Unauthorized` if nobody knows who it is.
    Denied(Denied),
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(subscribers) => write!(f, "there are {subscribers} subscribers already"),
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
