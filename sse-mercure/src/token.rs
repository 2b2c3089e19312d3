//! Access tokens: JWTs of the profile [RFC 9068](https://www.rfc-editor.org/rfc/rfc9068).

use core::{error::Error, fmt, time::Duration};
use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{SystemTime, UNIX_EPOCH},
};

use jsonwebtoken::{Header, Validation, dangerous::insecure_decode_claims, decode, decode_header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Number, Value};

use crate::{Grants, KeySet, Limits, Matchers, authorization_details, legacy_claims::LegacyClaims};

/// Claims that a token of the current draft must have.
const REQUIRED_CLAIMS: [&str; 3] = ["exp", "iss", "aud"];

/// Media types of access tokens, in lower case.
const TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];

/// Role of a client that presents a token. An issuer may have different keys for each role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Publish updates.
    Publisher,
    /// Receive updates, and read active subscriptions.
    Subscriber,
}

/// Issuer of access tokens that the hub trusts, with its keys.
#[derive(Clone, Debug)]
pub struct Issuer {
    id: String,
    publisher: Arc<RwLock<KeySet>>,
    subscriber: Arc<RwLock<KeySet>>,
}

impl Issuer {
    /// Creates an issuer with this identifier, which is the claim `iss` of its tokens. Its keys are those of an empty
    /// set, so that no token is accepted.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            publisher: Arc::default(),
            subscriber: Arc::default(),
        }
    }

    /// Returns the identifier.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Replaces the keys for this role, also in all clones. Tokens that were accepted before stay accepted.
    pub fn set_keys(&self, role: Role, keys: KeySet) {
        *self
            .lock(role)
            .write()
            .unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// Returns the keys for this role.
    pub fn keys(&self, role: Role) -> KeySet {
        let keys = self.lock(role).read();
        keys.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self, role: Role) -> &RwLock<KeySet> {
        match role {
            Role::Publisher => &self.publisher,
            Role::Subscriber => &self.subscriber,
        }
    }
}

/// Validates access tokens for one hub.
#[derive(Clone, Debug)]
pub struct TokenValidator {
    resource: String,
    issuers: Vec<Issuer>,
    matchers: Matchers,
    limits: Limits,
}

impl TokenValidator {
    /// Creates a validator for the hub with this resource identifier, which is the claim `aud` of its tokens. It accepts
    /// tokens of these issuers.
    pub fn new(
        resource: impl Into<String>,
        issuers: Vec<Issuer>,
        matchers: Matchers,
        limits: Limits,
    ) -> Self {
        Self {
            resource: resource.into(),
            issuers,
            matchers,
            limits,
        }
    }

    /// Returns the issuers.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// Returns whether a token states the ID of a key that its issuer does not have for this role. Nothing of the token
    /// is verified.
    ///
    /// Use it to find out that the keys of an issuer have changed.
    pub fn has_unknown_key(&self, token: &str, role: Role) -> bool {
        let token = Some(token).filter(|token| token.len() <= self.limits.token_bytes);
        let header = token.and_then(|token| decode_header(token).ok());
        let (Some(token), Some(id)) = (token, header.and_then(|header| header.kid)) else {
            return false;
        };
        let issuers = self.stated_issuers(token);
        let is_unknown = |issuer: &&Issuer| !issuer.keys(role).contains_id(&id);
        !issuers.is_empty() && issuers.iter().all(is_unknown)
    }

    /// Validates a token for this role.
    ///
    /// With [`Compatibility::Draft7`](crate::Compatibility::Draft7), a token with the claim `mercure` and without
    /// `authorization_details` needs no `typ`, `exp`, `iss` or `aud`. Those claims count if they are present. A token
    /// without `iss` may have the signature of each issuer.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`] for each token that is not valid. A client must not learn the reason.
    //
    // > Hubs MUST verify that the token header `typ` is `at+jwt` … MUST reject any token whose `alg` is not on that
    // > allowlist … MUST select the verification key from a preconfigured or pre-trusted set and MUST NOT use key
    // > material supplied by the token itself … MUST verify the signature using only the key(s) associated with the
    // > token's `iss` … MUST enforce the `exp` claim … MUST enforce the `nbf` claim if present … MUST verify that it
    // > appears in the token `aud` claim.
    pub fn validate(&self, token: &str, role: Role) -> Result<AccessToken, InvalidToken> {
        let (bytes, limit) = (token.len(), self.limits.token_bytes);
        if bytes > limit {
            return Err(InvalidToken(format!(
                "token is {bytes} bytes, limit is {limit}"
            )));
        }
        let header = decode_header(token).map_err(|error| InvalidToken(error.to_string()))?;
        check_extensions(&header)?;
        if self.stated_legacy_claims(token).is_some() {
            return self.validate_legacy(token, &header, role);
        }
        check_type(&header)?;
        let issuer = self.stated_issuer(token);
        let issuer = issuer.ok_or_else(|| InvalidToken("issuer is not trusted".to_owned()))?;
        let claims: Claims = self.verify(token, &header, issuer, role, &REQUIRED_CLAIMS)?;
        let expires_at = numeric_date(&claims.exp);
        let expires_at = expires_at.ok_or_else(|| InvalidToken("exp is not a time".to_owned()))?;
        let details = claims.authorization_details.unwrap_or_default();
        let grants = authorization_details::parse(&self.matchers, &self.limits, details);
        let grants =
            grants.ok_or_else(|| InvalidToken("authorization_details are not valid".to_owned()))?;
        Ok(AccessToken {
            issuer: issuer.id.clone(),
            subject: claims.sub,
            expires_at: Some(expires_at),
            grants,
        })
    }

    /// Returns the claims of a token for an earlier draft, which are not verified. `None` for another token, and if
    /// such tokens are not accepted.
    fn stated_legacy_claims(&self, token: &str) -> Option<LegacyClaims> {
        if !self.matchers.compatibility().accepts_draft_7() {
            return None;
        }
        let claims: LegacyClaims = insecure_decode_claims(token).ok()?;
        claims.are_legacy().then_some(claims)
    }

    fn validate_legacy(
        &self,
        token: &str,
        header: &Header,
        role: Role,
    ) -> Result<AccessToken, InvalidToken> {
        let mut failure = InvalidToken("issuer is not trusted".to_owned());
        for issuer in self.stated_issuers(token) {
            let claims: LegacyClaims = match self.verify(token, header, issuer, role, &[]) {
                Ok(claims) => claims,
                Err(error) => {
                    failure = error;
                    continue;
                }
            };
            let expires_at = claims.expires_at.as_ref().map(|number| {
                let time = numeric_date(number);
                time.ok_or_else(|| InvalidToken("exp is not a time".to_owned()))
            });
            let subject = claims.subject.clone();
            let grants = claims.into_grants(&self.matchers, &self.limits);
            return Ok(AccessToken {
                issuer: issuer.id.clone(),
                subject,
                expires_at: expires_at.transpose()?,
                grants: grants
                    .ok_or_else(|| InvalidToken("claim mercure is not valid".to_owned()))?,
            });
        }
        Err(failure)
    }

    /// Returns the issuers whose keys may verify a token, as the token states them. They are all issuers if the token is
    /// for an earlier draft and states none.
    fn stated_issuers(&self, token: &str) -> Vec<&Issuer> {
        match self.stated_legacy_claims(token) {
            Some(LegacyClaims { issuer: None, .. }) => self.issuers.iter().collect(),
            _ => self.stated_issuer(token).into_iter().collect(),
        }
    }

    fn stated_issuer(&self, token: &str) -> Option<&Issuer> {
        #[derive(Deserialize)]
        struct Stated {
            iss: String,
        }

        let stated: Stated = insecure_decode_claims(token).ok()?;
        self.issuers.iter().find(|issuer| issuer.id == stated.iss)
    }

    /// Verifies the signature and the registered claims with one of the issuer's keys. Claims that are not required
    /// count if they are present.
    fn verify<C: DeserializeOwned>(
        &self,
        token: &str,
        header: &Header,
        issuer: &Issuer,
        role: Role,
        required: &[&str],
    ) -> Result<C, InvalidToken> {
        let mut failure = InvalidToken("no key for this algorithm and key ID".to_owned());
        for key in issuer.keys(role).candidates(header.kid.as_deref()) {
            if !key.algorithms.contains(&header.alg) {
                continue;
            }
            let mut validation = Validation::new(header.alg);
            validation.algorithms.clone_from(&key.algorithms);
            validation.leeway = 0;
            validation.validate_nbf = true;
            validation.set_required_spec_claims(required);
            validation.set_audience(&[&self.resource]);
            validation.set_issuer(&[&issuer.id]);
            match decode::<C>(token, &key.key, &validation) {
                Ok(decoded) => return Ok(decoded.claims),
                Err(error) => failure = InvalidToken(error.to_string()),
            }
        }
        Err(failure)
    }
}

fn check_extensions(header: &Header) -> Result<(), InvalidToken> {
    // > If any of the listed extension Header Parameters are not understood and supported by the recipient, then the JWS
    // > is invalid. — https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11
    match header.crit {
        None => Ok(()),
        Some(_) => Err(InvalidToken("header has critical extensions".to_owned())),
    }
}

fn check_type(header: &Header) -> Result<(), InvalidToken> {
    let is_access_token = |typ: &String| TYPES.contains(&&*typ.to_ascii_lowercase());
    match header.typ.as_ref().is_some_and(is_access_token) {
        true => Ok(()),
        false => Err(InvalidToken("typ is not at+jwt".to_owned())),
    }
}

#[derive(Deserialize)]
struct Claims {
    exp: Number,
    sub: Option<String>,
    authorization_details: Option<Vec<Value>>,
}

/// Returns the time of a numeric date, rounded down. `None` if it is not after 1970, or too late for this system.
fn numeric_date(number: &Number) -> Option<SystemTime> {
    let seconds = match number.as_u64() {
        Some(seconds) => seconds,
        None => number.as_f64().filter(|seconds| *seconds >= 0.0)? as u64,
    };
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Valid access token of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessToken {
    /// Identifier of the issuer.
    pub issuer: String,
    /// Claim `sub`: the client, as the issuer knows it.
    pub subject: Option<String>,
    /// Time at which the token expires. Streams of the client end then. `None` only if the token is for a draft up to
    /// 7, and has no such time.
    pub expires_at: Option<SystemTime>,
    /// Actions that the token allows.
    pub grants: Grants,
}

/// Error for a token that is not valid. The text is for a log at debug level: it has no part of the token, but a client
/// must not learn it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidToken(String);

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for InvalidToken {}
