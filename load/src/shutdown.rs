//! How subscribers are sent away: SIGTERM, with open streams.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};

use crate::{measure::Plan, server::Server, servers::Library, subscribers::Subscribers};

/// How long a server may take before it counts as hanging.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How long one library has for itself.
const APART: Duration = Duration::from_secs(1);

/// What ends a body of chunks whose last event is whole.
const WHOLE: &[u8] = b"\n\n\r\n0\r\n\r\n";

/// What happened.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// How long it took until the process had ended; `None` if it hangs.
    pub time: Option<Duration>,
    /// How many clients have seen an event before the end, and then the end of the body.
    pub told: usize,
}

/// Shuts down each library's server. One begins while others hang, for those do nothing then.
///
/// # Errors
///
/// If a server cannot be started, or does not serve.
pub fn all(plan: &Plan<'_>) -> Result<Vec<(Library, Ending)>> {
    thread::scope(|scope| {
        let mut watchers = Vec::new();
        for library in plan.libraries {
            watchers.push((*library, scope.spawn(move || watch(plan, *library))));
            thread::sleep(APART);
        }
        let endings = watchers.into_iter().map(|(library, watcher)| {
            let ending = watcher.join().map_err(|_| anyhow!("a watcher panicked"))?;
            Ok((
                library,
                ending.with_context(|| format!("shutting down {library}"))?,
            ))
        });
        endings.collect()
    })
}

/// Opens streams, sends SIGTERM and watches.
fn watch(plan: &Plan<'_>, library: Library) -> Result<Ending> {
    let mut server = Server::start(&plan.programs.join("serve"), library, plan.core)?;
    let mut subscribers = Subscribers::connect(server.port(), plan.subscribers, true)?;
    let start = Instant::now();
    server.process().terminate()?;
    // Clients that do not read could keep the server from ending.
    subscribers.drain(PATIENCE)?;
    let rest = PATIENCE.saturating_sub(start.elapsed());
    let status = server.process().ended_within(rest)?;
    let time = status.map(|_| start.elapsed());
    let told = subscribers.bodies().filter(|it| is_farewell(it)).count();
    Ok(Ending { time, told })
}

fn is_farewell(body: &[u8]) -> bool {
    body.ends_with(WHOLE) && memchr::memmem::find(body, b"\ndata:").is_some()
}
