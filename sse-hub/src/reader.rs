//! Where a subscription stands in what was published, and how it goes on.
//!
//! # A note to the next reader
//!
//! All that it knows of its place is the number of the last event that it took. There are two places
//! to look for the next one, both in the same order: the window of its channel, and the log. Whichever
//! reaches back to the cursor will do, so there is no joint between the past and the present at which
//! an event could be lost or come twice:
//!
//! ```text
//!   backend ─ ─ ─ ─ ─┬──────── log ────────────────┐
//!                    │                  ┌─ window ─┤  of the selection alone, shared
//!   ──────────▲──────┴─────────▲────────┴────▲─────┴──▶ numbers
//!          recovery        catching up      live
//! ```

use core::{task::Context, time::Duration};

use sse_hyper::{Encoded, Farewell};

use crate::{
    Slow,
    channel::{Channel, Inner, Next, Part, Place},
    shared::Shared,
    turn::Turn,
};

/// The work of taking a frame, and as many of its bytes as take about as long.
const FRAME: usize = 32;
const FRAME_BYTES: usize = 512;

/// The work of finding out that no event is missing.
const CHECK: usize = 512;

/// A cursor.
#[derive(Debug)]
pub(crate) struct Reader {
    /// The number of the last event that it has taken.
    pub(crate) cursor: u64,
    /// The same as a count of what its channel has had, once it is live.
    ordinal: u64,
    pub(crate) place: Place,
    /// Events up to this one were too old to be replayed when it began.
    expired: u64,
    /// It gets each event after this one. Of those up to it, it gets the ones that are kept.
    pub(crate) complete_after: u64,
    max_lag: Option<u64>,
    slow: Slow,
    /// It has seen all at least once.
    is_live: bool,
    /// Nothing has come since it waited last.
    is_idle: bool,
    pub(crate) announces_position: bool,
    /// When it was told its position, by the seconds of the hub.
    told_at: u32,
    pub(crate) turn: Turn,
}

/// What it finds.
pub(crate) enum Look {
    Found(Encoded),
    /// The last that it gets.
    Last(Encoded),
    /// It will be woken.
    Nothing,
    /// It has come further, and is to look again.
    Again,
    /// The backend has it, behind this number and up to the other.
    Elsewhere(u64, u64),
}

impl Reader {
    pub(crate) fn new(
        shared: &Shared,
        cursor: u64,
        expired: u64,
        slow: Slow,
        max_lag: Option<u64>,
    ) -> Self {
        Self {
            cursor,
            expired,
            complete_after: 0,
            ordinal: 0,
            place: Place::default(),
            // Of what is replaced there is no behind.
            max_lag: max_lag.filter(|_| slow != Slow::Latest).map(|it| it.max(1)),
            slow,
            is_live: false,
            is_idle: false,
            announces_position: shared.settings.announces_position,
            told_at: shared.seconds(),
            turn: Turn::new(),
        }
    }

    /// Looks in the window first, and waits if there is nothing. What it finds counts as taken.
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
                    // Who is busy does not look at the clock.
                    false => Look::Nothing,
                }
            }
            // Of several, only the log knows which are replaced; and which were too old at the beginning. The window
            // may have events that the log has lost, which were not counted by a search for the newest ones.
            Next::Part(part)
                if self.cursor >= self.complete_after
                    && (self.slow != Slow::Latest
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

    /// Tells its position, if that was not done for a while, and has moved on: by events of others.
    fn tell_position(&mut self, shared: &Shared, channel: &Channel) -> Look {
        let now = shared.seconds();
        let silence = Duration::from_secs(now.saturating_sub(self.told_at).into());
        let is_due = silence >= shared.settings.position_interval;
        if !(self.announces_position && self.is_live && is_due) {
            return Look::Nothing;
        }
        // While this lock is held, no event comes into the log or into the window.
        let core = shared.read();
        let newest = core.log.newest();
        let has_all = matches!(channel.lock().after(self.cursor), Next::Nothing);
        drop(core);
        // Where positions are secret, it is a secret, too, that they move.
        let is_told = newest > self.cursor || shared.settings.ids.are_secret();
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
                .may_miss(self.cursor, self.expired, &channel.selection)
    }

    /// Looks in the log. If there is nothing, it is as far as the window now.
    fn catch_up(&mut self, shared: &Shared, channel: &Channel) -> Look {
        let is_latest = self.slow == Slow::Latest;
        let core = shared.read();
        let log = &core.log;
        let complete_after = self.cursor.max(self.complete_after);
        let has_all = log.reaches(complete_after, is_latest);
        if !has_all && log.may_miss(complete_after, 0, &channel.selection) {
            let (newest, is_gone) = (log.newest(), log.is_gone(self.cursor));
            drop(core);
            return self.lose(shared, channel, newest, is_gone);
        }
        let found = log.find(
            self.cursor,
            &channel.selection,
            is_latest,
            self.expired,
            &mut self.turn,
        );
        drop(core);
        self.cursor = found.cursor;
        self.turn.spend(if has_all { 1 } else { CHECK });
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
        self.turn.spend(FRAME + part.blocks.len() / FRAME_BYTES);
        self.is_idle = false;
        self.cursor = part.last;
        self.ordinal = self.ordinal.wrapping_add(part.events);
        shared.counts.delivered(part.events);
        Look::Found(part.blocks)
    }

    /// What it has not seen is not in the log any more.
    fn lose(&mut self, shared: &Shared, channel: &Channel, newest: u64, is_gone: bool) -> Look {
        match &shared.backend {
            Some(_) if !self.is_live && !is_gone => Look::Elsewhere(self.cursor, newest),
            _ if !self.is_live || is_gone || self.slow == Slow::Latest => {
                Look::Found(self.reset(shared, channel, "too old"))
            }
            _ => self.lag(shared, &channel.lock()),
        }
    }

    /// It is too slow.
    fn lag(&mut self, shared: &Shared, window: &Inner) -> Look {
        let behind = window.appended.wrapping_sub(self.ordinal);
        tracing::debug!(behind, "a subscriber is too slow");
        if self.slow == Slow::Disconnect {
            shared.counts.lagged(behind, 0);
            let event = shared.settings.lagged(format!(r#"{{"behind":{behind}}}"#));
            let event = shared.with_position(event, self.cursor);
            let farewell = Farewell::new(event).with_retry(shared.settings.retry.clone());
            return Look::Last(Encoded::from(&farewell));
        }
        shared.counts.lagged(behind, behind);
        self.skip(window);
        let event = shared.settings.lagged(format!(r#"{{"missed":{behind}}}"#));
        Look::Found(Encoded::from(&shared.with_position(event, self.cursor)))
    }

    /// It goes on from now, and is told so.
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
