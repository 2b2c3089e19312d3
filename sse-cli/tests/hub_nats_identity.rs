//! `sse hub` with NATS servers that require credentials, and whose certificates it must trust. These tests need
//! `nats-server`.
#![cfg(feature = "nats")]

mod support;

use std::{fs, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa};
use serde_json::{Value, json};
use support::{hub::Hub, run, sse};
use tempfile::TempDir;
use testkit::{nats::Nats, timeout::test_timeout};
use tokio::time::{sleep, timeout};

/// Secret in all credentials, which no log may contain.
const SECRET: &str = "s3cret";

/// Starts a hub with the log level trace.
fn start(url: &str, options: &[String]) -> Hub {
    let mut command = sse(["hub", "--listen=127.0.0.1:0", "--log=trace"]);
    command.arg(format!("--nats={url}")).args(options);
    Hub::start_command(command.env("SSE_HUB_PUBLISH_TOKEN", support::hub::TOKEN))
}

async fn is_accepted(url: &str, options: &[String]) {
    let hub = start(url, options);
    let healthy = async {
        while hub.get("/healthz").await.status != 200 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    let healthy = timeout(test_timeout(), healthy).await;
    healthy.unwrap_or_else(|_| panic!("{url} {options:?}"));
    hub.news("a", "b").await;
    assert_silent(hub);
}

/// Checks that NATS refuses the hub, and that the hub logs this reason.
async fn is_refused(url: &str, options: &[String], reason: &str) {
    let mut hub = start(url, options);
    hub.running.stderr.expect("backend is disconnected");
    hub.running.stderr.expect(reason);
    assert_eq!(hub.get("/healthz").await.status, 503, "{url} {options:?}");
    assert_silent(hub);
}

fn assert_silent(mut hub: Hub) {
    hub.running.child.kill().unwrap();
    let log = hub.running.stderr.rest();
    assert!(log.contains("TRACE"), "{log}");
    if let Some(at) = log.find(SECRET) {
        panic!("{}", &log[at.saturating_sub(300)..at + SECRET.len()]);
    }
}

fn option(name: &str, value: impl AsRef<Path>) -> String {
    format!("--nats-{name}={}", value.as_ref().display())
}

#[tokio::test]
async fn user_and_password() {
    let config = format!(r#"authorization {{ user: "me", password: "{SECRET}" }}"#);
    let nats = Nats::configured(&config).unwrap();
    let at = |user: &str| format!("nats://{user}127.0.0.1:{}", nats.port());
    let options = |user, password| [option("user", user), option("password", password)];
    is_accepted(&at(&format!("me:{SECRET}@")), &[]).await;
    is_accepted(&at(""), &options("me", SECRET)).await;
    let reason = "authorization violation";
    is_refused(&at(&format!("you:{SECRET}@")), &[], reason).await;
    is_refused(&at(""), &options("you", SECRET), reason).await;
    is_refused(&at(""), &[], reason).await;
}

#[tokio::test]
async fn token() {
    let config = format!(r#"authorization {{ token: "{SECRET}" }}"#);
    let nats = Nats::configured(&config).unwrap();
    let at = |user: &str| format!("nats://{user}127.0.0.1:{}", nats.port());
    is_accepted(&at(&format!("{SECRET}@")), &[]).await;
    is_accepted(&at(""), &[option("token", SECRET)]).await;
    let wrong = format!("{SECRET}er");
    let reason = "authorization violation";
    is_refused(&at(&format!("{wrong}@")), &[], reason).await;
    is_refused(&at(""), &[option("token", wrong)], reason).await;
}

#[tokio::test]
async fn nkey() {
    let (right, wrong) = (KeyPair::new_user(), KeyPair::new_user());
    let config = format!(
        "authorization {{ users: [{{ nkey: {} }}] }}",
        right.public_key()
    );
    let nats = Nats::configured(&config).unwrap();
    let folder = TempDir::new().unwrap();
    let file = |name: &str, key: &KeyPair| {
        let file = folder.path().join(name);
        fs::write(&file, key.seed().unwrap() + "\n").unwrap();
        option("nkey", file)
    };
    is_accepted(&nats.url(), &[file("right", &right)]).await;
    is_refused(
        &nats.url(),
        &[file("wrong", &wrong)],
        "authorization violation",
    )
    .await;
}

/// Returns a JWT in the form of `nsc`, signed by this key.
fn jwt(issuer: &KeyPair, subject: &KeyPair, claims: Value) -> String {
    let encode = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let head = encode(json!({"typ": "JWT", "alg": "ed25519-nkey"}));
    let body = encode(json!({
        "jti": subject.public_key(),
        "iat": 1_700_000_000,
        "iss": issuer.public_key(),
        "name": "test",
        "sub": subject.public_key(),
        "nats": claims,
    }));
    let signed = format!("{head}.{body}");
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn credentials_file() {
    let operator = KeyPair::new_operator();
    let [account, system, stranger] = [(); 3].map(|()| KeyPair::new_account());
    let of_account = |account: &KeyPair| {
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1, "leaf": -1,
            "wildcards": true, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
        });
        let claims = json!({"limits": limits, "type": "account", "version": 2});
        format!(
            "{}: {}",
            account.public_key(),
            jwt(&operator, account, claims)
        )
    };
    // The account of the system may have no streams.
    let of_system = json!({
        "limits": {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1,
            "leaf": -1, "wildcards": true},
        "type": "account",
        "version": 2,
    });
    let config = format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n{}\n{}: {}\n}}",
        jwt(
            &operator,
            &operator,
            json!({"type": "operator", "version": 2})
        ),
        system.public_key(),
        of_account(&account),
        system.public_key(),
        jwt(&operator, &system, of_system),
    );
    let nats = Nats::configured(&config).unwrap();
    let folder = TempDir::new().unwrap();
    let file = |name: &str, issuer: &KeyPair| {
        let user = KeyPair::new_user();
        let claims = json!({"subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2});
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            jwt(issuer, &user, claims),
            user.seed().unwrap()
        );
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        option("credentials", file)
    };
    is_accepted(&nats.url(), &[file("right", &account)]).await;
    let reason = "authorization violation";
    is_refused(&nats.url(), &[file("wrong", &stranger)], reason).await;
    is_refused(&nats.url(), &[], reason).await;
}

/// Certificate authority, with its certificates as files.
struct Root {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, rcgen::KeyPair>,
}

impl Root {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let root = Self {
            folder: TempDir::new().unwrap(),
            issuer: CertifiedIssuer::self_signed(params, key).unwrap(),
        };
        fs::write(root.file("ca.pem"), root.issuer.pem()).unwrap();
        root
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Creates a certificate for this name, and its key.
    fn certified(&self, name: &str) -> [String; 2] {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        let files = ["pem", "key"].map(|extension| self.file(&format!("{name}.{extension}")));
        fs::write(&files[0], cert.pem()).unwrap();
        fs::write(&files[1], key.serialize_pem()).unwrap();
        files
    }

    /// Returns the configuration of a NATS server with a certificate of this root.
    fn config(&self, more: &str) -> String {
        let [cert, key] = self.certified("127.0.0.1");
        let ca = self.file("ca.pem");
        format!(r#"tls {{ cert_file: "{cert}", key_file: "{key}", ca_file: "{ca}" {more} }}"#)
    }
}

#[tokio::test]
async fn private_root() {
    let (right, wrong) = (Root::new(), Root::new());
    let config = right.config("") + &format!("\nauthorization {{ token: \"{SECRET}\" }}");
    let nats = Nats::configured(&config).unwrap();
    let url = format!("tls://{SECRET}@127.0.0.1:{}", nats.port());
    let ca = |root: &Root| [option("ca", root.file("ca.pem"))];
    is_accepted(&url, &ca(&right)).await;
    // The log has the whole chain of causes, and not only "IO error".
    is_refused(&url, &ca(&wrong), "invalid peer certificate").await;
    is_refused(&url, &[], "invalid peer certificate").await;
    // A client with a root certificate sends no token to a server without TLS.
    let plain = Nats::configured("").unwrap();
    is_refused(&plain.url(), &ca(&right), "not connected to NATS").await;
}

/// Checks that a root certificate that was deleted does not lead to an unencrypted connection. The files are read for
/// each connection.
#[tokio::test]
async fn a_root_that_has_gone() {
    let root = Root::new();
    let ca = root.file("ca.pem");
    let mut nats = Nats::down().unwrap();
    let url = format!("nats://{SECRET}@127.0.0.1:{}", nats.port());
    let mut hub = start(&url, &[option("ca", &ca)]);
    hub.running.stderr.expect("backend is disconnected");
    fs::remove_file(ca).unwrap();
    nats.up().unwrap();
    // At the third attempt, the second one has reached the server.
    hub.running.stderr.expect_times("--nats-ca: ", 3);
    assert_eq!(hub.get("/healthz").await.status, 503);
    assert_silent(hub);
}

#[tokio::test]
async fn client_certificate() {
    let (right, wrong) = (Root::new(), Root::new());
    let nats = Nats::configured(&right.config(", verify: true")).unwrap();
    let with = |root: &Root| {
        let [cert, key] = root.certified("hub");
        let ca = option("ca", right.file("ca.pem"));
        [ca, option("cert", cert), option("key", key)]
    };
    is_accepted(&nats.url(), &with(&right)).await;
    is_refused(&nats.url(), &with(&wrong), "not connected to NATS").await;
    is_refused(&nats.url(), &with(&right)[..1], "not connected to NATS").await;
}

#[test]
fn what_cannot_be_is_told_at_once() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, format!("{SECRET}\n")).unwrap();
    let missing = folder.path().join("missing");
    for (options, code, reason) in [
        (
            vec![option("credentials", &file)],
            1,
            "--nats-credentials: ",
        ),
        (vec![option("nkey", &file)], 1, "no seed in it"),
        (vec![option("ca", &file)], 1, "no `CERTIFICATE-----` in it"),
        (vec![option("ca", &missing)], 1, "No such file"),
        (vec![option("cert", &file)], 2, "--nats-key"),
        (vec![option("key", &file)], 2, "--nats-cert"),
        (vec![option("user", "me")], 2, "--nats-password"),
        (
            vec![option("token", SECRET), option("nkey", &file)],
            2,
            "cannot be used with",
        ),
    ] {
        let mut command = sse(["hub", "--listen=127.0.0.1:0", "--nats=127.0.0.1"]);
        let done = run(command.args(&options), "");
        assert_eq!((done.code, &*done.stdout), (Some(code), ""), "{options:?}");
        let is_told = done.stderr.contains(reason) && !done.stderr.contains(SECRET);
        assert!(is_told, "{}", done.stderr);
    }
}
