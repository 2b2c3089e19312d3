//! Cursor of a subscription in the published events.
//!
//! # A note to the next reader
//!
//! The reader stores its position as the sequence of the last event that it took. It looks for the next event in
//! two places, which have the same order: the window of its channel, and the log. It can use either, if that
//! reaches back to the cursor. So there is no switch from replay to live events at which an event could be lost or
//! sent twice:
//!
//! ```text
//!   backend ─ ─ ─ ─ ─┬──────── log ────────────────┐
//!                    │                  ┌─ window ─┤  only this selection, shared
//!   ──────────▲──────┴─────────▲────────┴────▲─────┴──▶ sequences
//!          recovery        catching up      live
//! ```

use core::{task::Context, time::Duration};

use sse_hyper::{CloseEvent, Encoded};

use crate::{
    LagPolicy,
    fanout::channel::{Channel, Inner, Next, Part, Place},
    hub::Shared,
    turn::Turn,
};

/// Work of taking a frame, in units of [`Turn`].
const FRAME_WORK: usize = 32;

/// Number of bytes of a frame that are one more unit of work.
const FRAME_BYTES_PER_WORK: usize = 512;

/// Work of checking that no event is missing, in units of [`Turn`].
const CHECK_WORK: usize = 512;

/// Cursor of a subscription.
#[derive(Debug)]
pub(crate) struct Reader {
    /// Sequence of the last event that the subscriber has taken.
    pub(crate) cursor: u64,
    /// Position as a count of the channel's events. Valid if the subscriber is live.
    ordinal: u64,
    pub(crate) place: Place,
    /// Events up to this one were too old to be replayed when the subscription began.
    expired: u64,
    /// The subscriber gets each event after this one. Of the earlier events, it gets those that are kept.
    pub(crate) complete_after: u64,
    max_lag: Option<u64>,
    slow: LagPolicy,
    /// The subscriber has caught up at least once.
    is_live: bool,
    /// No event has come since the subscriber last waited.
    is_idle: bool,
    pub(crate) announces_position: bool,
    /// Time of the last position event, in seconds since the start of the hub.
    told_at: u32,
    pub(crate) turn: Turn,
}

/// Result of [`Reader::look`].
pub(crate) enum Look {
    Found(Encoded),
    /// The last events of the subscription.
    Last(Encoded),
    /// There are no events. The next one wakes the task.
    Nothing,
    /// The cursor has moved without an event. The caller looks again.
    Again,
    /// The backend has the next events: those after the first sequence, up to the second one.
    Elsewhere(u64, u64),
}

impl Reader {
    pub(crate) fn new(
        shared: &Shared,
        cursor: u64,
        expired: u64,
        slow: LagPolicy,
        max_lag: Option<u64>,
    ) -> Self {
        Self {
            cursor,
            expired,
            complete_after: 0,
            ordinal: 0,
            place: Place::default(),
            // `LagPolicy::Latest` has no lag limit, because newer events replace the unread ones.
            max_lag: max_lag
                .filter(|_| slow != LagPolicy::Latest)
                .map(|it| it.max(1)),
            slow,
            is_live: false,
            is_idle: false,
            announces_position: shared.config.announces_position,
            told_at: shared.seconds(),
            turn: Turn::new(),
        }
    }

    /// Takes the next events, from the window if possible. Waits if there are none.
    pub(crate) fn look(
        &mut self,
        shared: &Shared,
        channel: &Channel,
        cx: &mut Context<'_>,
    ) -> Look {
        let mut window = channel.lock();
        if self.is_live
            && let Some(max) = self.max_lag
            && window.appended.wrapping_sub(self.ordinal) > max
        {
            return self.lag(shared, &window);
        }
        match window.after(self.cursor) {
            Next::Nothing => {
                self.is_live = shared.is_loaded();
                self.ordinal = window.appended;
                let old = window.wait(&mut self.place, cx);
                drop(window);
                drop(old);
                match core::mem::replace(&mut self.is_idle, true) {
                    true => self.tell_position(shared, channel),
                    // A busy subscriber does not read the clock.
                    false => Look::Nothing,
                }
            }
            // Only the log knows which of several events are replaced, and which were too old when the subscription
            // began. The window may have events that the log has lost: a search for the newest events has not
            // counted them.
            Next::Part(part)
                if self.cursor >= self.complete_after
                    && (self.slow != LagPolicy::Latest
                        || (part.is_newest && self.cursor >= self.expired)) =>
            {
                drop(window);
                self.take(shared, part)
            }
            Next::Part(_) | Next::InLog => {
                drop(window);
                self.catch_up(shared, channel)
            }
        }
    }

    /// Sends the subscriber its position, if the last time is long ago and events of other topics have moved it.
    fn tell_position(&mut self, shared: &Shared, channel: &Channel) -> Look {
        let now = shared.seconds();
        let silence = Duration::from_secs(now.saturating_sub(self.told_at).into());
        let is_due = silence >= shared.config.position_interval;
        if !(self.announces_position && self.is_live && is_due) {
            return Look::Nothing;
        }
        // While this lock is held, no event can be added to the log or to the window.
        let core = shared.read();
        let newest = core.log.newest();
        let has_all = matches!(channel.lock().after(self.cursor), Next::Nothing);
        drop(core);
        // If IDs are secret, a subscriber must not learn that its position moves. So it is always sent.
        let is_told = newest > self.cursor || shared.config.ids.are_secret();
        if !(has_all && is_told) {
            return Look::Nothing;
        }
        self.told_at = now;
        self.cursor = self.cursor.max(newest);
        Look::Found(shared.position(self.cursor))
    }

    /// Returns whether a client that resumes at the cursor would miss nothing.
    pub(crate) fn can_resume(&self, shared: &Shared, channel: &Channel) -> bool {
        self.cursor >= self.complete_after
            || !shared
                .read()
                .log
                .may_miss(self.cursor, self.expired, &channel.filters)
    }

    /// Takes the next events from the log. If there are none, moves the cursor forward.
    fn catch_up(&mut self, shared: &Shared, channel: &Channel) -> Look {
        let is_latest = self.slow == LagPolicy::Latest;
        let core = shared.read();
        let log = &core.log;
        let complete_after = self.cursor.max(self.complete_after);
        let has_all = log.reaches(complete_after, is_latest);
        if !has_all && log.may_miss(complete_after, 0, &channel.filters) {
            let (newest, is_gone) = (log.newest(), log.is_gone(self.cursor));
            drop(core);
            return self.lose(shared, channel, newest, is_gone);
        }
        let found = log.find(
            self.cursor,
            &channel.filters,
            is_latest,
            self.expired,
            &mut self.turn,
        );
        drop(core);
        self.cursor = found.cursor;
        self.turn.spend(if has_all { 1 } else { CHECK_WORK });
        if found.blocks.is_empty() {
            return Look::Again;
        }
        let part = Part {
            blocks: Encoded::join(&found.blocks),
            events: found.blocks.len() as u64,
            last: found.cursor,
            is_newest: false,
        };
        if !self.is_live {
            shared.counts.replayed(part.events);
        }
        self.take(shared, part)
    }

    fn take(&mut self, shared: &Shared, part: Part) -> Look {
        self.turn
            .spend(FRAME_WORK + part.blocks.len() / FRAME_BYTES_PER_WORK);
        self.is_idle = false;
        self.cursor = part.last;
        self.ordinal = self.ordinal.wrapping_add(part.events);
        shared.counts.delivered(part.events);
        Look::Found(part.blocks)
    }

    /// Handles a subscriber whose unread events are not in the log any more.
    fn lose(&mut self, shared: &Shared, channel: &Channel, newest: u64, is_gone: bool) -> Look {
        match &shared.backend {
            Some(_) if !self.is_live && !is_gone => Look::Elsewhere(self.cursor, newest),
            _ if !self.is_live || is_gone || self.slow == LagPolicy::Latest => {
                Look::Found(self.reset(shared, channel, "too old"))
            }
            _ => self.lag(shared, &channel.lock()),
        }
    }

    /// Handles a subscriber that is too slow: disconnects it or skips events, and sends it a `lagged` event.
    fn lag(&mut self, shared: &Shared, window: &Inner) -> Look {
        let behind = window.appended.wrapping_sub(self.ordinal);
        tracing::debug!(behind, "subscriber is too slow");
        if self.slow == LagPolicy::Disconnect {
            shared.counts.lagged(behind, 0);
            let event = shared.config.lagged(format!(r#"{{"behind":{behind}}}"#));
            let event = shared.position_events(event, self.cursor);
            let close_event = CloseEvent::new(event).with_retry(shared.config.retry.clone());
            return Look::Last(Encoded::from(&close_event));
        }
        shared.counts.lagged(behind, behind);
        self.skip(window);
        let event = shared.config.lagged(format!(r#"{{"missed":{behind}}}"#));
        Look::Found(Encoded::from(&shared.position_events(event, self.cursor)))
    }

    /// Moves the subscriber to the newest event, and returns a `reset` event for it.
    pub(crate) fn reset(&mut self, shared: &Shared, channel: &Channel, reason: &str) -> Encoded {
        self.skip(&channel.lock());
        shared.counts.reset();
        shared.reset(reason, self.cursor)
    }

    fn skip(&mut self, window: &Inner) {
        self.cursor = self.cursor.max(window.newest());
        self.ordinal = window.appended;
    }
}
