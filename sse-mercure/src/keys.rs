//! Keys that verify access tokens.

use core::{error::Error, fmt};

use jsonwebtoken::{
    AlgorithmFamily, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;

/// Maximum number of keys in a set. A token without a key ID is checked with each of them.
const MAX_KEYS: usize = 32;

/// Minimum length of a shared secret, in bytes.
//
// > A key of the same size as the hash output (for instance, 256 bits for "HS256") or larger MUST be used with this
// > algorithm. — https://www.rfc-editor.org/rfc/rfc7518#section-3.2
const MIN_SECRET_BYTES: usize = 32;

/// Signature algorithm of access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256, for a shared secret.
    Hs256,
    /// HMAC with SHA-384, for a shared secret.
    Hs384,
    /// HMAC with SHA-512, for a shared secret.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// All algorithms.
    pub const ALL: [Self; 12] = [
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// Returns the name, as in the header of a token.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Returns the algorithm with this name, which is case-sensitive.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// Returns whether the algorithm needs a shared secret, and not a public key.
    pub fn is_symmetric(self) -> bool {
        matches!(self, Self::Hs256 | Self::Hs384 | Self::Hs512)
    }

    pub(crate) fn for_token(self) -> jsonwebtoken::Algorithm {
        use jsonwebtoken::Algorithm as Token;

        match self {
            Self::Hs256 => Token::HS256,
            Self::Hs384 => Token::HS384,
            Self::Hs512 => Token::HS512,
            Self::Rs256 => Token::RS256,
            Self::Rs384 => Token::RS384,
            Self::Rs512 => Token::RS512,
            Self::Ps256 => Token::PS256,
            Self::Ps384 => Token::PS384,
            Self::Ps512 => Token::PS512,
            Self::Es256 => Token::ES256,
            Self::Es384 => Token::ES384,
            Self::EdDsa => Token::EdDSA,
        }
    }
}

/// Keys of an issuer, each with the algorithms that it may be used with. `Debug` does not show them.
#[derive(Clone, Default)]
pub struct KeySet(Vec<Key>);

#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) id: Option<String>,
    pub(crate) key: DecodingKey,
    /// Algorithms of one family, to which the key belongs.
    pub(crate) algorithms: Vec<jsonwebtoken::Algorithm>,
}

impl KeySet {
    /// Creates a set of one shared secret, for an HMAC algorithm.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] if the algorithm needs a public key, if the secret has less than 32 bytes, or if it is a public key
    /// in PEM, with which each client could sign tokens.
    pub fn from_secret(secret: &[u8], algorithm: Algorithm) -> Result<Self, InvalidKey> {
        if !algorithm.is_symmetric() {
            return Err(InvalidKey::Algorithm(algorithm));
        }
        if secret
            .windows(PEM_START.len())
            .any(|window| window == PEM_START)
        {
            return Err(InvalidKey::PemSecret);
        }
        if secret.len() < MIN_SECRET_BYTES {
            return Err(InvalidKey::ShortSecret(secret.len()));
        }
        let key = DecodingKey::from_secret(secret).map_err(InvalidKey::from_token)?;
        Ok(Self::from_key(key, algorithm))
    }

    /// Creates a set of one public key in PEM, for an RSA, ECDSA or `EdDSA` algorithm.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] if the text is not a public key for this algorithm.
    pub fn from_pem(pem: &[u8], algorithm: Algorithm) -> Result<Self, InvalidKey> {
        let key = match algorithm.for_token().family() {
            AlgorithmFamily::Hmac => return Err(InvalidKey::Algorithm(algorithm)),
            AlgorithmFamily::Rsa => DecodingKey::from_rsa_pem(pem),
            AlgorithmFamily::Ec => DecodingKey::from_ec_pem(pem),
            AlgorithmFamily::Ed => DecodingKey::from_ed_pem(pem),
        };
        Ok(Self::from_key(
            key.map_err(InvalidKey::from_token)?,
            algorithm,
        ))
    }

    fn from_key(key: DecodingKey, algorithm: Algorithm) -> Self {
        let algorithms = vec![algorithm.for_token()];
        Self(vec![Key {
            id: None,
            key,
            algorithms,
        }])
    }

    /// Creates a set from a JWK set ([RFC 7517](https://www.rfc-editor.org/rfc/rfc7517)), which may be used with these
    /// algorithms.
    ///
    /// Keys for encryption and keys of unknown types are skipped. A shared secret is skipped unless an HMAC algorithm is
    /// allowed, and needs `alg`.
    ///
    /// # Errors
    ///
    /// [`InvalidKey`] if the text is not a JWK set, or if no key of the set may be used.
    pub fn from_jwks(json: &[u8], allowed: &[Algorithm]) -> Result<Self, InvalidKey> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }

        let set: Set =
            serde_json::from_slice(json).map_err(|error| InvalidKey::Json(error.to_string()))?;
        let keys = set.keys.into_iter();
        // > Implementations SHOULD ignore JWKs within a JWK Set that use "kty" values that are not understood by them.
        let keys = keys.filter_map(|key| Key::from_jwk(&Jwk::deserialize(key).ok()?, allowed));
        let keys: Vec<_> = keys.take(MAX_KEYS).collect();
        match keys.is_empty() {
            true => Err(InvalidKey::NoKeys),
            false => Ok(Self(keys)),
        }
    }

    /// Adds the keys of another set.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self.0.truncate(MAX_KEYS);
        self
    }

    /// Returns whether the set has a key with this ID.
    pub fn contains_id(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id.as_deref() == Some(id))
    }

    /// Returns the keys to try for a token with this key ID: those with the ID, and those without one.
    pub(crate) fn candidates(&self, id: Option<&str>) -> impl Iterator<Item = &Key> {
        let is_candidate = move |key: &&Key| match (&key.id, id) {
            (Some(known), Some(id)) => known == id,
            _ => true,
        };
        self.0.iter().filter(is_candidate)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self
            .0
            .iter()
            .map(|key| key.id.as_deref().unwrap_or("without an ID"));
        f.debug_list().entries(ids).finish()
    }
}

/// Beginning of a key in PEM.
const PEM_START: &[u8] = b"-----BEGIN ";

impl Key {
    /// Converts a JWK. `None` if it may not be used to verify a token.
    fn from_jwk(jwk: &Jwk, allowed: &[Algorithm]) -> Option<Self> {
        let common = &jwk.common;
        let is_for_signatures = common
            .public_key_use
            .as_ref()
            .is_none_or(|key_use| *key_use == PublicKeyUse::Signature);
        let verifies =
            |operations: &Vec<KeyOperations>| operations.contains(&KeyOperations::Verify);
        if !is_for_signatures || !common.key_operations.as_ref().is_none_or(verifies) {
            return None;
        }
        let stated = common.key_algorithm.as_ref().map(KeyAlgorithm::to_string);
        let fits = |algorithm: &&Algorithm| {
            let is_stated = match &stated {
                Some(stated) => stated == algorithm.name(),
                None => !algorithm.is_symmetric(),
            };
            is_stated && fits_type(**algorithm, &jwk.algorithm)
        };
        let algorithms: Vec<_> = allowed
            .iter()
            .filter(fits)
            .map(|algorithm| algorithm.for_token())
            .collect();
        let key = DecodingKey::from_jwk(jwk).ok()?;
        (!algorithms.is_empty()).then_some(Self {
            id: common.key_id.clone(),
            key,
            algorithms,
        })
    }
}

/// Returns whether a key of this type can be used with the algorithm.
fn fits_type(algorithm: Algorithm, parameters: &AlgorithmParameters) -> bool {
    match parameters {
        AlgorithmParameters::RSA(_) => algorithm.for_token().family() == AlgorithmFamily::Rsa,
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => algorithm == Algorithm::Es256,
            EllipticCurve::P384 => algorithm == Algorithm::Es384,
            _ => false,
        },
        AlgorithmParameters::OctetKeyPair(key) => {
            key.curve == EllipticCurve::Ed25519 && algorithm == Algorithm::EdDsa
        }
        AlgorithmParameters::OctetKey(_) => algorithm.is_symmetric(),
        _ => false,
    }
}

/// Error for a key that cannot be used. It does not show the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The key is not for this algorithm: a secret is for HMAC only, and a public key for the others.
    Algorithm(Algorithm),
    /// The secret is a key in PEM.
    PemSecret,
    /// The secret has this number of bytes, less than 32.
    ShortSecret(usize),
    /// The text is not a key, for this reason.
    Format(String),
    /// The text is not a JWK set, for this reason.
    Json(String),
    /// No key of the JWK set may be used.
    NoKeys,
}

impl InvalidKey {
    fn from_token(error: jsonwebtoken::errors::Error) -> Self {
        Self::Format(error.to_string())
    }
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Algorithm(algorithm) => {
                let (kind, other) = match algorithm.is_symmetric() {
                    true => ("public key", "a shared secret"),
                    false => ("shared secret", "a public key"),
                };
                write!(
                    f,
                    "{kind} cannot be used with {}, which needs {other}",
                    algorithm.name()
                )
            }
            Self::PemSecret => f.write_str(
                "shared secret is a key in PEM: each client with the public key could sign tokens",
            ),
            Self::ShortSecret(bytes) => {
                write!(
                    f,
                    "shared secret is {bytes} bytes, minimum is {MIN_SECRET_BYTES}"
                )
            }
            Self::Format(reason) => write!(f, "not a public key in PEM: {reason}"),
            Self::Json(reason) => write!(f, "not a JWK set: {reason}"),
            Self::NoKeys => f.write_str("JWK set has no key for the allowed algorithms"),
        }
    }
}

impl Error for InvalidKey {}
