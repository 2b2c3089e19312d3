//! Behind a proxy, events come as they are and as soon as they are sent, and a client that leaves is
//! noticed.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use interop::{
    ensure_golden,
    live::Live,
    proxy::{Proxy, haproxy, nginx},
    server::{self, Server},
};
use testkit::{contract, timeout::test_timeout};

/// How much later than it was sent an event may come: less than it takes until the next one is sent, and what comes
/// after that may have been held back for it.
const SOON: Duration = Duration::from_millis(300);

/// nginx up to 1.29.6 speaks HTTP/1.0 to its servers, later ones HTTP/1.1. By itself it buffers: what
/// keeps it from that is `X-Accel-Buffering`.
#[test]
fn nginx_as_it_is() -> Result<()> {
    behind("nginx", IDLE, |port| nginx(port, ""))
}

#[test]
fn nginx_with_http_1_0() -> Result<()> {
    behind("nginx, HTTP/1.0", IDLE, |port| {
        nginx(port, "proxy_http_version 1.0;")
    })
}

#[test]
fn nginx_with_http_1_1() -> Result<()> {
    behind("nginx, HTTP/1.1", IDLE, |port| {
        nginx(port, "proxy_http_version 1.1;")
    })
}

#[test]
fn nginx_with_gzip() -> Result<()> {
    let lines = "gzip on; gzip_types text/event-stream; gzip_min_length 0; gzip_http_version 1.0;";
    behind("nginx, gzip", IDLE, |port| {
        let proxy = nginx(port, lines)?;
        is_compressed(&proxy, true)?;
        Ok(proxy)
    })
}

/// It waits up to 200 ms for more to send. When the client has left, it only notices at the next
/// event.
#[test]
fn haproxy_as_it_is() -> Result<()> {
    behind("HAProxy", BUSY, |port| haproxy(port, ""))
}

#[test]
fn haproxy_with_its_options_for_streams() -> Result<()> {
    let lines = "option http-no-delay\noption abortonclose";
    behind("HAProxy, no delay", IDLE, |port| haproxy(port, lines))
}

/// Its gzip would hold back the last bytes of each event until the next one comes, for it has no flush.
/// It leaves alone what is marked with `no-transform`.
#[test]
fn haproxy_with_gzip() -> Result<()> {
    let lines = "option http-no-delay\noption abortonclose\n\
                 compression algo gzip\ncompression type text/event-stream";
    behind("HAProxy, gzip", IDLE, |port| {
        let proxy = haproxy(port, lines)?;
        is_compressed(&proxy, false)?;
        Ok(proxy)
    })
}

/// The stream that a client leaves: its next event is an hour away, or soon.
const IDLE: &str = "/live?n=9&ms=3600000";
const BUSY: &str = "/live?n=1000000&ms=100";

/// The whole check, after what this starts in front of a port.
fn behind(name: &str, left: &str, start: impl Fn(u16) -> Result<Proxy> + Sync) -> Result<()> {
    server::each(&server::ALL, |server| {
        let proxy = start(server.port)?;
        passes_on_what_is_sent(server, &proxy)?;
        let live = passes_on_at_once(&proxy)?;
        let freed = server.frees_soon(|| passes_on_that_a_client_left(server, &proxy, left))?;
        let freed = freed.as_millis();
        eprintln!(
            "{name}, {}: {live}; a client that left: {freed} ms",
            server.name
        );
        Ok(())
    })
}

fn passes_on_what_is_sent(server: &Server, proxy: &Proxy) -> Result<()> {
    let direct = server::get(&server.url("/golden"))?;
    let proxied = server::get(&server::url(proxy.port, "/golden"))?;
    ensure!(
        direct == proxied,
        "not the same bytes: {}",
        String::from_utf8_lossy(&proxied)
    );
    ensure_golden(&contract::events(&proxied), 0)
}

/// A busy machine can only make it later, so this is done until all are in time.
fn passes_on_at_once(proxy: &Proxy) -> Result<Live> {
    let start = Instant::now();
    loop {
        let live = Live::read(&server::url(proxy.port, "/live?n=5&ms=400"), 5)?;
        if live.longest() < SOON {
            return Ok(live);
        }
        ensure!(start.elapsed() < test_timeout(), "late: {live}");
    }
}

fn passes_on_that_a_client_left(server: &Server, proxy: &Proxy, path: &str) -> Result<Duration> {
    server.frees_all_but(0)?;
    let response = ureq::get(server::url(proxy.port, path)).call()?;
    server.wait_for_active(1)?;
    drop(response);
    server.frees_all_but(0)
}

/// Fails unless the proxy compresses for a client that takes it, or does not: else a check of that
/// would check nothing.
fn is_compressed(proxy: &Proxy, wanted: bool) -> Result<()> {
    let mut connection = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port))?;
    connection.write_all(b"GET /golden HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")?;
    let head = BufReader::new(connection).lines().map_while(Result::ok);
    let head: Vec<_> = head.take_while(|line| !line.is_empty()).collect();
    let compressed = head
        .iter()
        .any(|line| line.eq_ignore_ascii_case("content-encoding: gzip"));
    ensure!(compressed == wanted, "{head:?}");
    Ok(())
}
