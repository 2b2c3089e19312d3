//! Expected events of a stream of the contract server.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use sse_proto::MessageEvent;
use testkit::contract::GOLDEN;

/// Stream whose events are known in advance.
#[derive(Clone, Copy, Debug)]
pub(super) enum Script {
    /// `/live?n=events&ms=pause&pad=pad`.
    Live { events: u64, pause: u64, pad: usize },
    /// `/golden`.
    Golden,
}

impl Script {
    pub(super) fn path(self) -> String {
        match self {
            Self::Live { events, pause, pad } => format!("/live?n={events}&ms={pause}&pad={pad}"),
            Self::Golden => "/golden".to_owned(),
        }
    }

    /// Returns the number of events.
    pub(super) fn events(self) -> u64 {
        match self {
            Self::Live { events, .. } => events,
            Self::Golden => GOLDEN.len() as u64,
        }
    }

    /// Returns the time between two events.
    pub(super) fn pause(self) -> Duration {
        match self {
            Self::Live { pause, .. } => Duration::from_millis(pause),
            Self::Golden => Duration::from_millis(30),
        }
    }

    /// Checks that this is the complete event with this number.
    pub(super) fn check(self, number: u64, event: &MessageEvent<String>) -> Result<()> {
        let MessageEvent {
            event_type,
            data,
            last_event_id,
            ..
        } = event;
        let id = number.to_string();
        ensure!(
            *last_event_id == id,
            "event {number} has ID {last_event_id}"
        );
        let right = match self {
            Self::Live { pad, .. } => event_type == "message" && is_tick(data, &id, pad),
            Self::Golden => {
                let index = usize::try_from(number - 1)?;
                let golden = GOLDEN.get(index).context("too many events")?;
                (&**event_type, &**data) == *golden
            }
        };
        ensure!(right, "event {number} is {event_type:?}: {data:?}");
        Ok(())
    }
}

/// Returns true if the data is `tick ID MILLISECONDS` followed by `pad` times `x`.
fn is_tick(data: &str, id: &str, pad: usize) -> bool {
    let time = data
        .strip_prefix("tick ")
        .and_then(|rest| rest.strip_prefix(id))
        .and_then(|rest| rest.strip_prefix(' '))
        .map(|rest| rest.split_at(rest.len().saturating_sub(pad)));
    time.is_some_and(|(time, padding)| {
        let digits = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
        digits && padding.len() == pad && padding.bytes().all(|byte| byte == b'x')
    })
}

#[cfg(test)]
mod tests {
    use super::is_tick;

    #[test]
    fn ticks_are_whole() {
        assert!(is_tick("tick 7 1700000000000", "7", 0));
        assert!(is_tick("tick 7 1700000000000xxx", "7", 3));
        for data in [
            "tick 7 1700000000000xx",
            "tick 7 1700000000000xxxx",
            "tick 8 1700000000000xxx",
            "tick 7 xxx",
            "tick 7",
            "",
        ] {
            assert!(!is_tick(data, "7", 3), "{data:?}");
        }
    }
}
