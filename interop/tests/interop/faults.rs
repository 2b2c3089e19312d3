//! Checks that servers free the streams of clients that leave in any way, and that clients that never read take little
//! memory.

use std::{thread::sleep, time::Duration};

use anyhow::{Result, ensure};
use interop::server;
use socket2::SockRef;

use crate::hyper_client::Client;

/// Number of clients that never read.
const STALLED_CLIENTS: u64 = 20;

/// Time for which they stay connected.
const STALL_TIME: Duration = Duration::from_secs(10);

/// Maximum additional memory of a server for all of them.
const MAX_GROWTH_KIB: u64 = 64 * 1024;

/// Paths of streams that are quiet, busy, and as fast as the client reads.
const PATHS: [&str; 3] = [
    "/live?n=9&ms=3600000",
    "/live?n=1000000&ms=5",
    "/live?n=1000000&ms=0&pad=999",
];

#[test]
fn clients_that_leave_by_fin() -> Result<()> {
    leave("FIN", |_| Ok(()))
}

#[test]
fn clients_that_leave_by_rst() -> Result<()> {
    leave("RST", |connection| {
        Ok(connection.set_linger(Some(Duration::ZERO))?)
    })
}

fn leave(how: &str, prepare: impl Fn(&SockRef<'_>) -> Result<()> + Sync) -> Result<()> {
    server::each(&server::ALL, |server| {
        for path in PATHS {
            let freed = server.frees_soon(|| {
                let connection = server.send(path)?;
                server.wait_for_active(1)?;
                prepare(&SockRef::from(&connection))?;
                drop(connection);
                server.frees_all_but(0)
            });
            let freed = freed?.as_millis();
            eprintln!("{how}, {}, {path}: {freed} ms", server.name);
        }
        Ok(())
    })
}

/// Checks that a reset ends one stream, and not its connection or the other streams.
#[test]
fn streams_that_are_reset_in_http_2() -> Result<()> {
    server::each(&["hyper", "axum"], |server| {
        let client = Client::new(true)?;
        let get = |path| client.get(&server.url(path), None);
        let freed = server.frees_soon(|| {
            let (quiet, busy, fast) = (get(PATHS[0])?, get(PATHS[1])?, get(PATHS[2])?);
            server.wait_for_active(3)?;
            let mut longest = Duration::ZERO;
            for (left, stream) in [(2, fast), (1, quiet), (0, busy)] {
                drop(stream);
                longest = longest.max(server.frees_all_but(left)?);
            }
            Ok(longest)
        });
        eprintln!("HTTP/2, {}: {} ms", server.name, freed?.as_millis());
        Ok(())
    })
}

#[test]
fn clients_that_never_read() -> Result<()> {
    server::each(&server::ALL, |server| {
        server.active()?;
        let before = server.resident()?;
        let path = "/live?n=1000000&ms=0&pad=1000";
        let clients: Result<Vec<_>> = (0..STALLED_CLIENTS).map(|_| server.send(path)).collect();
        let clients = clients?;
        server.wait_for_active(STALLED_CLIENTS)?;
        sleep(STALL_TIME);
        let active = server.active()?;
        ensure!(active == STALLED_CLIENTS, "{active} streams");
        let grown = server.resident()?.saturating_sub(before);
        ensure!(
            grown < MAX_GROWTH_KIB,
            "{STALLED_CLIENTS} clients take {grown} KiB, limit is {MAX_GROWTH_KIB}"
        );
        drop(clients);
        // The time is not checked, because `leave` does so with fewer clients.
        let freed = server.frees_all_but(0)?.as_millis();
        eprintln!(
            "{STALLED_CLIENTS} stalled, {}: {grown} KiB; freed after {freed} ms",
            server.name
        );
        Ok(())
    })
}
