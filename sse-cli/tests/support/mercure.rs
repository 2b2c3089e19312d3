//! A hub with the Mercure protocol, and tokens for it.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use http::{Method, header::AUTHORIZATION, request::Builder};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sse_source::EventSource;
use tempfile::TempDir;

use super::{
    hub::{Follower, Hub, Reply},
    sse,
};

/// URL of the hub, as its clients know it.
pub(crate) const URL: &str = "http://hub.example/.well-known/mercure";
pub(crate) const PATH: &str = "/.well-known/mercure";
pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const SECRET: &str = "a shared secret of more than 32 bytes";
const DETAIL_TYPE: &str = "https://mercure.rocks/authorization-detail";

pub(crate) struct MercureHub {
    pub(crate) hub: Hub,
    _folder: TempDir,
}

impl MercureHub {
    pub(crate) fn start<const N: usize>(options: [&str; N]) -> Self {
        Self::start_at(URL, options)
    }

    /// Starts a hub with this URL.
    pub(crate) fn start_at<const N: usize>(url: &str, options: [&str; N]) -> Self {
        let key = format!("{{ key = {SECRET:?}, algorithm = \"HS256\" }}");
        let issuers =
            format!("[[issuer]]\nid = {ISSUER:?}\npublisher = {key}\nsubscriber = {key}\n");
        Self::start_command(url, &issuers, options)
    }

    /// Starts a hub with this file of issuers.
    pub(crate) fn start_with<const N: usize>(issuers: &str, options: [&str; N]) -> Self {
        Self::start_command(URL, issuers, options)
    }

    fn start_command<const N: usize>(url: &str, issuers: &str, options: [&str; N]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("issuers.toml");
        fs::write(&path, issuers).unwrap();
        let mut command = sse(["hub", "--mercure", url]);
        command.arg("--mercure-issuers").arg(&path).args(options);
        if !options.iter().any(|option| option.starts_with("--listen")) {
            command.arg("--listen=127.0.0.1:0");
        }
        let keeps = |option: &&str| option.starts_with("--store") || option.starts_with("--nats");
        if !options.iter().any(keeps) {
            command.arg("--no-store");
        }
        Self {
            hub: Hub::start_command(&mut command),
            _folder: folder,
        }
    }

    pub(crate) fn request(&self, method: Method, query: &str, token: Option<&str>) -> Builder {
        let request = self.hub.request(method, &format!("{PATH}{query}"));
        match token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    /// Sends an update with a token that may publish everything.
    pub(crate) async fn publish(&self, form: &[(&str, &str)]) -> Reply {
        self.publish_as(&token(&["publish"], json!([{"match": "*"}])), form)
            .await
    }

    pub(crate) async fn publish_as(&self, token: &str, form: &[(&str, &str)]) -> Reply {
        let request = self.request(Method::POST, "", Some(token));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.hub.send(request, self::form(form)).await
    }

    /// Publishes an update, and returns its ID. Panics if the hub refuses it.
    pub(crate) async fn update(&self, form: &[(&str, &str)]) -> String {
        let reply = self.publish(form).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.text
    }

    /// Subscribes with a token, or without one.
    pub(crate) fn source(&self, query: &str, token: Option<&str>) -> sse_source::Builder {
        let source = EventSource::get(format!("http://{}{PATH}?{query}", self.hub.address));
        match token {
            Some(token) => source.bearer_auth(token),
            None => source,
        }
    }

    /// Creates a subscriber, and waits until its stream is open.
    pub(crate) async fn follow(&self, query: &str, token: Option<&str>) -> Follower {
        Follower::new(self.source(query, token)).await
    }

    /// Returns the status of a subscription that the hub refuses.
    pub(crate) async fn get(&self, query: &str, token: Option<&str>) -> Reply {
        self.hub
            .send(self.request(Method::GET, query, token), "")
            .await
    }
}

/// Encodes fields as a form or a query.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).finish()
}

/// Returns the time in seconds since 1970.
pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// Returns claims that grant these actions on these topics for an hour.
pub(crate) fn claims(actions: &[&str], topics: Value) -> Value {
    json!({
        "iss": ISSUER,
        "aud": URL,
        "exp": now() + 3600,
        "sub": "alice",
        "authorization_details": [{"type": DETAIL_TYPE, "actions": actions, "topics": topics}],
    })
}

/// Signs claims.
pub(crate) fn sign(claims: &Value) -> String {
    let header = Header {
        typ: Some("at+jwt".to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    let key = EncodingKey::from_secret(SECRET.as_bytes()).unwrap();
    encode(&header, claims, &key).unwrap()
}

/// Returns a token that grants these actions on these topics.
pub(crate) fn token(actions: &[&str], topics: Value) -> String {
    sign(&claims(actions, topics))
}
