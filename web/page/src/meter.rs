//! Statistics of the events by their IDs, which are numbers without a gap.

/// Counts received, replayed, lost and duplicate events.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    last: Option<u64>,
    /// The connection is new, and the server has not sent its latest event ID yet.
    is_new: bool,
    /// Events up to this ID are a replay.
    replayed_until: u64,
    pub(crate) received: u64,
    /// Events that came late, on a new connection.
    pub(crate) replayed: u64,
    /// Events that did not come, although later events came.
    pub(crate) lost: u64,
    /// Events that came again.
    pub(crate) duplicate: u64,
}

impl Meter {
    /// Handles a new connection.
    pub(crate) fn on_open(&mut self) {
        self.is_new = true;
    }

    /// Handles the latest event ID, which the server sends first on each connection, and then regularly.
    pub(crate) fn on_latest_id(&mut self, latest: u64) {
        if !core::mem::take(&mut self.is_new) {
            return;
        }
        self.replayed_until = self.last.map_or(0, |_| latest);
    }

    /// Resets the position, because the next events do not follow the previous ones.
    pub(crate) fn reset(&mut self) {
        self.last = None;
    }

    /// Counts an event.
    pub(crate) fn on_event(&mut self, id: u64) {
        self.received += 1;
        if let Some(last) = self.last {
            if id <= last {
                self.duplicate += 1;
                return;
            }
            self.lost += id - last - 1;
        }
        if id <= self.replayed_until {
            self.replayed += 1;
        }
        self.last = Some(id);
    }
}

#[cfg(test)]
mod tests {
    use super::Meter;

    /// Returns the counts after these connections, each with the latest event ID of the server and the event IDs.
    fn counts(connections: &[(u64, &[u64])]) -> [u64; 4] {
        let mut meter = Meter::default();
        for (latest, ids) in connections {
            meter.on_open();
            meter.on_latest_id(*latest);
            for id in *ids {
                meter.on_event(*id);
                meter.on_latest_id(*id);
            }
        }
        [meter.received, meter.replayed, meter.lost, meter.duplicate]
    }

    #[test]
    fn the_first_events_are_not_a_replay() {
        assert_eq!(counts(&[(5, &[3, 4, 5, 6])]), [4, 0, 0, 0]);
    }

    #[test]
    fn events_published_while_disconnected_are_a_replay() {
        assert_eq!(counts(&[(5, &[5, 6]), (8, &[7, 8, 9])]), [5, 2, 0, 0]);
    }

    #[test]
    fn gaps_are_lost_and_repetitions_are_duplicate() {
        assert_eq!(
            counts(&[(5, &[5, 6, 9, 10]), (10, &[10, 11])]),
            [6, 0, 2, 1]
        );
    }

    #[test]
    fn events_after_a_reset_are_neither_lost_nor_duplicate() {
        for latest in [3, 1000] {
            let mut meter = Meter::default();
            meter.on_open();
            meter.on_latest_id(500);
            meter.on_event(500);
            meter.on_open();
            meter.on_latest_id(latest);
            meter.reset();
            meter.on_open();
            meter.on_latest_id(latest);
            meter.on_event(latest - 1);
            meter.on_event(latest);
            assert_eq!((meter.received, meter.replayed), (3, 0));
            assert_eq!((meter.lost, meter.duplicate), (0, 0));
        }
    }
}
