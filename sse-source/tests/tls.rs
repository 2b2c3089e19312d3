//! `https` with custom root certificates and client certificates.
#![cfg(feature = "rustls")]

mod running;
mod support;

use std::{convert::Infallible, env, fs, net::SocketAddr, sync::Arc};

use futures_util::stream;
use http::{Request, Response, Version};
use hyper::{body::Incoming, service::service_fn};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rcgen::{Certificate, CertifiedKey, KeyPair};
use running::{Listener, Service};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, pki_types::PrivateKeyDer,
    server::WebPkiClientVerifier,
};
use serde_json::json;
use sse_hyper::Event;
use sse_source::{DisconnectReason, EventSource, Item, Proxy, TlsError, Transport};
use support::{end, events, next, soon};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// Starts a server for `localhost`. Returns its address and the certificate to trust.
async fn start() -> (SocketAddr, Certificate) {
    start_for(None).await
}

/// Starts a server for clients with this certificate, or for all clients.
async fn start_for(client: Option<&Certificate>) -> (SocketAddr, Certificate) {
    let CertifiedKey { cert, signing_key } = identity();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let builder = ServerConfig::builder();
    let builder = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots(client)));
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let mut config = builder
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            if let Ok(connection) = acceptor.accept(connection).await {
                let server = auto::Builder::new(TokioExecutor::new());
                tokio::spawn(async move {
                    let connection = TokioIo::new(connection);
                    let _ = server
                        .serve_connection(connection, service_fn(respond))
                        .await;
                });
            }
        }
    });
    (address, cert)
}

fn identity() -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

fn roots(certificate: &Certificate) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    roots
}

/// Responds with an event that holds the HTTP version of the request.
async fn respond(
    request: Request<Incoming>,
) -> Result<Response<sse_hyper::EventBody<impl sse_hyper::EventStream>>, Infallible> {
    let version = match request.version() {
        Version::HTTP_2 => "2",
        _ => "1",
    };
    Ok(sse_hyper::StreamTracker::default().respond(&request, stream::iter([Event::new(version)])))
}

#[tokio::test]
async fn http2_is_agreed_on_and_strangers_are_not_trusted() {
    let (address, certificate) = start().await;
    let url = format!("https://localhost:{}/", address.port());
    let open = |transport| {
        EventSource::get(&url)
            .config(soon())
            .transport(transport)
            .build()
            .unwrap()
    };

    let config = ClientConfig::builder()
        .with_root_certificates(roots(&certificate))
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_all_versions()
        .build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let mut source = open(Transport::from_service(client));
    assert_eq!(events(&mut source, 2).await, ["2", "2"]);

    let mut source = open(Transport::new());
    let Some(Ok(Item::Disconnected(disconnected))) = next(&mut source).await else {
        panic!("the source is connected");
    };
    assert_eq!(disconnected.reason, DisconnectReason::NetworkError);
    let why = disconnected.to_string();
    assert!(why.contains("certificate"), "{why}");
    assert_eq!(end(&mut source).await, DisconnectReason::NetworkError);
}

/// Uses the test service, because a process reads the root certificates only once.
#[tokio::test]
async fn the_roots_of_the_machine_are_trusted() {
    let (address, certificate) = start().await;
    let file = env::temp_dir().join(format!("roots-{}.pem", address.port()));
    fs::write(&file, certificate.pem()).unwrap();
    let service = Service::start_with(&[("SSL_CERT_FILE", &file)]);
    let url = format!("https://localhost:{}/", address.port());
    let mut listener = Listener::start().await;
    service.open(&url, &listener, json!({})).await;
    assert_eq!(listener.next().await["kind"], "comment");
    assert_eq!(listener.event().await, ["message", "2", ""]);
    fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn certificates_of_the_caller_are_trusted_and_shown() {
    let client = identity();
    let (address, certificate) = start_for(Some(&client.cert)).await;
    let url = format!("https://localhost:{}/", address.port());
    let (chain, key) = (client.cert.pem(), client.signing_key.serialize_pem());
    let trusting = || {
        let root = certificate.pem();
        Transport::builder()
            .root_certificates(root.as_bytes())
            .unwrap()
    };
    let send = async |transport| {
        let request = EventSource::get(&url).transport(transport);
        request.send().await
    };
    for (chain, key) in [
        (&chain, &key),
        (&(chain.clone() + &key), &(chain.clone() + &key)),
    ] {
        let builder = trusting().client_certificate(chain.as_bytes(), key.as_bytes());
        let _ = send(builder.unwrap().build()).await.unwrap();
    }
    let error = send(trusting().build()).await.unwrap_err();
    assert!(
        error
            .report()
            .to_string()
            .to_lowercase()
            .contains("certificate"),
        "{error}"
    );
    let builder = Transport::builder().client_certificate(chain.as_bytes(), key.as_bytes());
    let error = send(builder.unwrap().build()).await.unwrap_err();
    assert!(
        error
            .report()
            .to_string()
            .to_lowercase()
            .contains("certificate"),
        "{error}"
    );
}

#[test]
fn a_certificate_that_cannot_be_used_is_an_error() {
    let (one, other) = (identity(), identity());
    let (chain, key) = (one.cert.pem(), one.signing_key.serialize_pem());
    let other_key = other.signing_key.serialize_pem();
    let invalid = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    let root = |pem: &str| {
        Transport::builder()
            .root_certificates(pem.as_bytes())
            .unwrap_err()
    };
    assert!(matches!(root(""), TlsError::NoCertificate));
    assert!(matches!(root(&key), TlsError::NoCertificate));
    assert!(matches!(root(invalid), TlsError::Certificate(_)));
    assert!(matches!(root(broken), TlsError::Certificate(_)));
    let client = |chain: &str, key: &str| {
        let builder = Transport::builder();
        builder
            .client_certificate(chain.as_bytes(), key.as_bytes())
            .unwrap_err()
    };
    assert!(matches!(client("", &key), TlsError::NoCertificate));
    assert!(matches!(client(&chain, ""), TlsError::NoKey));
    assert!(matches!(client(&chain, &chain), TlsError::NoKey));
    assert!(matches!(client(&chain, &other_key), TlsError::Key(_)));
}

/// Starts a proxy that connects to the target of the request.
async fn start_proxy() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(client.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let target = head.strip_prefix("CONNECT ").unwrap();
            assert!(
                head.contains("\r\nProxy-Authorization: Basic dTpw\r\n"),
                "{head}"
            );
            let target = target.split_once(' ').unwrap().0;
            let mut server = TcpStream::connect(target).await.unwrap();
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    address
}

#[tokio::test]
async fn a_proxy_tunnels_https() {
    let (address, certificate) = start().await;
    let proxy = format!("http://u:p@{}", start_proxy().await);
    let transport = Transport::builder()
        .proxy(Proxy::all(&proxy).unwrap())
        .root_certificates(certificate.pem().as_bytes())
        .unwrap()
        .build();
    let mut source = EventSource::get(format!("https://localhost:{}/", address.port()))
        .config(soon())
        .transport(transport)
        .build()
        .unwrap();
    assert_eq!(events(&mut source, 2).await, ["2", "2"]);
}
