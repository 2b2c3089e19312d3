//! Access tokens of a hub, and the file of issuers that makes the hub accept them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

/// URL of the hub, as its clients know it: the audience of the tokens.
pub const HUB_URL: &str = "http://hub.example/.well-known/mercure";

/// Path of the hub.
pub const HUB_PATH: &str = "/.well-known/mercure";

const ISSUER: &str = "https://issuer.example";
const SECRET: &str = "a shared secret of more than 32 bytes";

/// Time for which a token is valid.
const TOKEN_TIME: Duration = Duration::from_secs(24 * 3600);

/// Returns the file of issuers.
pub fn issuers() -> String {
    let key = format!("{{ key = {SECRET:?}, algorithm = \"HS256\" }}");
    format!("[[issuer]]\nid = {ISSUER:?}\npublisher = {key}\nsubscriber = {key}\n")
}

/// Returns a token that grants this action, `publish` or `subscribe`, on all topics.
///
/// # Errors
///
/// Returns an error if the clock is wrong.
pub fn token(action: &str) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let detail = "https://mercure.rocks/authorization-detail";
    let claims = json!({
        "iss": ISSUER,
        "aud": HUB_URL,
        "exp": (now + TOKEN_TIME).as_secs(),
        "sub": "alice",
        "authorization_details": [
            {"type": detail, "actions": [action], "topics": [{"match": "*"}]},
        ],
    });
    let header = Header {
        typ: Some("at+jwt".to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    let key = EncodingKey::from_secret(SECRET.as_bytes())?;
    Ok(encode(&header, &claims, &key)?)
}
