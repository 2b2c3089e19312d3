//! `sse get`: proxies, certificates and time limits of its connections.

mod support;

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
    thread,
};

use rcgen::{Certificate, CertifiedKey, KeyPair};
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer,
    server::WebPkiClientVerifier,
};
use support::{Answer, Done, Running, Server, run, sse, stream};

/// Starts a proxy that answers requests itself.
fn proxy() -> Server {
    Server::start([Answer::End(stream("data: a\n\n"))])
}

/// Prints one event of the URL.
fn get(url: &str, options: &[&str], variables: &[(&str, &str)]) -> Done {
    let mut command = sse(["get", "--no-reconnect", "-n1", url]);
    run(command.args(options).envs(variables.iter().copied()), "")
}

#[test]
fn proxies_are_those_of_the_environment_and_of_the_option() {
    let url = "name.invalid/x";
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let server = proxy();
        let address = server.address.to_string();
        let done = get(url, &[], &[(variable, &address)]);
        assert_eq!(done.stdout, "a\n", "{variable}: {}", done.stderr);
        let request = &server.requests()[0];
        assert!(
            request.starts_with("GET http://name.invalid/x HTTP/1.1\r\n"),
            "{request}"
        );
    }
    let server = proxy();
    let address = format!("http://u:p@{}", server.address);
    let done = get(
        url,
        &["--proxy", &address],
        &[("HTTP_PROXY", "127.0.0.1:1")],
    );
    assert_eq!(done.stdout, "a\n", "{}", done.stderr);
    assert!(server.requests()[0].contains("\r\nproxy-authorization: Basic dTpw\r\n"));
}

#[test]
fn hosts_of_no_proxy_are_connected_to() {
    for (variable, value) in [
        ("NO_PROXY", "127.0.0.1"),
        ("no_proxy", "10.0.0.0/8,127.0.0.0/8"),
    ] {
        let server = proxy();
        let done = get(
            &server.url(),
            &[],
            &[("HTTP_PROXY", "127.0.0.1:1"), (variable, value)],
        );
        assert_eq!(done.stdout, "a\n", "{}", done.stderr);
    }
}

#[test]
fn a_proxy_that_is_none_is_told() {
    for (options, variables, expected) in [
        (
            &["--proxy", "ftp://p"][..],
            &[][..],
            "--proxy: proxy \"ftp://p\" is neither",
        ),
        (
            &[],
            &[("HTTPS_PROXY", "x y")],
            "HTTPS_PROXY: proxy \"x y\" is neither",
        ),
    ] {
        let done = get("127.0.0.1:1", options, variables);
        assert_eq!(done.code, Some(1));
        assert!(done.stderr.contains(expected), "{}", done.stderr);
    }
}

#[test]
fn urls_are_taken_as_people_type_them() {
    let server = Server::start([Answer::End(stream("data: a\n\n"))]);
    let url = format!("{}/a b/ü?c=€", server.address);
    assert_eq!(get(&url, &[], &[]).stdout, "a\n");
    let request = &server.requests()[0];
    let line = "GET /a%20b/%C3%BC?c=%E2%82%AC HTTP/1.1\r\n";
    assert!(request.starts_with(line), "{request}");
}

#[test]
fn credentials_of_the_url_are_sent_and_not_shown() {
    let server = Server::start([Answer::End(support::respond("401 No", "", ""))]);
    let done = get(&format!("u:secret@{}/x", server.address), &[], &[]);
    assert!(server.requests()[0].contains("\r\nauthorization: Basic dTpzZWNyZXQ=\r\n"));
    assert!(!done.stderr.contains("secret"), "{}", done.stderr);
}

#[test]
fn an_event_beyond_the_limit_is_left_out() {
    let body = format!("data: {}\n\ndata: b\n\n", "x".repeat(1000));
    let server = Server::start([Answer::End(stream(body))]);
    let done = get(&server.url(), &["--limit", "100"], &[]);
    assert_eq!(done.stdout, "b\n");
    assert!(
        done.stderr.contains("limit of 100 bytes; event skipped"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_head_and_a_connection_can_have_a_limit() {
    let server = Server::start([Answer::Hang(Vec::new())]);
    let done = get(&server.url(), &["--head-timeout", "0.1"], &[]);
    assert_eq!(
        (done.code, &*done.stderr),
        (Some(1), "sse: no response in time\n")
    );

    // This server accepts connections, but does no TLS handshake.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let done = get(&url, &["--connect-timeout", "0.1"], &[]);
    assert_eq!(done.code, Some(1));
    assert!(
        done.stderr.contains("connecting took longer than 100ms"),
        "{}",
        done.stderr
    );

    // After a timeout, the client reconnects.
    let server = Server::start([
        Answer::Hang(Vec::new()),
        Answer::Hang(stream("retry: 1\ndata: a\n\n")),
    ]);
    let mut command = sse(["get", "--head-timeout", "0.1", &server.url()]);
    Running::start(&mut command).stdout.expect("a\n");
}

/// Starts a server that requires this client certificate, and returns its URL.
fn tls_server(identity: &CertifiedKey<KeyPair>, client: &Certificate) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(client.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build();
    let key = PrivateKeyDer::try_from(identity.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_client_cert_verifier(verifier.unwrap())
        .with_single_cert(vec![identity.cert.der().clone()], key);
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut connection = StreamOwned::new(tls, tcp.unwrap());
            // A client gets no response if it is not trusted, or does not trust the server.
            if connection.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {
                connection.write_all(&stream("data: a\n\n")).unwrap();
                connection.conn.send_close_notify();
                let _ = connection.flush();
            }
        }
    });
    format!("https://localhost:{port}/events")
}

#[test]
fn certificates_come_from_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let identity = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (server, client) = (identity(), identity());
    let url = tls_server(&server, &client.cert);
    let (chain, key) = (client.cert.pem(), client.signing_key.serialize_pem());
    for (name, text) in [
        ("root.pem", &server.cert.pem()),
        ("client.pem", &chain),
        ("client.key", &key),
        ("both.pem", &(chain.clone() + &key)),
        ("empty.pem", &String::new()),
    ] {
        fs::write(path(name), text).unwrap();
    }
    let (root, chain, key, both) = (
        path("root.pem"),
        path("client.pem"),
        path("client.key"),
        path("both.pem"),
    );
    for options in [
        &["--cacert", &root, "--cert", &chain, "--key", &key][..],
        &["--cacert", &root, "--cert", &both],
    ] {
        let done = get(&url, options, &[]);
        assert_eq!(done.stdout, "a\n", "{options:?}: {}", done.stderr);
    }
    for options in [&["--cacert", &*root][..], &["--cert", &both]] {
        let done = get(&url, options, &[]);
        assert_eq!((done.code, &*done.stdout), (Some(1), ""), "{options:?}");
        let stderr = done.stderr.to_lowercase();
        assert!(stderr.contains("certificate"), "{stderr}");
    }
    let empty = path("empty.pem");
    let missing = path("missing.pem");
    for (options, expected) in [
        (&["--cacert", &*empty][..], "there is no certificate in PEM"),
        (&["--cacert", &missing], "cannot read "),
        (&["--cert", &chain], "there is no private key in PEM"),
    ] {
        let done = get(&url, options, &[]);
        assert_eq!(done.code, Some(1));
        assert!(done.stderr.contains(expected), "{}", done.stderr);
    }
}
