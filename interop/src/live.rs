//! When events come.

use std::{
    fmt,
    io::Read,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use testkit::{Item, contract};

/// The times of one `/live`.
#[derive(Debug)]
pub struct Live {
    /// From the request to the first event.
    pub first: Duration,
    /// For each event, from the time in its text to its arrival.
    pub delays: Vec<Duration>,
}

impl Live {
    /// Reads that many events to their end, and fails unless all of them are whole and in order. Takes
    /// gzip, and decodes it as it comes.
    pub fn read(url: &str, count: usize) -> Result<Self> {
        let start = Instant::now();
        let mut response = ureq::get(url).call()?;
        let mut body = response.body_mut().as_reader();
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

    /// The longest of the delays.
    pub fn longest(&self) -> Duration {
        self.delays.iter().max().copied().unwrap_or_default()
    }
}

impl fmt::Display for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let delays: Vec<_> = self.delays.iter().map(Duration::as_millis).collect();
        let first = self.first.as_millis();
        write!(
            f,
            "first after {first} ms, behind their text by {delays:?} ms"
        )
    }
}

/// The time in the text of the event, if it is the one of this number and whole.
fn sent(event: &Item, number: usize) -> Result<Duration> {
    let Item::Event {
        event_type,
        data,
        last_event_id,
    } = event
    else {
        unreachable!("only events are asked for")
    };
    let time = data.strip_prefix(&format!("tick {number} "));
    let time = time.with_context(|| format!("event {number} is {event:?}"))?;
    ensure!(
        *last_event_id == format!("{number}") && event_type == "message",
        "{event:?}"
    );
    Ok(Duration::from_millis(serde_json::from_str(time)?))
}
