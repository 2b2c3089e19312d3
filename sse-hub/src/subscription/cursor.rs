//! Cursor of a subscription: its position in the published events.
//!
//! # A note to the next reader
//!
//! The cursor stores its position as the sequence of the last event that it took. It looks for the next event in
//! two places, which have the same order: the window of its channel, and the log. It can use either, if that
//! reaches back to the position. So there is no switch from replay to live events at which an event could be lost or
//! sent twice:
//!
//! ```text
//!   backend ─ ─ ─ ─ ─┬──────── log ────────────────┐
//!                    │                  ┌─ window ─┤  only these filters, shared
//!   ──────────▲──────┴─────────▲────────┴────▲─────┴──▶ sequences
//!           replay        catching up      live
//! ```

use core::{num::NonZero, task::Waker, time::Duration};

use crate::{
    CloseEvent, Encoded, LagPolicy,
    config::LAGGED,
    fanout::channel::{Batch, Channel, ChannelState, WaiterKey, WindowRead},
    hub::Shared,
    subscription::Start,
    turn::Turn,
};

/// Work of taking a frame, in units of [`Turn`].
const FRAME_WORK: usize = 32;

/// Number of bytes of a frame that are one more unit of work.
const FRAME_BYTES_PER_WORK: usize = 512;

/// Work of checking that no event is missing, in units of [`Turn`].
const CHECK_WORK: usize = 512;

/// Position of a subscription, and what it needs to move on.
#[derive(Debug)]
pub(crate) struct Cursor {
    /// Sequence of the last event that the subscriber has taken.
    pub(crate) position: u64,
    pub(crate) start: Start,
    /// Number of the channel's events up to the position. Valid if the subscriber is live.
    ordinal: u64,
    pub(crate) waiter: WaiterKey,
    /// Events up to this one were too old to be replayed when the subscription began.
    expired: u64,
    /// The subscriber gets each event after this one. Of the earlier events, it gets those that are kept.
    pub(crate) complete_after: u64,
    max_lag: Option<NonZero<u64>>,
    lag_policy: LagPolicy,
    /// The subscriber has caught up at least once.
    is_live: bool,
    /// No event has come since the subscriber last waited.
    is_idle: bool,
    pub(crate) position_events: bool,
    /// The subscription has ended. This is here because it takes no memory among the other flags.
    pub(crate) has_ended: bool,
    /// Time of the last position event, in seconds since the start of the hub.
    announced_at: u32,
    pub(crate) turn: Turn,
}

/// Result of [`Cursor::read`].
pub(crate) enum ReadStep {
    Events(Encoded),
    /// The subscription has ended. `Some` with its last events.
    Ended(Option<Encoded>),
    /// There are no events. The next one wakes the waker.
    CaughtUp,
    /// The position has moved without an event. The caller reads again.
    Again,
    /// The backend has the next events: those after the first sequence, up to the second one.
    InBackend(u64, u64),
}

impl Cursor {
    pub(crate) fn new(
        shared: &Shared,
        position: u64,
        expired: u64,
        lag_policy: LagPolicy,
        max_lag: Option<u64>,
    ) -> Self {
        Self {
            position,
            start: Start::Now,
            expired,
            complete_after: 0,
            ordinal: 0,
            waiter: WaiterKey::default(),
            // `LagPolicy::Latest` has no lag limit, because newer events replace the unread ones.
            max_lag: max_lag
                .filter(|_| lag_policy != LagPolicy::Latest)
                .map(|max_lag| NonZero::new(max_lag).unwrap_or(NonZero::<u64>::MIN)),
            lag_policy,
            is_live: false,
            is_idle: false,
            position_events: shared.config.position_events,
            has_ended: false,
            announced_at: shared.seconds(),
            turn: Turn::new(),
        }
    }

    /// Takes the next events, from the window if possible. If there are none, the next one wakes the waker.
    ///
    /// If the waker `is_kept`, it is the same in each call. Then a subscriber that takes the latest event is registered
    /// at once, and the next call needs no lock.
    pub(crate) fn read(
        &mut self,
        shared: &Shared,
        channel: &Channel,
        waker: &Waker,
        is_kept: bool,
    ) -> ReadStep {
        if is_kept && channel.is_waiting(self.waiter) {
            return self.wait(shared, channel);
        }
        let mut window = channel.lock();
        if self.is_live
            && let Some(max) = self.max_lag
            && window.appended.wrapping_sub(self.ordinal) > max.get()
        {
            return self.handle_lag(shared, &window);
        }
        match window.read_after(self.position) {
            WindowRead::CaughtUp => {
                let old = self.register(shared, &mut window, waker);
                drop(window);
                drop(old);
                self.wait(shared, channel)
            }
            // Only the log knows which of several events are replaced, and which were too old when the subscription
            // began. The window may have events that the log has lost: a search for the latest events has not
            // counted them.
            WindowRead::Batch(batch)
                if self.position >= self.complete_after
                    && (self.lag_policy != LagPolicy::Latest
                        || (batch.is_latest_only && self.position >= self.expired)) =>
            {
                let is_latest = batch.last == window.latest();
                let step = self.take(shared, batch);
                let old = (is_kept && is_latest)
                    .then(|| self.register(shared, &mut window, waker))
                    .flatten();
                drop(window);
                drop(old);
                step
            }
            WindowRead::Batch(_) | WindowRead::InLog => {
                drop(window);
                self.read_log(shared, channel)
            }
        }
    }

    /// Registers the subscriber, which has all events, to be woken by the next one. Returns its old waker, which is
    /// dropped outside of the lock.
    fn register(
        &mut self,
        shared: &Shared,
        window: &mut ChannelState,
        waker: &Waker,
    ) -> Option<Waker> {
        self.is_live = shared.is_loaded();
        self.ordinal = window.appended;
        window.add_waiter(&mut self.waiter, waker)
    }

    /// Waits for the next event. The subscriber is registered.
    fn wait(&mut self, shared: &Shared, channel: &Channel) -> ReadStep {
        match core::mem::replace(&mut self.is_idle, true) {
            true => self.announce_position(shared, channel),
            // A busy subscriber does not read the clock.
            false => ReadStep::CaughtUp,
        }
    }

    /// Sends the subscriber its position, if the interval has passed and events of other topics have moved it.
    fn announce_position(&mut self, shared: &Shared, channel: &Channel) -> ReadStep {
        let now = shared.seconds();
        let elapsed = Duration::from_secs(now.saturating_sub(self.announced_at).into());
        let is_due = elapsed >= shared.config.position_interval;
        if !(self.position_events && self.is_live && is_due) {
            return ReadStep::CaughtUp;
        }
        // While this lock is held, no event can be added to the log or to the window.
        let core = shared.read();
        let latest = core.log.latest();
        let has_all = matches!(
            channel.lock().read_after(self.position),
            WindowRead::CaughtUp
        );
        drop(core);
        // If IDs are secret, a subscriber must not learn that its position moves. So it is always sent.
        let has_moved = latest > self.position || shared.config.ids.are_secret();
        if !(has_all && has_moved) {
            return ReadStep::CaughtUp;
        }
        self.announced_at = now;
        self.position = self.position.max(latest);
        ReadStep::Events(shared.position(self.position))
    }

    /// Returns whether a client that resumes at the position would miss nothing.
    pub(crate) fn can_resume(&self, shared: &Shared, channel: &Channel) -> bool {
        self.position >= self.complete_after
            || !shared
                .read()
                .log
                .may_miss(self.position, self.expired, &channel.audience)
    }

    /// Takes the next events from the log. If there are none, moves the position forward.
    fn read_log(&mut self, shared: &Shared, channel: &Channel) -> ReadStep {
        let compact = self.lag_policy == LagPolicy::Latest;
        let core = shared.read();
        let log = &core.log;
        let complete_after = self.position.max(self.complete_after);
        let has_all = log.reaches(complete_after, compact);
        if !has_all && log.may_miss(complete_after, 0, &channel.audience) {
            let (latest, is_truncated) = (log.latest(), log.is_truncated(self.position));
            drop(core);
            return self.handle_loss(shared, channel, latest, is_truncated);
        }
        let found = log.find(
            self.position,
            &channel.audience,
            compact,
            self.expired,
            &mut self.turn,
        );
        drop(core);
        self.position = found.position;
        self.turn.spend(if has_all { 1 } else { CHECK_WORK });
        if found.blocks.is_empty() {
            return ReadStep::Again;
        }
        let batch = Batch {
            blocks: Encoded::join(&found.blocks),
            events: found.blocks.len() as u64,
            last: found.position,
            is_latest_only: false,
        };
        if !self.is_live {
            shared.counters.replayed(batch.events);
        }
        self.take(shared, batch)
    }

    fn take(&mut self, shared: &Shared, batch: Batch) -> ReadStep {
        self.turn
            .spend(FRAME_WORK + batch.blocks.len() / FRAME_BYTES_PER_WORK);
        self.is_idle = false;
        self.position = batch.last;
        self.ordinal = self.ordinal.wrapping_add(batch.events);
        shared.counters.delivered(batch.events);
        ReadStep::Events(batch.blocks)
    }

    /// Handles a subscriber whose unread events are not in the log any more.
    fn handle_loss(
        &mut self,
        shared: &Shared,
        channel: &Channel,
        latest: u64,
        is_truncated: bool,
    ) -> ReadStep {
        match &shared.backend {
            Some(_) if !self.is_live && !is_truncated => ReadStep::InBackend(self.position, latest),
            _ if !self.is_live || is_truncated || self.lag_policy == LagPolicy::Latest => {
                match self.reset(shared, channel, "too old") {
                    Some(reset) => ReadStep::Events(reset),
                    None => ReadStep::Ended(None),
                }
            }
            _ => self.handle_lag(shared, &channel.lock()),
        }
    }

    /// Handles a subscriber that is too slow: disconnects it or skips events, and sends it a `lagged` event.
    fn handle_lag(&mut self, shared: &Shared, window: &ChannelState) -> ReadStep {
        let behind = window.appended.wrapping_sub(self.ordinal);
        tracing::debug!(behind, "subscriber is too slow");
        if self.lag_policy == LagPolicy::Disconnect {
            shared.counters.lagged(behind, 0);
            if !shared.config.control_events {
                return ReadStep::Ended(None);
            }
            let data = format!(r#"{{"behind":{behind}}}"#);
            let event = shared.own_event(LAGGED, data, self.position);
            let close_event = CloseEvent::new(event).with_retry(shared.config.retry.clone());
            return ReadStep::Ended(Some(close_event.encoded(fastrand::u64(..))));
        }
        shared.counters.lagged(behind, behind);
        self.skip_to_latest(window);
        if !shared.config.control_events {
            return ReadStep::Again;
        }
        let data = format!(r#"{{"missed":{behind}}}"#);
        let event = shared.own_event(LAGGED, data, self.position);
        ReadStep::Events(Encoded::from(&event))
    }

    /// Moves the subscriber to the latest event, and returns a `reset` event for it. `None` if the hub sends no events
    /// of its own.
    pub(crate) fn reset(
        &mut self,
        shared: &Shared,
        channel: &Channel,
        reason: &str,
    ) -> Option<Encoded> {
        self.skip_to_latest(&channel.lock());
        shared.counters.reset();
        shared.reset(reason, self.position)
    }

    fn skip_to_latest(&mut self, window: &ChannelState) {
        self.position = self.position.max(window.latest());
        self.ordinal = window.appended;
    }
}
