//! Clients that leave in every way are forgotten, and clients that never read cost little.

use std::{thread::sleep, time::Duration};

use anyhow::{Result, ensure};
use interop::server;
use socket2::SockRef;

use crate::hyper_client::Client;

/// How many never read, for how long, and how much more memory a server may take for all of them.
const STALLED: u64 = 20;
const STALL: Duration = Duration::from_secs(10);
const GROWTH_KIB: u64 = 64 * 1024;

/// Quiet, busy, and as fast as the client reads.
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

/// The connection stays, and so do its other streams.
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
        let clients: Result<Vec<_>> = (0..STALLED).map(|_| server.send(path)).collect();
        let clients = clients?;
        server.wait_for_active(STALLED)?;
        sleep(STALL);
        ensure!(server.active()? == STALLED, "{} streams", server.active()?);
        let grown = server.resident()?.saturating_sub(before);
        ensure!(grown < GROWTH_KIB, "{STALLED} clients cost {grown} KiB");
        drop(clients);
        // Soon or not is seen above, by clients that are easier to bring back.
        let freed = server.frees_all_but(0)?.as_millis();
        eprintln!(
            "{STALLED} stalled, {}: {grown} KiB; when they leave: {freed} ms",
            server.name
        );
        Ok(())
    })
}
