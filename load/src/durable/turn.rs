//! One turn of a participant.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    Participant, Plan,
    contender::{Contender, Publisher, own_time},
};

/// Results of a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Number of stored events.
    pub(super) events: u64,
    /// Time in which they were stored.
    pub(super) elapsed: Duration,
    /// Median of the latencies.
    pub(super) median: Duration,
    /// 99th percentile of the latencies.
    pub(super) tail: Duration,
    /// Processor time of the servers for an event, if they have a process of their own.
    pub(super) server: Option<Duration>,
    /// Processor time of the publishers for an event.
    pub(super) publishers: Duration,
}

impl Turn {
    /// Returns the events per second.
    pub(super) fn rate(&self) -> u64 {
        (self.events as f64 / self.elapsed.as_secs_f64()) as u64
    }
}

/// Results of one publisher.
#[derive(Debug, Default)]
struct Published {
    /// Sequences of all events.
    sequences: Vec<u64>,
    /// Latencies of the events that count.
    latencies: Vec<Duration>,
}

/// Starts the participant, publishes, and ends it.
pub(super) async fn run(plan: &Plan<'_>, participant: Participant) -> Result<Turn> {
    // The disk is idle before a turn.
    rustix::fs::sync();
    let mut contender = Contender::start(plan, participant).await?;
    let start = Instant::now() + plan.warm_up;
    let end = start + plan.time;
    let mut publishing = JoinSet::new();
    for publisher in contender.publishers.drain(..) {
        publishing.spawn(publish(publisher, start, end));
    }
    sleep_until(start).await;
    let (server, own) = (contender.server_time()?, own_time()?);
    sleep_until(end).await;
    let own = own_time()?.saturating_sub(own);
    let server = contender.server_time()?.zip(server);
    let mut all = Published::default();
    while let Some(published) = publishing.join_next().await {
        let mut published = published??;
        all.sequences.append(&mut published.sequences);
        all.latencies.append(&mut published.latencies);
    }
    contender.end().await?;
    all.sequences.sort_unstable();
    let gap = all.sequences.windows(2).find(|pair| pair[0] + 1 != pair[1]);
    ensure!(gap.is_none(), "the sequences of two events are {gap:?}");
    all.latencies.sort_unstable();
    // A short turn on a busy machine may have no event.
    let events = all.latencies.len();
    let latency = |index| all.latencies.get(index).copied().unwrap_or_default();
    let each = |time: Duration| time.div_f64(events.max(1) as f64);
    Ok(Turn {
        events: events as u64,
        elapsed: plan.time,
        median: latency(events / 2),
        tail: latency((events * 99).div_ceil(100).saturating_sub(1)),
        server: server.map(|(after, before)| each(after.saturating_sub(before))),
        publishers: each(own),
    })
}

/// Publishes one event after the other until the end. An event counts if it is stored between start and end.
async fn publish(mut publisher: Publisher, start: Instant, end: Instant) -> Result<Published> {
    let mut published = Published::default();
    loop {
        publisher.wait_until_ready().await?;
        let begin = Instant::now();
        if begin >= end {
            return Ok(published);
        }
        let sequence = publisher.publish().await?;
        published.sequences.push(sequence);
        let now = Instant::now();
        if now >= start && now < end {
            published.latencies.push(now - begin);
        }
    }
}
