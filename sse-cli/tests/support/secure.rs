//! The hub with TLS. Its publishers use a Unix socket.

use std::{fs, path::PathBuf, process::Command, sync::Arc};

use rcgen::{CertifiedKey, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tempfile::TempDir;
use testkit::timeout::test_timeout;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Running, hub::TOKEN, sse};

/// Certificate of a server and its key.
pub(crate) type Identity = CertifiedKey<KeyPair>;

/// Creates an identity of `localhost`.
pub(crate) fn identity() -> Identity {
    rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap()
}

pub(crate) struct SecureHub {
    pub(crate) running: Running,
    pub(crate) port: u16,
    pub(crate) directory: TempDir,
    roots: RootCertStore,
}

impl SecureHub {
    /// Starts a hub with the first of these identities. Its clients trust all of them.
    pub(crate) fn start<const N: usize>(identities: &[Identity], options: [&str; N]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut roots = RootCertStore::empty();
        for identity in identities {
            roots.add(identity.cert.der().clone()).unwrap();
        }
        install(&directory, &identities[0]);
        let path = |name: &str| directory.path().join(name);
        let mut command = sse(["hub", "--listen=127.0.0.1:0"]);
        command
            .arg(format!("--listen=unix:{}", path("hub.sock").display()))
            .args(options)
            .env("SSE_HUB_TLS_CERT", path("cert.pem"))
            .env("SSE_HUB_TLS_KEY", path("key.pem"))
            .env("SSE_HUB_PUBLISH_TOKEN", TOKEN);
        let mut running = Running::start(&mut command);
        running.stdout.expect("hub.sock\n");
        let lines = running.stdout.seen();
        let (url, _) = lines.split_once("/\n").unwrap();
        let port = url.strip_prefix("https://127.0.0.1:").unwrap();
        Self {
            port: serde_json::from_str(port).unwrap(),
            running,
            directory,
            roots,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Replaces the files of the certificate.
    pub(crate) fn install(&self, identity: &Identity) {
        install(&self.directory, identity);
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.running.child), signal).unwrap();
    }

    /// Connects with TLS and this protocol of ALPN.
    pub(crate) async fn connect(&self, protocol: &[u8]) -> TlsStream<TcpStream> {
        let mut config =
            ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(self.roots.clone())
                .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let socket = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, socket);
        timeout(test_timeout(), connecting).await.unwrap().unwrap()
    }

    /// Returns the certificate that a new connection gets.
    pub(crate) async fn certificate(&self) -> CertificateDer<'static> {
        let connection = self.connect(b"h2").await;
        let chain = connection.get_ref().1.peer_certificates().unwrap();
        chain[0].clone().into_owned()
    }

    /// Opens a stream over HTTP/1.1.
    pub(crate) async fn open_stream(&self, query: &str) -> TlsStream<TcpStream> {
        let mut connection = self.connect(b"http/1.1").await;
        let request = format!("GET /events?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        connection
    }

    /// Publishes data.
    pub(crate) async fn publish(&self, topic: &str, data: &str) {
        let head = format!("POST /publish?topic={topic}");
        let headers = format!(
            "Authorization: Bearer {TOKEN}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n",
            data.len()
        );
        let answer = self.exchange(&head, &headers, data).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }

    /// Waits until there is this number of subscribers.
    pub(crate) async fn has_subscribers(&self, count: usize) {
        let expected = format!("\nsse_hub_subscribers {count}\n");
        let waiting = timeout(test_timeout(), async {
            while !self
                .exchange("GET /metrics", "", "")
                .await
                .contains(&expected)
            {
                sleep(std::time::Duration::from_millis(20)).await;
            }
        });
        assert!(waiting.await.is_ok(), "there are not {count} subscribers");
    }

    /// Sends a request over the Unix socket, and returns the whole answer.
    async fn exchange(&self, head: &str, headers: &str, body: &str) -> String {
        let mut connection = UnixStream::connect(self.path("hub.sock")).await.unwrap();
        let request = format!(
            "{head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n{body}"
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let reading = timeout(test_timeout(), connection.read_to_string(&mut answer));
        reading.await.unwrap().unwrap();
        answer
    }
}

fn install(directory: &TempDir, identity: &Identity) {
    let path = |name: &str| directory.path().join(name);
    fs::write(path("cert.pem"), identity.cert.pem()).unwrap();
    fs::write(path("key.pem"), identity.signing_key.serialize_pem()).unwrap();
}

/// Runs curl, and returns its output. Panics if it fails.
pub(crate) fn curl<const N: usize>(arguments: [&str; N]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "180"])
        .args(arguments)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).unwrap()
}
