//! What a client does: one visit after the other, each by chance.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Error, Result, ensure};
use fastrand::Rng;
use tokio::time::sleep;

use super::{counts::Counts, script::Script, stream::EventStream};

/// One visit.
#[derive(Clone, Copy, Debug)]
struct Visit {
    script: Script,
    /// Behind which event it stops to read for how long.
    stall: Option<(u64, Duration)>,
    /// Behind which event it leaves before the end.
    leave: Option<(u64, Leave)>,
}

#[derive(Clone, Copy, Debug)]
enum Leave {
    Fin,
    Rst,
}

/// Visits the server until something is wrong.
pub(super) async fn all(port: u16, mut rng: Rng, counts: Arc<Counts>) -> Error {
    // Not all at the same moment.
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
            // As fast as it can be read, and more than the sockets hold.
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

    /// One connection, and for `/golden` more of them until all of it was seen.
    async fn pay(mut self, port: u16, rng: &mut Rng, counts: &Counts) -> Result<()> {
        let mut seen = self.connect(port, 0, counts).await?;
        while matches!(self.script, Script::Golden) && seen < self.script.events() {
            sleep(Duration::from_millis(rng.u64(..100))).await;
            counts.resumed.up();
            self.leave = None;
            seen = self
                .connect(port, seen, counts)
                .await
                .with_context(|| format!("resuming behind {seen}"))?;
        }
        Ok(())
    }

    /// Reads on behind the event of this number. Gives the number of the last one that was seen.
    async fn connect(self, port: u16, mut seen: u64, counts: &Counts) -> Result<u64> {
        let mut stream = EventStream::open(port, self.script, seen).await?;
        counts.connections.up();
        loop {
            if let Some((behind, time)) = self.stall
                && behind == seen
            {
                counts.stalls.up();
                sleep(time).await;
            }
            if let Some((behind, how)) = self.leave
                && behind == seen
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
        ensure!(seen == all, "it ends behind {seen} of {all} events");
        counts.ended.up();
        Ok(seen)
    }
}
