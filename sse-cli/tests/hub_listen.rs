//! `sse hub` on several addresses, on Unix sockets, and on sockets of the service manager.
#![cfg(all(feature = "hub", target_os = "linux"))]

mod support;

use std::{
    fs,
    net::TcpListener,
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt as _, net::UnixListener},
    },
    path::Path,
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use support::{Running, hub::TOKEN, run, secure::curl, sse};

/// Runs a hub that listens on these addresses, and waits until it has printed this number of URLs.
fn start(listen: &str, options: &[&str], lines: usize) -> Running {
    let mut command = sse(["hub"]);
    command
        .args(options)
        .env("SSE_HUB_LISTEN", listen)
        .env("SSE_HUB_PUBLISH_TOKEN", TOKEN);
    let mut running = Running::start(&mut command);
    running.stdout.expect_times("\n", lines);
    running
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_listens_on_all_addresses() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let socket = path.to_str().unwrap();
    let listen = format!("127.0.0.1:0,localhost:0,unix:{socket}");
    let mut hub = start(&listen, &[], 3);
    let printed = hub.stdout.seen();
    let lines: Vec<_> = printed.split_terminator('\n').collect();
    assert_eq!(lines[2], format!("unix:{socket}"));
    for url in &lines[..2] {
        assert_eq!(curl([&format!("{url}healthz")]), "ok\n");
    }
    assert_eq!(mode(&path), 0o660);
    for protocol in ["--http1.1", "--http2-prior-knowledge"] {
        // No page can connect to a Unix socket, so any host is served.
        let url = "http://a.example/healthz";
        assert_eq!(curl(["--unix-socket", socket, protocol, url]), "ok\n");
    }
    let authorization = format!("Authorization: Bearer {TOKEN}");
    let publish = "http://localhost/publish";
    let data = ["-d", "topic=a", "-d", "data=it works"];
    let [a, b, c, d] = data;
    let answer = curl([
        "--unix-socket",
        socket,
        "-H",
        &authorization,
        a,
        b,
        c,
        d,
        publish,
    ]);
    assert!(answer.starts_with("{\"id\":"), "{answer}");
    let url = format!("{}events?topic=a&earliest", lines[0]);
    let done = run(
        &mut sse(["get", "--no-reconnect", "-n2", "--json", &url]),
        "",
    );
    assert!(done.stdout.contains("it works"), "{}", done.stdout);
    kill_process(Pid::from_child(&hub.child), Signal::TERM).unwrap();
    assert!(hub.wait().success());
    assert!(!path.exists());
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let socket = path.to_str().unwrap();
    let listen = format!("unix:{socket}");
    let mut crashed = start(&listen, &[], 1);
    crashed.child.kill().unwrap();
    crashed.wait();
    assert!(path.exists());
    let hub = start(&listen, &["--socket-mode=600"], 1);
    assert_eq!(mode(&path), 0o600);
    let done = run(sse(["hub"]).env("SSE_HUB_LISTEN", &listen), "");
    assert_eq!((done.code, &*done.stdout), (Some(1), ""));
    let expected = format!("cannot listen on {listen}: another server listens on it\n");
    assert!(done.stderr.ends_with(&expected), "{}", done.stderr);
    let url = "http://localhost/healthz";
    assert_eq!(curl(["--unix-socket", socket, url]), "ok\n");
    drop(hub);
}

#[test]
fn one_address_that_others_reach_requires_a_token() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let listen = format!("unix:{},127.0.0.1:0,0.0.0.0:0", path.display());
    let done = run(sse(["hub"]).env("SSE_HUB_LISTEN", listen), "");
    assert_eq!(done.code, Some(1));
    let expected = "0.0.0.0:0 can be reached from other machines: --publish-token";
    assert!(done.stderr.contains(expected), "{}", done.stderr);
    assert!(!path.exists());
}

/// Starts a hub with this socket as its descriptor 3, as a service manager does.
fn activated(socket: impl Into<OwnedFd>, options: &str) -> Command {
    let script = format!(
        "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec {} hub {options}",
        env!("CARGO_BIN_EXE_sse")
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &script])
        .stdin(Stdio::from(socket.into()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn sockets_of_the_service_manager_replace_the_addresses() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut hub = Running::start(&mut activated(listener, "--listen 192.0.2.1:1"));
    hub.stdout.expect(&format!("http://{address}/\n"));
    assert_eq!(curl([&format!("http://{address}/healthz")]), "ok\n");
    kill_process(Pid::from_child(&hub.child), Signal::TERM).unwrap();
    assert!(hub.wait().success());

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let mut hub = Running::start(&mut activated(listener, ""));
    hub.stdout.expect(&format!("unix:{}\n", path.display()));
    let url = "http://localhost/healthz";
    assert_eq!(curl(["--unix-socket", path.to_str().unwrap(), url]), "ok\n");
    kill_process(Pid::from_child(&hub.child), Signal::TERM).unwrap();
    assert!(hub.wait().success());
    // The service manager still has the socket.
    assert!(path.exists());

    // Such a socket may be reached by others, too.
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let mut hub = Running::start(&mut activated(listener, ""));
    assert_eq!(hub.wait().code(), Some(1));
    hub.stderr.expect("--publish-token");
}
