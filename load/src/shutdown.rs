//! Graceful shutdown: SIGTERM while streams are open.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};

use crate::{measure::Plan, server::Server, servers::Library, subscribers::Subscribers};

/// Time after which a server that has not ended counts as hanging.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Time between the starts of two libraries.
const START_INTERVAL: Duration = Duration::from_secs(1);

/// End of a chunked body whose last event is complete.
const COMPLETE_END: &[u8] = b"\n\n\r\n0\r\n\r\n";

/// Result of a shutdown.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// Time until the process has ended, or `None` if it hangs.
    pub time: Option<Duration>,
    /// Number of clients that received an event, and then the end of the body.
    pub told: usize,
}

/// Shuts down each library's server. A library may start while others hang, because hanging servers are idle.
///
/// # Errors
///
/// Returns an error if a server does not start or does not serve.
pub fn all(plan: &Plan<'_>) -> Result<Vec<(Library, Ending)>> {
    thread::scope(|scope| {
        let mut watchers = Vec::new();
        for library in plan.libraries {
            watchers.push((*library, scope.spawn(move || watch(plan, *library))));
            thread::sleep(START_INTERVAL);
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

/// Opens streams, sends SIGTERM and waits for the end.
fn watch(plan: &Plan<'_>, library: Library) -> Result<Ending> {
    let mut server = Server::start(&plan.programs.join("serve"), library, plan.core)?;
    let mut subscribers = Subscribers::connect(server.port(), plan.subscribers, true)?;
    let start = Instant::now();
    server.process().terminate()?;
    // Clients that do not read could keep the server from ending.
    subscribers.drain(SHUTDOWN_TIMEOUT)?;
    let rest = SHUTDOWN_TIMEOUT.saturating_sub(start.elapsed());
    let status = server.process().ended_within(rest)?;
    let time = status.map(|_| start.elapsed());
    let told = subscribers
        .bodies()
        .filter(|body| has_close_event(body))
        .count();
    Ok(Ending { time, told })
}

fn has_close_event(body: &[u8]) -> bool {
    body.ends_with(COMPLETE_END) && memchr::memmem::find(body, b"\ndata:").is_some()
}
