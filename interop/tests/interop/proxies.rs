//! Checks that proxies forward events unchanged and at once, that comments keep streams open, and that servers detect
//! clients that leave.
//!
//! `guide/proxies.md` has the results for users.

use std::{
    fs,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use interop::{
    curl::{self, Curl, HTTP_1, HTTP_2},
    ensure_golden, folder,
    live::Live,
    process::wait_until,
    proxy::{Proxy, apache, h2o, haproxy, nginx, squid, traffic_server, varnish},
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
    behind("nginx", HTTP_1, IDLE_PATH, |port| nginx(port, ""))
}

#[test]
fn nginx_with_http_1_0() -> Result<()> {
    behind("nginx, HTTP/1.0", HTTP_1, IDLE_PATH, |port| {
        nginx(port, "proxy_http_version 1.0;")
    })
}

#[test]
fn nginx_with_http_1_1() -> Result<()> {
    behind("nginx, HTTP/1.1", HTTP_1, IDLE_PATH, |port| {
        nginx(port, "proxy_http_version 1.1;")
    })
}

#[test]
fn nginx_with_gzip() -> Result<()> {
    let lines = "gzip on; gzip_types text/event-stream; gzip_min_length 0; gzip_http_version 1.0;";
    behind("nginx, gzip", HTTP_1, IDLE_PATH, |port| {
        let proxy = nginx(port, lines)?;
        is_compressed(&proxy, true)?;
        Ok(proxy)
    })
}

#[test]
fn nginx_keeps_a_stream_with_comments() -> Result<()> {
    keeps_a_stream_with_comments("nginx", |port| nginx(port, "proxy_read_timeout 1s;"))
}

/// HAProxy waits up to 200 ms for more data. It detects only at an event that a client has left.
#[test]
fn haproxy_as_it_is() -> Result<()> {
    behind("HAProxy", HTTP_1, BUSY_PATH, |port| haproxy(port, ""))
}

#[test]
fn haproxy_with_its_options_for_streams() -> Result<()> {
    let lines = "option http-no-delay\noption abortonclose";
    behind("HAProxy, no delay", HTTP_1, IDLE_PATH, |port| {
        haproxy(port, lines)
    })
}

/// HAProxy does not compress responses with `no-transform`. Its gzip has no flush, so it would hold the last bytes of
/// each event until the next one.
#[test]
fn haproxy_with_gzip() -> Result<()> {
    let lines = "option http-no-delay\noption abortonclose\n\
                 compression algo gzip\ncompression type text/event-stream";
    behind("HAProxy, gzip", HTTP_1, IDLE_PATH, |port| {
        let proxy = haproxy(port, lines)?;
        is_compressed(&proxy, false)?;
        Ok(proxy)
    })
}

#[test]
fn haproxy_keeps_a_stream_with_comments() -> Result<()> {
    keeps_a_stream_with_comments("HAProxy", |port| {
        haproxy(port, "timeout client 1s\ntimeout server 1s")
    })
}

/// Varnish detects only after several events that a client has left.
#[test]
fn varnish_as_it_is() -> Result<()> {
    behind("Varnish", HTTP_1, BUSY_PATH, |port| varnish(port, &[], ""))
}

#[test]
fn varnish_with_pipe() -> Result<()> {
    behind("Varnish, pipe", HTTP_1, IDLE_PATH, |port| {
        varnish(port, &[], PIPE)
    })
}

/// The gzip of Varnish has no flush, and Varnish ignores `no-transform`. It does not compress what it pipes.
#[test]
fn varnish_with_gzip() -> Result<()> {
    let gzip = "sub vcl_backend_response { set beresp.do_gzip = true; }";
    behind("Varnish, gzip", HTTP_1, IDLE_PATH, |port| {
        let proxy = varnish(port, &[], &format!("{PIPE}{gzip}"))?;
        is_compressed(&proxy, false)?;
        Ok(proxy)
    })
}

#[test]
fn varnish_keeps_a_stream_with_comments() -> Result<()> {
    keeps_a_stream_with_comments("Varnish", |port| {
        varnish(port, &["between_bytes_timeout=1"], "")
    })
}

#[test]
fn varnish_keeps_a_stream_with_comments_in_a_pipe() -> Result<()> {
    keeps_a_stream_with_comments("Varnish, pipe", |port| {
        // The second timeout limits the age of a stream that is not piped.
        varnish(port, &["pipe_timeout=1", "send_timeout=1"], PIPE)
    })
}

/// Subroutine of Varnish for event streams.
const PIPE: &str = r#"
sub vcl_recv {
    if (req.http.Accept ~ "text/event-stream") {
        return (pipe);
    }
}
"#;

/// Apache detects only at an event that a client has left. It has no option for that.
#[test]
fn apache_as_it_is() -> Result<()> {
    behind("Apache", HTTP_1, BUSY_PATH, |port| apache(port, &[], ""))
}

#[test]
fn apache_over_http_2() -> Result<()> {
    behind("Apache, HTTP/2", HTTP_2, BUSY_PATH, |port| {
        apache(port, &["http2"], "Protocols h2c http/1.1")
    })
}

#[test]
fn apache_with_gzip() -> Result<()> {
    let lines = "AddOutputFilterByType DEFLATE text/event-stream";
    behind("Apache, gzip", HTTP_1, BUSY_PATH, |port| {
        let proxy = apache(port, &["filter", "deflate"], lines)?;
        is_compressed(&proxy, true)?;
        Ok(proxy)
    })
}

#[test]
fn apache_keeps_a_stream_with_comments() -> Result<()> {
    keeps_a_stream_with_comments("Apache", |port| apache(port, &[], "ProxyTimeout 1"))
}

#[test]
fn squid_as_it_is() -> Result<()> {
    behind("Squid", HTTP_1, IDLE_PATH, |port| squid(port, ""))
}

/// Squid may end a timeout up to one second early.
#[test]
fn squid_keeps_a_stream_with_comments() -> Result<()> {
    keeps_a_stream_with_comments("Squid", |port| squid(port, "read_timeout 2 seconds"))
}

/// h2o detects only at an event that a client of HTTP/1.1 has left. It has no option for that.
#[test]
fn h2o_as_it_is() -> Result<()> {
    behind("h2o", HTTP_1, BUSY_PATH, |port| h2o(port, ""))
}

#[test]
fn h2o_over_http_2() -> Result<()> {
    behind("h2o, HTTP/2", HTTP_2, IDLE_PATH, |port| h2o(port, ""))
}

/// h2o does not compress types that it does not know.
#[test]
fn h2o_with_gzip() -> Result<()> {
    behind("h2o, gzip", HTTP_1, BUSY_PATH, |port| {
        let proxy = h2o(port, "compress: ON\ncompress-minimum-size: 0")?;
        is_compressed(&proxy, false)?;
        Ok(proxy)
    })
}

#[test]
fn h2o_keeps_a_stream_with_comments() -> Result<()> {
    keeps_a_stream_with_comments("h2o", |port| h2o(port, "proxy.timeout.io: 1000"))
}

/// Traffic Server detects only at an event that a client has left.
#[test]
fn traffic_server_as_it_is() -> Result<()> {
    behind("Traffic Server", HTTP_1, BUSY_PATH, |port| {
        traffic_server(port, &[], "")
    })
}

#[test]
fn traffic_server_without_half_open_connections() -> Result<()> {
    behind("Traffic Server, no half-open", HTTP_1, IDLE_PATH, |port| {
        traffic_server(port, &[NO_HALF_OPEN], "")
    })
}

/// The compression of Traffic Server ignores `no-transform`. It has a flush, which is off by default.
#[test]
fn traffic_server_with_gzip() -> Result<()> {
    let configuration = "compressible-content-type text/event-stream\n\
                         minimum-content-length 0\ncache false\nflush true\n";
    behind("Traffic Server, gzip", HTTP_1, IDLE_PATH, |port| {
        let file = folder::scratch("compress")?.join("compress.config");
        fs::write(&file, configuration)?;
        let plugin = format!("compress.so {}\n", file.display());
        let proxy = traffic_server(port, &[NO_HALF_OPEN], &plugin)?;
        is_compressed(&proxy, true)?;
        Ok(proxy)
    })
}

#[test]
fn traffic_server_keeps_a_stream_with_comments() -> Result<()> {
    keeps_a_stream_with_comments("Traffic Server", |port| {
        let timeouts = [
            ("proxy.config.http.transaction_no_activity_timeout_in", "1"),
            ("proxy.config.http.transaction_no_activity_timeout_out", "1"),
        ];
        traffic_server(port, &timeouts, "")
    })
}

/// Record of Traffic Server with which a client that closes its connection has left.
const NO_HALF_OPEN: (&str, &str) = ("proxy.config.http.allow_half_open", "0");

/// Record of Traffic Server with which it does not limit the age of a stream.
const NO_MAX_AGE: (&str, &str) = ("proxy.config.http.transaction_active_timeout_in", "0");

/// Path of a stream with an event each hour.
const IDLE_PATH: &str = "/live?n=9&ms=3600000";

/// Path of a stream with an event every 100 ms.
const BUSY_PATH: &str = "/live?n=1000000&ms=100";

/// Checks all servers behind the proxy that `start` starts for their port, with clients of this version of HTTP.
/// Clients leave the stream with the path `left`.
fn behind(
    name: &str,
    http: &[&str],
    left: &str,
    start: impl Fn(u16) -> Result<Proxy> + Sync,
) -> Result<()> {
    server::each(&server::ALL, |server| {
        let proxy = start(server.port)?;
        passes_on_what_is_sent(server, &proxy, http)?;
        let live = passes_on_at_once(&proxy, http)?;
        let leave = || passes_on_that_clients_left(server, &proxy, http, left);
        let freed = server.frees_soon(leave)?.as_millis();
        eprintln!(
            "{name}, {}: {live}; clients that left: {freed} ms",
            server.name
        );
        Ok(())
    })
}

fn passes_on_what_is_sent(server: &Server, proxy: &Proxy, http: &[&str]) -> Result<()> {
    let direct = server::get(&server.url("/golden"))?;
    let (head, proxied) = curl::response(&server::url(proxy.port, "/golden"), http)?;
    ensure!(
        direct == proxied,
        "the proxy changed the bytes: {}",
        String::from_utf8_lossy(&proxied)
    );
    for line in [
        "content-type: text/event-stream",
        "cache-control: no-cache, no-transform",
        "incremental: ?1",
    ] {
        ensure!(head.contains(line), "{line} is missing: {head}");
    }
    ensure_golden(&contract::events(&proxied), 0)
}

/// Reads events with their delays. Repeats this until all delays are short, because a busy machine can only increase
/// them.
fn passes_on_at_once(proxy: &Proxy, http: &[&str]) -> Result<Live> {
    let start = Instant::now();
    loop {
        let live = Live::read(&server::url(proxy.port, "/live?n=5&ms=400"), http, 5)?;
        if live.longest() < MAX_DELAY {
            return Ok(live);
        }
        ensure!(
            start.elapsed() < test_timeout(),
            "delays are too long, limit is {MAX_DELAY:?}: {live}"
        );
    }
}

/// Opens two streams with the same URL, which a cache must not merge. Returns the time until the server has freed both
/// after the clients have left.
fn passes_on_that_clients_left(
    server: &Server,
    proxy: &Proxy,
    http: &[&str],
    path: &str,
) -> Result<Duration> {
    server.frees_all_but(0)?;
    let url = server::url(proxy.port, path);
    let mut clients = [Curl::start(&url, http)?, Curl::start(&url, http)?];
    // If nothing is left to read, the client says FIN and not RST.
    clients.iter_mut().try_for_each(Curl::read_first_event)?;
    server.wait_for_active(2)?;
    drop(clients);
    server.frees_all_but(0)
}

/// Checks whether the proxy compresses a response, as `wanted`. Without it, a test of a proxy with gzip could pass
/// although gzip is off.
fn is_compressed(proxy: &Proxy, wanted: bool) -> Result<()> {
    let options = [HTTP_1, &["--header", "Accept-Encoding: gzip"]].concat();
    let (head, _) = curl::response(&server::url(proxy.port, "/golden"), &options)?;
    let compressed = head.contains("content-encoding: gzip");
    ensure!(compressed == wanted, "{head}");
    Ok(())
}

/// Checks that a proxy closes a silent stream, and keeps one with comments open for twice that time.
///
/// `start` has to set the timeout of the proxy to [`SILENCE_TIMEOUT`] or a little more.
fn keeps_a_stream_with_comments(name: &str, start: impl Fn(u16) -> Result<Proxy>) -> Result<()> {
    let silent = Server::start_with("hyper", &["--keep-alive-interval", "0"])?;
    let proxy = start(silent.port)?;
    let closed = closes(&proxy, HTTP_1, test_timeout())?;
    ensure!(
        closed >= SILENCE_TIMEOUT,
        "the timeout is {SILENCE_TIMEOUT:?}, but the stream was closed after {closed:?}"
    );
    let server = Server::start_with("hyper", &["--keep-alive-interval", "100"])?;
    let proxy = start(server.port)?;
    let begin = Instant::now();
    // A busy machine can delay the comments, so this is repeated.
    while !stays_open(&proxy, HTTP_1, closed * 2)? {
        ensure!(
            begin.elapsed() < test_timeout(),
            "comments do not keep the stream open for {:?}",
            closed * 2
        );
    }
    eprintln!(
        "{name}: a silent stream is closed after {} ms",
        closed.as_millis()
    );
    Ok(())
}

/// Time after which the proxies of [`keeps_a_stream_with_comments`] close a silent stream.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(1);

/// Prints the default times of each proxy, for `guide/proxies.md`: until it closes a silent stream, until it closes a
/// stream with comments, and until a server with comments at the default interval detects that clients have left.
#[test]
#[ignore = "waits for timeouts of 15 minutes: cargo xtask test-servers --long"]
fn default_times() -> Result<()> {
    type Start = fn(u16) -> Result<Proxy>;
    let proxies: [(&str, &[&str], Start); 11] = [
        ("nginx", HTTP_1, |port| nginx(port, "")),
        ("HAProxy", HTTP_1, |port| haproxy(port, "")),
        ("Varnish", HTTP_1, |port| varnish(port, &[], "")),
        ("Varnish, pipe", HTTP_1, |port| varnish(port, &[], PIPE)),
        ("Apache", HTTP_1, |port| apache(port, &[], "")),
        ("Apache, HTTP/2", HTTP_2, |port| {
            apache(port, &["http2"], "Protocols h2c http/1.1")
        }),
        ("Squid", HTTP_1, |port| squid(port, "")),
        ("h2o", HTTP_1, |port| h2o(port, "")),
        ("h2o, HTTP/2", HTTP_2, |port| h2o(port, "")),
        ("Traffic Server", HTTP_1, |port| {
            traffic_server(port, &[], "")
        }),
        ("Traffic Server, settings", HTTP_1, |port| {
            traffic_server(port, &[NO_HALF_OPEN, NO_MAX_AGE], "")
        }),
    ];
    let measure = |(name, http, start): (&str, &[&str], Start)| {
        let silent = Server::start_with("hyper", &["--keep-alive-interval", "0"])?;
        let server = Server::start("hyper")?;
        let (silent, proxy) = (start(silent.port)?, start(server.port)?);
        let left = passes_on_that_clients_left(&server, &proxy, http, IDLE_PATH)?;
        let begin = Instant::now();
        let mut client = Curl::start(&server::url(proxy.port, IDLE_PATH), http)?;
        let silence = closes(&silent, http, MAX_DEFAULT_TIMEOUT)?;
        ensure!(
            client.is_open()?,
            "comments do not keep the stream open for {silence:?}"
        );
        while client.is_open()? && begin.elapsed() < MAX_DEFAULT_TIMEOUT {
            sleep(Duration::from_millis(100));
        }
        let end = if client.is_open()? { "open" } else { "closed" };
        eprintln!(
            "{name}: clients that left: {left:.1?}; a silent stream is closed after {silence:.1?}; \
             one with comments is {end} after {:.1?}",
            begin.elapsed()
        );
        Ok(())
    };
    thread::scope(|scope| {
        let measurements = proxies.map(|proxy| (proxy.0, scope.spawn(move || measure(proxy))));
        for (name, measurement) in measurements {
            match measurement.join() {
                Ok(result) => result.with_context(|| name.to_owned())?,
                Err(_) => bail!("{name}: a measurement panicked"),
            }
        }
        Ok(())
    })
}

/// Longer than each default timeout. The longest ones are 15 minutes.
const MAX_DEFAULT_TIMEOUT: Duration = Duration::from_secs(16 * 60);

/// Returns the time from a request until the proxy closes its silent stream.
fn closes(proxy: &Proxy, http: &[&str], limit: Duration) -> Result<Duration> {
    let begin = Instant::now();
    let mut client = Curl::start(&server::url(proxy.port, IDLE_PATH), http)?;
    client.read_first_event()?;
    wait_until(limit, "the proxy closes a silent stream", || {
        Ok(!client.is_open()?)
    })?;
    Ok(begin.elapsed())
}

/// Returns whether a stream is open after this time.
fn stays_open(proxy: &Proxy, http: &[&str], time: Duration) -> Result<bool> {
    let mut client = Curl::start(&server::url(proxy.port, IDLE_PATH), http)?;
    client.read_first_event()?;
    sleep(time);
    client.is_open()
}
