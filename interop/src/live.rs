//! Delays of events.

use std::{
    fmt,
    io::Read,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use testkit::{Item, contract, timeout::test_timeout};

use crate::curl::Curl;

/// Delays of one response of `/live`.
#[derive(Debug)]
pub struct Live {
    /// Time from the request to the first event.
    pub first: Duration,
    /// Time of each event from the time in its text to its arrival.
    pub delays: Vec<Duration>,
}

impl Live {
    /// Reads a response to its end, and checks that it has `count` complete events in order. Accepts compression, and
    /// decodes it as it arrives.
    pub fn read(url: &str, options: &[&str], count: usize) -> Result<Self> {
        let start = Instant::now();
        let limit = test_timeout().as_secs().max(1).to_string();
        let options = [options, &["--compressed", "--max-time", &limit]].concat();
        let mut body = Curl::start(url, &options)?;
        let mut first = Duration::ZERO;
        let mut delays = Vec::new();
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let read = body.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            bytes.extend_from_slice(&buffer[..read]);
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
            for event in &contract::events(&bytes)[delays.len()..] {
                if delays.is_empty() {
                    first = start.elapsed();
                }
                delays.push(now.saturating_sub(sent(event, delays.len() + 1)?));
            }
        }
        ensure!(
            delays.len() == count,
            "{} events instead of {count}",
            delays.len()
        );
        Ok(Self { first, delays })
    }

    /// Returns the longest delay.
    pub fn longest(&self) -> Duration {
        self.delays.iter().max().copied().unwrap_or_default()
    }
}

impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delays: Vec<_> = self.delays.iter().map(Duration::as_millis).collect();
        let first = self.first.as_millis();
        write!(f, "first event after {first} ms, delays {delays:?} ms")
    }
}

/// Returns the time in the text of the event. Returns an error if it is not the complete event with this number.
fn sent(event: &Item, number: usize) -> Result<Duration> {
    let Item::Event {
        event_type,
        data,
        last_event_id,
    } = event
    else {
        unreachable!("the function returns only events")
    };
    let time = data.strip_prefix(&format!("tick {number} "));
    let time = time.with_context(|| format!("event {number} is {event:?}"))?;
    ensure!(
        *last_event_id == format!("{number}") && event_type == "message",
        "{event:?}"
    );
    Ok(Duration::from_millis(serde_json::from_str(time)?))
}
