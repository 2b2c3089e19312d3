//! Checks that proxies forward events unchanged and at once, and that servers detect a client that leaves.

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

/// Maximum delay of an event. It is shorter than the time between two events, because a proxy that buffers may hold an
/// event until the next one.
const MAX_DELAY: Duration = Duration::from_millis(300);

/// nginx uses HTTP/1.0 to its servers up to version 1.29.6, and HTTP/1.1 in later ones. It buffers by default, and
/// `X-Accel-Buffering` prevents that.
#[test]
fn nginx_as_it_is() -> Result<()> {
    behind("nginx", IDLE_PATH, |port| nginx(port, ""))
}

#[test]
fn nginx_with_http_1_0() -> Result<()> {
    behind("nginx, HTTP/1.0", IDLE_PATH, |port| {
        nginx(port, "proxy_http_version 1.0;")
    })
}

#[test]
fn nginx_with_http_1_1() -> Result<()> {
    behind("nginx, HTTP/1.1", IDLE_PATH, |port| {
        nginx(port, "proxy_http_version 1.1;")
    })
}

#[test]
fn nginx_with_gzip() -> Result<()> {
    let lines = "gzip on; gzip_types text/event-stream; gzip_min_length 0; gzip_http_version 1.0;";
    behind("nginx, gzip", IDLE_PATH, |port| {
        let proxy = nginx(port, lines)?;
        is_compressed(&proxy, true)?;
        Ok(proxy)
    })
}

/// HAProxy waits up to 200 ms for more data. It detects only at the next event that a client has left.
#[test]
fn haproxy_as_it_is() -> Result<()> {
    behind("HAProxy", BUSY_PATH, |port| haproxy(port, ""))
}

#[test]
fn haproxy_with_its_options_for_streams() -> Result<()> {
    let lines = "option http-no-delay\noption abortonclose";
    behind("HAProxy, no delay", IDLE_PATH, |port| haproxy(port, lines))
}

/// HAProxy does not compress responses with `no-transform`. Its gzip has no flush, so it would hold the last bytes of
/// each event until the next one.
#[test]
fn haproxy_with_gzip() -> Result<()> {
    let lines = "option http-no-delay\noption abortonclose\n\
                 compression algo gzip\ncompression type text/event-stream";
    behind("HAProxy, gzip", IDLE_PATH, |port| {
        let proxy = haproxy(port, lines)?;
        is_compressed(&proxy, false)?;
        Ok(proxy)
    })
}

/// Path of a stream with an event each hour.
const IDLE_PATH: &str = "/live?n=9&ms=3600000";

/// Path of a stream with an event every 100 ms.
const BUSY_PATH: &str = "/live?n=1000000&ms=100";

/// Checks all servers behind the proxy that `start` starts for their port. A client leaves the stream with the path
/// `left`.
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
        "the proxy changed the bytes: {}",
        String::from_utf8_lossy(&proxied)
    );
    ensure_golden(&contract::events(&proxied), 0)
}

/// Reads events with their delays. Repeats this until all delays are short, because a busy machine can only increase
/// them.
fn passes_on_at_once(proxy: &Proxy) -> Result<Live> {
    let start = Instant::now();
    loop {
        let live = Live::read(&server::url(proxy.port, "/live?n=5&ms=400"), 5)?;
        if live.longest() < MAX_DELAY {
            return Ok(live);
        }
        ensure!(
            start.elapsed() < test_timeout(),
            "delays are too long, limit is {MAX_DELAY:?}: {live}"
        );
    }
}

fn passes_on_that_a_client_left(server: &Server, proxy: &Proxy, path: &str) -> Result<Duration> {
    server.frees_all_but(0)?;
    let response = ureq::get(server::url(proxy.port, path)).call()?;
    server.wait_for_active(1)?;
    drop(response);
    server.frees_all_but(0)
}

/// Checks whether the proxy compresses a response, as `wanted`. Without it, a test of a proxy with gzip could pass
/// although gzip is off.
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
