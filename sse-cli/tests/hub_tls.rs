//! `sse hub` with TLS: its protocols, and certificates that are replaced.
#![cfg(all(feature = "hub", target_os = "linux"))]

mod support;

use std::{fs, time::Duration};

use rustix::process::Signal;
use support::{
    http2::{Http2, Numbers, rest},
    run,
    secure::{SecureHub, curl, identity},
    sse,
};
use testkit::timeout::test_timeout;
use tokio::{
    io::AsyncReadExt as _,
    net::TcpStream,
    sync::mpsc,
    time::{sleep, timeout},
};

#[tokio::test]
async fn clients_of_both_protocols_and_versions_read_it() {
    let hub = SecureHub::start(&[identity()], []);
    hub.publish("a", "1").await;
    let root = hub.path("cert.pem");
    let root = root.to_str().unwrap();
    let url = format!("https://localhost:{}", hub.port);
    let health = format!("{url}/healthz");
    for (option, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        for tls in ["1.2", "1.3"] {
            let options = [
                "--cacert",
                root,
                option,
                "--tls-max",
                tls,
                "-w",
                "%{http_version}",
            ];
            let [a, b, c, d, e, f, g] = options;
            let text = curl([a, b, c, d, e, f, g, &health]);
            assert_eq!(text, format!("ok\n{version}"), "TLS {tls}");
        }
    }
    let stream = format!("{url}/events?topic=a&earliest");
    let get = [
        "get",
        "--no-reconnect",
        "-n2",
        "--json",
        "--cacert",
        root,
        &stream,
    ];
    let done = run(&mut sse(get), "");
    assert!(done.stdout.contains("\"data\":\"1\""), "{}", done.stderr);
    // A client that does not trust the certificate, and one without TLS.
    let done = run(&mut sse(["get", "--no-reconnect", &stream]), "");
    assert!(done.stderr.contains("certificate"), "{}", done.stderr);
    let plain = format!("http://localhost:{}/healthz", hub.port);
    assert_eq!(
        run(&mut sse(["get", "--no-reconnect", &plain]), "").code,
        Some(1)
    );
}

#[test]
fn it_does_not_start_with_an_invalid_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    for name in ["a", "b"] {
        let identity = identity();
        fs::write(path(name), identity.cert.pem()).unwrap();
        let key = identity.signing_key.serialize_pem();
        fs::write(path(&format!("{name}.key")), key).unwrap();
    }
    for (certificate, key, code, reason) in [
        ("a", Some("b.key"), 1, "does not belong to the certificate"),
        ("missing", Some("a.key"), 1, "cannot read the certificate"),
        ("a.key", Some("a.key"), 1, "there is no certificate in PEM"),
        ("a", None, 2, "--tls-key"),
    ] {
        let mut command = sse(["hub", "--listen=127.0.0.1:0"]);
        command.arg(format!("--tls-cert={}", path(certificate)));
        if let Some(key) = key {
            command.arg(format!("--tls-key={}", path(key)));
        }
        let done = run(&mut command, "");
        assert_eq!(
            (done.code, &*done.stdout),
            (Some(code), ""),
            "{certificate}"
        );
        assert!(done.stderr.contains(reason), "{}", done.stderr);
    }
}

/// Checks that subscribers get each event once while the certificate is replaced, and that new connections get the new
/// one.
#[tokio::test(flavor = "multi_thread")]
async fn no_event_is_lost_while_certificates_are_replaced() {
    const EVENTS: u64 = 400;
    let identities = [identity(), identity()];
    let hub = SecureHub::start(&identities, []);
    let (finished, mut results) = mpsc::unbounded_channel();
    let mut connections = Vec::new();
    for _ in 0..4 {
        let mut over_http1 = hub.open_stream("topic=a").await;
        let finished_one = finished.clone();
        tokio::spawn(async move {
            let mut numbers = Numbers::default();
            let mut buffer = [0; 4096];
            while numbers.seen.len() < EVENTS as usize {
                let count = timeout(test_timeout(), over_http1.read(&mut buffer)).await;
                let count = count.expect("in time").unwrap();
                assert_ne!(count, 0, "the stream has ended");
                numbers.push(&buffer[..count]);
            }
            finished_one.send(numbers.seen).unwrap();
        });
        let connection = Http2::over(hub.connect(b"h2").await, 1 << 20).await;
        for _ in 0..4 {
            let mut body = connection.subscribe("topic=a").await;
            let finished = finished.clone();
            tokio::spawn(async move {
                let mut numbers = Numbers::default();
                numbers.read(&mut body, EVENTS as usize).await;
                finished.send(numbers.seen).unwrap();
            });
        }
        connections.push(connection);
    }
    hub.has_subscribers(20).await;
    let publish = async {
        for number in 0..EVENTS {
            hub.publish("a", &number.to_string()).await;
        }
    };
    let replace = async {
        for number in 1..=20 {
            let identity = &identities[number % 2];
            hub.install(identity);
            hub.signal(Signal::HUP);
            let replaced = timeout(test_timeout(), async {
                while hub.certificate().await != *identity.cert.der() {
                    sleep(Duration::from_millis(5)).await;
                }
            });
            replaced
                .await
                .expect("a new connection gets the new certificate");
        }
    };
    tokio::join!(publish, replace);
    let expected: Vec<_> = (0..EVENTS).collect();
    for _ in 0..20 {
        let seen = timeout(test_timeout(), results.recv())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn an_invalid_certificate_does_not_replace_a_valid_one() {
    let identities = [identity(), identity()];
    let mut hub = SecureHub::start(&identities, []);
    let old = identities[0].cert.der();
    let mut stream = hub.open_stream("topic=a").await;
    let (certificate, key) = (hub.path("cert.pem"), hub.path("key.pem"));
    let other = identities[1].cert.pem();
    for (text, reason) in [
        (Some(&*other), "does not belong to the certificate"),
        (Some("no PEM"), "there is no certificate in PEM"),
        (None, "No such file or directory"),
    ] {
        match text {
            Some(text) => fs::write(&certificate, text).unwrap(),
            None => fs::remove_file(&certificate).unwrap(),
        }
        hub.signal(Signal::HUP);
        hub.running.stderr.expect(reason);
        assert_eq!(hub.certificate().await, *old);
    }
    let log = hub.running.stderr.seen();
    assert_eq!(
        log.matches("the old certificate is kept").count(),
        3,
        "{log}"
    );
    assert!(log.contains("WARN") && log.contains("cert.pem"), "{log}");
    hub.install(&identities[1]);
    fs::remove_file(&key).unwrap();
    hub.signal(Signal::HUP);
    hub.running.stderr.expect("cannot read the private key");
    hub.install(&identities[1]);
    hub.signal(Signal::HUP);
    hub.running.stderr.expect("certificate replaced");
    assert_eq!(hub.certificate().await, *identities[1].cert.der());
    // The stream from before is still open.
    hub.publish("a", "7").await;
    let mut numbers = Numbers::default();
    while numbers.seen.is_empty() {
        let mut buffer = [0; 4096];
        let count = timeout(test_timeout(), stream.read(&mut buffer)).await;
        let count = count.unwrap().unwrap();
        assert_ne!(count, 0, "the stream has ended");
        numbers.push(&buffer[..count]);
    }
}

#[tokio::test]
async fn an_expired_certificate_is_a_warning() {
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let signing_key = rcgen::KeyPair::generate().unwrap();
    let cert = params.self_signed(&signing_key).unwrap();
    let mut hub = SecureHub::start(&[rcgen::CertifiedKey { cert, signing_key }], []);
    hub.running.stderr.expect("certificate expired");
}

/// Checks that clients that do not finish the handshake do not delay others, and are disconnected.
#[tokio::test]
async fn a_handshake_that_never_finishes_is_closed() {
    let hub = SecureHub::start(&[identity()], []);
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(("127.0.0.1", hub.port)).await.unwrap());
    }
    hub.certificate().await;
    for mut connection in silent {
        let read = timeout(test_timeout(), connection.read(&mut [0; 16])).await;
        assert_eq!(read.expect("the hub closes it").unwrap_or(0), 0);
    }
}

#[tokio::test]
async fn a_client_that_stops_reading_is_given_up() {
    let hub = SecureHub::start(&[identity()], ["--write-timeout=1", "--max-lag=1000000"]);
    let _over_http1 = hub.open_stream("topic=a").await;
    let connection = Http2::over(hub.connect(b"h2").await, 1 << 30).await;
    // This client reads its connection, but gives it no more window.
    let _body = connection.subscribe("topic=a").await;
    hub.has_subscribers(2).await;
    let data = "x".repeat(1_000_000);
    for _ in 0..30 {
        hub.publish("a", &data).await;
    }
    hub.has_subscribers(0).await;
}

#[tokio::test]
async fn a_client_that_leaves_is_detected() {
    let hub = SecureHub::start(&[identity()], []);
    let over_http1 = hub.open_stream("topic=a").await;
    let connection = Http2::over(hub.connect(b"h2").await, 1 << 20).await;
    let body = connection.subscribe("topic=a").await;
    hub.has_subscribers(2).await;
    drop(over_http1);
    hub.has_subscribers(1).await;
    drop((body, connection));
    hub.has_subscribers(0).await;
}

#[tokio::test]
async fn a_shutdown_closes_each_stream_with_an_event() {
    let mut hub = SecureHub::start(&[identity()], []);
    let mut over_http1 = hub.open_stream("topic=a").await;
    let connection = Http2::over(hub.connect(b"h2").await, 1 << 20).await;
    let mut over_http2 = connection.subscribe("topic=a").await;
    let _silent = TcpStream::connect(("127.0.0.1", hub.port)).await.unwrap();
    hub.has_subscribers(2).await;
    hub.signal(Signal::TERM);
    let mut text = String::new();
    let reading = timeout(test_timeout(), over_http1.read_to_string(&mut text)).await;
    reading.expect("in time").expect("an end with close_notify");
    assert!(text.contains("event: closing\n"), "{text}");
    assert!(rest(&mut over_http2).await.contains("event: closing\n"));
    assert!(hub.running.wait().success());
    assert!(!hub.path("hub.sock").exists());
}
