//! Behaviour of a client: one random visit after the other.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Error, Result, ensure};
use fastrand::Rng;
use tokio::time::sleep;

use super::{counts::Stats, script::Script, stream::EventStream};

/// Plan of one visit.
#[derive(Clone, Copy, Debug)]
struct Visit {
    script: Script,
    /// Number of the event after which the client stops reading, and the time of the stop.
    stall: Option<(u64, Duration)>,
    /// Number of the event after which the client disconnects, and the way it does so.
    leave: Option<(u64, Leave)>,
}

#[derive(Clone, Copy, Debug)]
enum Leave {
    Fin,
    Rst,
}

/// Visits the server until an error occurs.
pub(super) async fn all(port: u16, mut rng: Rng, counts: Arc<Stats>) -> Error {
    // Clients start at different times.
    sleep(Duration::from_millis(rng.u64(..1_000))).await;
    loop {
        let visit = Visit::choose(&mut rng);
        let result = visit.pay(port, &mut rng, &counts).await;
        if let Err(error) = result.with_context(|| format!("{visit:?}")) {
            return error;
        }
        sleep(Duration::from_millis(rng.u64(..200))).await;
    }
}

impl Visit {
    fn choose(rng: &mut Rng) -> Self {
        let script = match rng.u8(..100) {
            ..30 => Script::Golden,
            // As fast as the client can read, and more than the sockets hold.
            30..33 => Script::Live {
                events: rng.u64(1..500),
                pause: 0,
                pad: rng.usize(..16_000),
            },
            _ => Script::Live {
                events: rng.u64(1..150),
                pause: rng.u64(20..250),
                pad: rng.usize(..300),
            },
        };
        let stall = (rng.u8(..100) < 20).then(|| {
            let length = Duration::from_millis(rng.u64(10..3_000));
            (rng.u64(..script.events()), length)
        });
        let leave = (rng.u8(..100) < 60).then(|| {
            let how = if rng.bool() { Leave::Fin } else { Leave::Rst };
            (rng.u64(..script.events()), how)
        });
        Self {
            script,
            stall,
            leave,
        }
    }

    /// Reads over one connection. For `/golden`, reconnects until all events were received.
    async fn pay(mut self, port: u16, rng: &mut Rng, counts: &Stats) -> Result<()> {
        let mut seen = self.connect(port, 0, counts).await?;
        while matches!(self.script, Script::Golden) && seen < self.script.events() {
            sleep(Duration::from_millis(rng.u64(..100))).await;
            counts.resumed.up();
            self.leave = None;
            seen = self
                .connect(port, seen, counts)
                .await
                .with_context(|| format!("resuming after {seen}"))?;
        }
        Ok(())
    }

    /// Resumes after the event with this number. Returns the number of the last event that was received.
    async fn connect(self, port: u16, mut seen: u64, counts: &Stats) -> Result<u64> {
        let mut stream = EventStream::open(port, self.script, seen).await?;
        counts.connections.up();
        loop {
            if let Some((after, time)) = self.stall
                && after == seen
            {
                counts.stalls.up();
                sleep(time).await;
            }
            if let Some((after, how)) = self.leave
                && after == seen
            {
                match how {
                    Leave::Fin => {
                        counts.closed.up();
                        stream.close().await;
                    }
                    Leave::Rst => {
                        counts.reset.up();
                        stream.reset()?;
                    }
                }
                return Ok(seen);
            }
            let Some(event) = stream.next().await? else {
                break;
            };
            seen += 1;
            self.script.check(seen, &event)?;
            counts.events.up();
        }
        let all = self.script.events();
        ensure!(seen == all, "the stream ends after {seen} of {all} events");
        counts.ended.up();
        Ok(seen)
    }
}
