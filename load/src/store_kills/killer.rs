//! Kills the hub at random moments, and reads all of its events from time to time.

use core::fmt;
use std::{io::Write, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use fastrand::Rng;
use testkit::timeout::test_timeout;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{Shared, hub::Hub, join, publisher::Phase, received::Received, subscriber::Client};

/// Number of times that all events are read while the hub is killed.
const READS: usize = 8;

/// Maximum time after a condition for a kill holds until the hub is killed.
const MAX_DELAY_MILLIS: u64 = 20;

/// Maximum time after a start until the hub is killed while it starts.
const MAX_START_DELAY_MILLIS: u64 = 60;

/// State of the hub when it is killed.
#[derive(Clone, Copy, Debug)]
enum KillMoment {
    /// Publishers wait for their responses.
    Busy,
    /// It opens its file, or has just opened it.
    Starting,
    /// No publisher waits for a response.
    Idle,
}

impl KillMoment {
    /// All moments, each as often as it is chosen. The first three are different.
    const CHOICES: [Self; 8] = [
        Self::Busy,
        Self::Starting,
        Self::Idle,
        Self::Starting,
        Self::Busy,
        Self::Busy,
        Self::Busy,
        Self::Busy,
    ];

    /// Returns the moment of the kill with this index.
    fn of(index: usize, rng: &mut Rng) -> Self {
        let choice = match index {
            ..3 => index,
            _ => rng.usize(..Self::CHOICES.len()),
        };
        Self::CHOICES[choice]
    }
}

/// Kills a hub.
pub(super) struct Killer {
    pub(super) hub: Hub,
    rng: Rng,
    shared: Arc<Shared>,
    /// Number of kills at each moment.
    kills: [usize; 3],
    /// Number of times that all events were read.
    reads: usize,
}

impl Killer {
    pub(super) fn new(hub: Hub, rng: Rng, shared: &Arc<Shared>) -> Self {
        Self {
            hub,
            rng,
            shared: Arc::clone(shared),
            kills: [0; 3],
            reads: 0,
        }
    }

    /// Kills the hub this number of times while this number of events is published, and then ends the publishers.
    pub(super) async fn kill_all(
        &mut self,
        restarts: usize,
        events: u64,
        out: &mut impl Write,
    ) -> Result<()> {
        let begin = Instant::now();
        let mut reading = JoinSet::new();
        let mut counts: Vec<_> = (0..restarts).map(|_| self.rng.u64(..events)).collect();
        counts.sort_unstable();
        for (index, count) in counts.into_iter().enumerate() {
            let moment = KillMoment::of(index, &mut self.rng);
            self.kill(moment, count)
                .await
                .with_context(|| format!("kill {index}, {moment:?}"))?;
            while let Some(read) = reading.try_join_next() {
                read??;
            }
            if (index + 1) % restarts.div_ceil(READS) == 0 {
                let through = self.shared.ledger.latest(None);
                reading.spawn(read(Arc::clone(&self.shared), self.rng.fork(), through));
                self.reads += 1;
                let seconds = begin.elapsed().as_secs_f64();
                let acknowledged = *self.shared.ledger.acknowledged().borrow();
                let kills = index + 1;
                writeln!(
                    out,
                    "{seconds:5.1} s: {acknowledged} events acknowledged, {kills} kills"
                )?;
            }
        }
        self.wait_for_events(events).await?;
        join(reading).await?;
        self.shared.phase.send_replace(Phase::End);
        Ok(())
    }

    /// Kills and restarts the hub for the last time, and reads all events. What a hub has in memory must not be the only
    /// copy. Returns the events, and the number of them that were not acknowledged.
    pub(super) async fn read_after_last_kill(&mut self) -> Result<(Received, u64)> {
        self.hub.kill_and_restart()?;
        self.kills[KillMoment::Idle as usize] += 1;
        self.reads += 1;
        self.hub.wait_until_listening().await?;
        let through = self.shared.ledger.latest(None);
        read(Arc::clone(&self.shared), self.rng.fork(), through).await
    }

    /// Kills and restarts the hub at this moment, after this number of acknowledged events.
    async fn kill(&mut self, moment: KillMoment, count: u64) -> Result<()> {
        match moment {
            KillMoment::Starting => {
                let delay = self.rng.u64(..MAX_START_DELAY_MILLIS * 1000);
                sleep(Duration::from_micros(delay)).await;
            }
            KillMoment::Busy => self.wait_until_busy(count).await?,
            KillMoment::Idle => {
                self.wait_until_busy(count).await?;
                self.shared.phase.send_replace(Phase::Pause);
                let in_flight = self.shared.ledger.in_flight();
                wait_for(in_flight, |count| *count == 0, "responses").await?;
                self.wait_at_random().await;
            }
        }
        self.hub.kill_and_restart()?;
        self.kills[moment as usize] += 1;
        self.shared.phase.send_replace(Phase::Publish);
        Ok(())
    }

    /// Waits until the hub has acknowledged this number of events, at least one of them after its start.
    async fn wait_until_busy(&mut self, count: u64) -> Result<()> {
        self.hub.wait_until_listening().await?;
        let before = *self.shared.ledger.acknowledged().borrow();
        self.wait_for_events(count.max(before + 1)).await?;
        self.wait_at_random().await;
        Ok(())
    }

    async fn wait_for_events(&self, count: u64) -> Result<()> {
        let acknowledged = self.shared.ledger.acknowledged();
        wait_for(acknowledged, |events| *events >= count, "events").await
    }

    async fn wait_at_random(&mut self) {
        let delay = self.rng.u64(..MAX_DELAY_MILLIS * 1000);
        sleep(Duration::from_micros(delay)).await;
    }
}

impl fmt::Display for Killer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [busy, starting, idle] = self.kills;
        write!(
            f,
            "{} kills: {busy} while busy, {starting} while starting, {idle} while idle; all events read {} times; \
             slowest start: {} ms",
            busy + starting + idle,
            self.reads,
            self.hub.slowest_start.as_millis()
        )
    }
}

/// Reads all events up to this sequence, and checks them. Returns them, and the number of them that were not acknowledged.
async fn read(shared: Arc<Shared>, rng: Rng, through: u64) -> Result<(Received, u64)> {
    let subscriber = Client::new(&shared, None, rng);
    let received = subscriber.read_through(through).await?;
    let unacknowledged = shared.ledger.check(&received, through)?;
    Ok((received, unacknowledged))
}

/// Waits until the value fulfils the condition.
async fn wait_for<T>(
    mut value: watch::Receiver<T>,
    condition: impl FnMut(&T) -> bool,
    what: &str,
) -> Result<()> {
    let limit = test_timeout();
    let waited = timeout(limit, value.wait_for(condition)).await;
    waited
        .with_context(|| format!("no {what} for {limit:?}"))?
        .map(drop)?;
    Ok(())
}
