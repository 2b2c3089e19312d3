//! `https`, with roots of trust of the caller's own.
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
use rcgen::{Certificate, CertifiedKey};
use running::{Listener, Service};
use rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types::PrivateKeyDer};
use serde_json::json;
use sse_hyper::Event;
use sse_source::{EventSource, Item, Reason, Transport};
use support::{end, events, next, soon};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A server for `localhost`, and the certificate to trust.
async fn start() -> (SocketAddr, Certificate) {
    let names = ["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
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

/// An event that says by which version of HTTP it was asked for.
async fn respond(
    request: Request<Incoming>,
) -> Result<Response<sse_hyper::EventBody<impl sse_hyper::EventStream>>, Infallible> {
    let version = match request.version() {
        Version::HTTP_2 => "2",
        _ => "1",
    };
    Ok(sse_hyper::Streams::default().respond(&request, stream::iter([Event::new(version)])))
}

#[tokio::test]
async fn http2_is_agreed_on_and_strangers_are_not_trusted() {
    let (address, certificate) = start().await;
    let url = format!("https://localhost:{}/", address.port());
    let open = |transport| {
        EventSource::get(&url)
            .with_settings(soon())
            .with_transport(transport)
            .open()
            .unwrap()
    };

    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
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
        panic!("it is connected");
    };
    assert_eq!(disconnected.reason, Reason::NetworkError);
    let why = disconnected.to_string();
    assert!(why.contains("certificate"), "{why}");
    assert_eq!(end(&mut source).await, Reason::NetworkError);
}

/// The test service is asked, for the roots of trust are of a process.
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
