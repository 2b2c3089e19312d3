//! `sse hub` with the Mercure protocol, and tokens for it.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use testkit::port;

use crate::{
    folder,
    process::{Process, output},
    server,
};

/// Secret with which publishers and subscribers sign their tokens: that of the examples for hubs of Mercure.
pub const SECRET: &str = "!ChangeThisMercureHubJWTSecretKey!";

/// Issuer of the tokens.
const ISSUER: &str = "https://issuer.example";

/// Lifetime of a token, in seconds.
const TOKEN_LIFETIME: u64 = 3600;

/// Running `sse hub`, which keeps its events in memory.
#[derive(Debug)]
pub struct Hub {
    /// Port of the hub.
    pub port: u16,
    path: &'static str,
    _process: Process,
}

impl Hub {
    /// Starts a hub for the current draft, with more options.
    pub fn start(options: &[&str]) -> Result<Self> {
        Self::start_at("/.well-known/mercure", options)
    }

    /// Starts a hub for the current draft and earlier ones, with more options. Clients without a token may subscribe.
    pub fn start_compatible(options: &[&str]) -> Result<Self> {
        let compatible = ["--mercure-compatibility", "--mercure-anonymous"];
        // Cookies do not depend on ports. A browser with cookies for two hubs needs another path for one of them.
        Self::start_at("/hub", &[&compatible, options].concat())
    }

    fn start_at(path: &'static str, options: &[&str]) -> Result<Self> {
        let port = port::free()?;
        let key = format!("{{ key = {SECRET:?}, algorithm = \"HS256\" }}");
        let issuers = folder::scratch("mercure")?.join("issuers.toml");
        fs::write(
            &issuers,
            format!("[[issuer]]\nid = {ISSUER:?}\npublisher = {key}\nsubscriber = {key}\n"),
        )?;
        let mut command = Command::new(folder::prepared("sse")?);
        command.args(["hub", "--listen", &format!("127.0.0.1:{port}")]);
        command.args(["--mercure", &server::url(port, path), "--no-store"]);
        command.arg("--mercure-issuers").arg(issuers).args(options);
        Ok(Self {
            port,
            path,
            _process: Process::listening(&mut command, port)?,
        })
    }

    /// Returns the URL of the hub.
    pub fn url(&self) -> String {
        self.url_at(self.port)
    }

    /// Returns the URL of the hub through a proxy with this port.
    pub fn url_at(&self, port: u16) -> String {
        server::url(port, self.path)
    }

    /// Returns a `Set-Cookie` header with a token for this hub.
    pub fn cookie(&self, name: &str, token: &str) -> String {
        format!(
            "{name}={token}; Path={}; Secure; HttpOnly; SameSite=Strict",
            self.path
        )
    }

    /// Publishes an update with curl, and returns its ID.
    pub fn publish(&self, token: &str, form: &[(&str, &str)]) -> Result<String> {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--fail-with-body", "--noproxy", "*"]);
        curl.args(["--oauth2-bearer", token]);
        for (name, value) in form {
            curl.args(["--data-urlencode", &format!("{name}={value}")]);
        }
        let id = output(curl.arg(self.url()))?;
        Ok(String::from_utf8(id)?)
    }

    /// Returns a token of the current draft that allows these actions on all topics.
    pub fn token(&self, actions: &[&str]) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let claims = json!({
            "iss": ISSUER,
            "aud": self.url(),
            "exp": now + TOKEN_LIFETIME,
            "authorization_details": [{
                "type": "https://mercure.rocks/authorization-detail",
                "actions": actions,
                "topics": [{"match": "*"}],
            }],
        });
        sign(Some("at+jwt"), &claims)
    }
}

/// Returns a token of earlier drafts that allows these actions on these topics. It does not expire.
pub fn earlier_token(actions: &[&str], topics: &[&str]) -> Result<String> {
    let claim: BTreeMap<_, _> = actions.iter().map(|action| (action, topics)).collect();
    sign(None, &json!({ "mercure": claim }))
}

fn sign(media_type: Option<&str>, claims: &Value) -> Result<String> {
    let header = Header {
        typ: media_type.map(str::to_owned),
        ..Header::new(Algorithm::HS256)
    };
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    Ok(encode(&header, claims, &key?)?)
}
