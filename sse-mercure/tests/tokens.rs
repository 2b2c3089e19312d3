//! Access tokens: what is accepted, and attacks that are refused.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use sse_hub::Topic;
use sse_mercure::{
    AccessToken, Algorithm, HubUrl, InvalidKey, Issuer, KeySet, Limits, Matchers, Role,
    TokenValidator,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const HUB: &str = "https://localhost/.well-known/mercure";
const ISSUER: &str = "https://localhost";
const SECRET: &[u8] = b"a shared secret of more than 32 bytes";
const OTHER_SECRET: &[u8] = b"another secret of more than 32 bytes!";
const RSA: &[u8] = include_bytes!("keys/rsa.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("keys/rsa.pub.pem");

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": HUB,
        "exp": now() + 600,
        "sub": "alice",
        "authorization_details": [{
            "type": "https://mercure.rocks/authorization-detail",
            "actions": ["publish"],
            "topics": [{"match": "a"}],
        }],
    })
}

fn header(algorithm: jsonwebtoken::Algorithm) -> Header {
    Header {
        typ: Some("at+jwt".to_owned()),
        ..Header::new(algorithm)
    }
}

fn hs256() -> Header {
    header(jsonwebtoken::Algorithm::HS256)
}

fn secret_key() -> EncodingKey {
    EncodingKey::from_secret(SECRET).unwrap()
}

fn sign(header: &Header, claims: &Value) -> String {
    encode(header, claims, &secret_key()).unwrap()
}

fn secret(secret: &[u8]) -> KeySet {
    KeySet::from_secret(secret, Algorithm::Hs256).unwrap()
}

fn validator(issuers: Vec<Issuer>) -> TokenValidator {
    let matchers = Matchers::new(HubUrl::new(HUB).unwrap());
    TokenValidator::new(HUB, issuers, matchers, Limits::default())
}

fn issuer(id: &str, keys: KeySet) -> Issuer {
    let issuer = Issuer::new(id);
    issuer.set_keys(Role::Publisher, keys);
    issuer
}

fn validate(keys: KeySet, token: &str) -> Result<AccessToken, String> {
    let validator = validator(vec![issuer(ISSUER, keys)]);
    let result = validator.validate(token, Role::Publisher);
    result.map_err(|error| error.to_string())
}

/// Signs the claims after a change, and validates the token with the secret.
fn changed(change: impl FnOnce(&mut Value)) -> Result<AccessToken, String> {
    let mut claims = claims();
    change(&mut claims);
    validate(secret(SECRET), &sign(&hs256(), &claims))
}

fn encoded(part: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(part.to_string())
}

#[test]
fn a_valid_token_is_accepted() {
    let token = changed(|_| {}).unwrap();
    assert_eq!(
        (&*token.issuer, token.subject.as_deref()),
        (ISSUER, Some("alice"))
    );
    assert!(token.expires_at.unwrap() > SystemTime::now() + Duration::from_secs(500));
    assert!(token.grants.can_publish(&Topic::opaque("a").unwrap()));
    for change in [
        |claims: &mut Value| claims["aud"] = json!(["other", HUB]),
        |claims: &mut Value| claims["nbf"] = json!(now() - 1),
        |claims: &mut Value| claims["exp"] = json!(now() as f64 + 9.5),
        |claims: &mut Value| claims["sub"] = json!(null),
        |claims: &mut Value| claims["authorization_details"] = json!(null),
        |claims: &mut Value| claims["unknown"] = json!({"a": [1]}),
    ] {
        changed(change).unwrap();
    }
    for typ in [
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/At+Jwt",
    ] {
        let header = Header {
            typ: Some(typ.to_owned()),
            ..hs256()
        };
        validate(secret(SECRET), &sign(&header, &claims())).unwrap();
    }
}

/// Token of the public conformance tests.
#[test]
fn a_token_without_optional_claims_is_accepted() {
    let claims = json!({
        "aud": HUB,
        "iss": ISSUER,
        "authorization_details": [{
            "type": "https://mercure.rocks/authorization-detail",
            "actions": ["publish"],
            "topics": [{"match": "*"}],
        }],
        "exp": 4_102_444_800_u64,
    });
    validate(secret(SECRET), &sign(&hs256(), &claims)).unwrap();
}

#[test]
fn claims_are_enforced() {
    for (name, value) in [
        ("exp", json!(null)),
        ("exp", json!(now() - 1)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!("9999999999")),
        ("exp", json!(1e300)),
        ("nbf", json!(now() + 60)),
        ("nbf", json!("soon")),
        ("aud", json!(null)),
        ("aud", json!("https://other.example/.well-known/mercure")),
        ("aud", json!(["other"])),
        ("aud", json!([])),
        ("aud", json!(format!("{HUB}/"))),
        ("iss", json!(null)),
        ("iss", json!("https://evil.example")),
        ("iss", json!([ISSUER])),
        ("iss", json!(format!("{ISSUER}/"))),
        ("sub", json!(1)),
        ("authorization_details", json!("all")),
        ("authorization_details", json!({})),
        ("authorization_details", json!([1])),
    ] {
        let result = changed(|claims| match value.is_null() {
            true => {
                claims.as_object_mut().unwrap().remove(name);
            }
            false => claims[name] = value.clone(),
        });
        assert!(result.is_err(), "{name}: {value}");
    }
}

#[test]
fn only_access_tokens_are_accepted() {
    for typ in [
        None,
        Some("JWT"),
        Some("at+jwt "),
        Some("application/jwt"),
        Some("text/at+jwt"),
    ] {
        let header = Header {
            typ: typ.map(str::to_owned),
            ..hs256()
        };
        assert!(
            validate(secret(SECRET), &sign(&header, &claims())).is_err(),
            "{typ:?}"
        );
    }
    let critical = Header {
        crit: Some(vec!["b64".to_owned()]),
        ..hs256()
    };
    assert!(validate(secret(SECRET), &sign(&critical, &claims())).is_err());
}

#[test]
fn forged_tokens_are_refused() {
    let token = sign(&hs256(), &claims());
    let [head, body, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let mut admin = claims();
    admin["authorization_details"][0]["topics"] = json!([{"match": "*"}]);
    let admin = encoded(&admin);
    let none = |name: &str| encoded(&json!({"typ": "at+jwt", "alg": name}));
    for forged in [
        format!("{head}.{admin}.{signature}"),
        format!("{head}.{body}."),
        format!("{head}.{body}"),
        format!("{head}.{body}.{signature}.x"),
        format!("{head}.{body}.{signature}="),
        format!("{}.{body}.", none("none")),
        format!("{}.{body}.{signature}", none("none")),
        format!("{}.{body}.", none("None")),
        format!("{}.{body}.", none("NONE")),
        format!("{}.{body}.", none("")),
        format!("{}.{body}.{signature}", none("HS384")),
        format!("{}.{body}.{signature}", encoded(&json!({"typ": "at+jwt"}))),
        encode(
            &hs256(),
            &claims(),
            &EncodingKey::from_secret(OTHER_SECRET).unwrap(),
        )
        .unwrap(),
        String::new(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        "\u{0}".to_owned(),
    ] {
        assert!(validate(secret(SECRET), &forged).is_err(), "{forged}");
    }
    // Each changed character of the signature counts.
    for index in 0..signature.len() - 1 {
        let mut changed = signature.to_owned();
        let other = if &signature[index..=index] == "A" {
            "B"
        } else {
            "A"
        };
        changed.replace_range(index..=index, other);
        assert!(validate(secret(SECRET), &format!("{head}.{body}.{changed}")).is_err());
    }
}

#[test]
fn a_public_key_is_not_a_shared_secret() {
    let keys = KeySet::from_pem(RSA_PUBLIC, Algorithm::Rs256).unwrap();
    let rsa = EncodingKey::from_rsa_pem(RSA).unwrap();
    let rs256 = header(jsonwebtoken::Algorithm::RS256);
    let token = encode(&rs256, &claims(), &rsa).unwrap();
    validate(keys.clone(), &token).unwrap();
    // The attacker signs with the public key as the secret of an HMAC.
    let trimmed = RSA_PUBLIC.trim_ascii_end();
    for secret in [RSA_PUBLIC, trimmed] {
        let key = EncodingKey::from_secret(secret).unwrap();
        let forged = encode(&hs256(), &claims(), &key).unwrap();
        assert!(validate(keys.clone(), &forged).is_err());
        assert_eq!(
            KeySet::from_secret(secret, Algorithm::Hs256).unwrap_err(),
            InvalidKey::PemSecret
        );
    }
    // Another algorithm of the same family is not allowed either.
    for algorithm in [
        jsonwebtoken::Algorithm::RS512,
        jsonwebtoken::Algorithm::PS256,
    ] {
        let token = encode(&header(algorithm), &claims(), &rsa).unwrap();
        assert!(validate(keys.clone(), &token).is_err(), "{algorithm:?}");
    }
}

#[test]
fn elliptic_curves_are_supported() {
    for (algorithm, ours, curve) in [
        (
            jsonwebtoken::Algorithm::ES256,
            Algorithm::Es256,
            &rcgen::PKCS_ECDSA_P256_SHA256,
        ),
        (
            jsonwebtoken::Algorithm::ES384,
            Algorithm::Es384,
            &rcgen::PKCS_ECDSA_P384_SHA384,
        ),
        (
            jsonwebtoken::Algorithm::EdDSA,
            Algorithm::EdDsa,
            &rcgen::PKCS_ED25519,
        ),
    ] {
        let pair = rcgen::KeyPair::generate_for(curve).unwrap();
        let (private, public) = (pair.serialize_pem(), pair.public_key_pem());
        let key = match ours {
            Algorithm::EdDsa => EncodingKey::from_ed_pem(private.as_bytes()),
            _ => EncodingKey::from_ec_pem(private.as_bytes()),
        };
        let token = encode(&header(algorithm), &claims(), &key.unwrap()).unwrap();
        let keys = KeySet::from_pem(public.as_bytes(), ours).unwrap();
        validate(keys, &token).unwrap();
        let other = rcgen::KeyPair::generate_for(curve)
            .unwrap()
            .public_key_pem();
        let keys = KeySet::from_pem(other.as_bytes(), ours).unwrap();
        assert!(validate(keys, &token).is_err(), "{algorithm:?}");
    }
}

#[test]
fn keys_in_the_header_are_ignored() {
    let attacker =
        json!({"kty": "oct", "alg": "HS256", "k": BASE64_URL_SAFE_NO_PAD.encode(OTHER_SECRET)});
    let parameters = [
        json!({"jwk": attacker}),
        json!({"jku": "https://evil.example/jwks"}),
        json!({"x5u": "https://evil.example/cert"}),
        json!({"kid": "../../dev/null"}),
        json!({"kid": "' OR 1=1 --"}),
        json!({"kid": ""}),
        json!({"kid": "a".repeat(5000)}),
    ];
    for parameters in parameters {
        let mut head = json!({"typ": "at+jwt", "alg": "HS256"});
        let members = parameters.as_object().unwrap().clone();
        head.as_object_mut().unwrap().extend(members);
        let message = format!("{}.{}", encoded(&head), encoded(&claims()));
        for (key, expected) in [(OTHER_SECRET, false), (SECRET, true)] {
            let key = EncodingKey::from_secret(key).unwrap();
            let algorithm = jsonwebtoken::Algorithm::HS256;
            let signature =
                jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
            let result = validate(secret(SECRET), &format!("{message}.{signature}"));
            assert_eq!(result.is_ok(), expected, "{parameters}: {result:?}");
        }
    }
}

fn jwk(id: &str, secret: &[u8]) -> Value {
    json!({"kty": "oct", "alg": "HS256", "kid": id, "k": BASE64_URL_SAFE_NO_PAD.encode(secret)})
}

#[test]
fn the_key_id_selects_among_trusted_keys() {
    let set = json!({"keys": [jwk("one", SECRET), jwk("two", OTHER_SECRET)]}).to_string();
    let keys = KeySet::from_jwks(set.as_bytes(), &[Algorithm::Hs256]).unwrap();
    assert!(keys.contains_id("one") && !keys.contains_id("three"));
    for (kid, key, expected) in [
        (None, SECRET, true),
        (None, OTHER_SECRET, true),
        (Some("one"), SECRET, true),
        (Some("two"), OTHER_SECRET, true),
        (Some("two"), SECRET, false),
        (Some("three"), SECRET, false),
    ] {
        let header = Header {
            kid: kid.map(str::to_owned),
            ..hs256()
        };
        let token = encode(&header, &claims(), &EncodingKey::from_secret(key).unwrap()).unwrap();
        assert_eq!(validate(keys.clone(), &token).is_ok(), expected, "{kid:?}");
        let validator = validator(vec![issuer(ISSUER, keys.clone())]);
        let is_unknown = validator.has_unknown_key(&token, Role::Publisher);
        assert_eq!(is_unknown, kid == Some("three"), "{kid:?}");
    }
}

#[test]
fn a_jwk_set_has_only_usable_keys() {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let point = pair.public_key_raw();
    let ec = json!({
        "kty": "EC", "crv": "P-256",
        "x": BASE64_URL_SAFE_NO_PAD.encode(&point[1..33]),
        "y": BASE64_URL_SAFE_NO_PAD.encode(&point[33..]),
    });
    let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
    let token = encode(&header(jsonwebtoken::Algorithm::ES256), &claims(), &key).unwrap();
    let asymmetric = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];
    let set = |keys: Value, allowed: &[Algorithm]| {
        KeySet::from_jwks(json!({"keys": keys}).to_string().as_bytes(), allowed)
    };
    let unknown = json!({"kty": "LWE", "x": 1});
    let keys = set(json!([unknown, jwk("a", SECRET), ec]), &asymmetric).unwrap();
    validate(keys.clone(), &token).unwrap();
    // A shared secret in a set for public keys is not used.
    assert!(validate(keys, &sign(&hs256(), &claims())).is_err());
    let with = |name: &str, value: Value| {
        let mut changed = ec.clone();
        changed[name] = value;
        set(json!([changed]), &asymmetric)
    };
    assert!(with("use", json!("sig")).is_ok() && with("key_ops", json!(["verify"])).is_ok());
    for unusable in [
        with("use", json!("enc")),
        with("key_ops", json!(["sign"])),
        with("alg", json!("ES384")),
        with("alg", json!("RS256")),
        with("crv", json!("P-521")),
        set(json!([]), &asymmetric),
        set(json!([ec]), &[Algorithm::Rs256]),
        set(json!([jwk("a", SECRET)]), &[Algorithm::Hs384]),
    ] {
        assert_eq!(unusable.unwrap_err(), InvalidKey::NoKeys);
    }
    for text in ["", "{}", "[]", "{\"keys\":1}"] {
        let error = KeySet::from_jwks(text.as_bytes(), &asymmetric).unwrap_err();
        assert!(matches!(error, InvalidKey::Json(_)), "{text}");
    }
}

#[test]
fn an_issuer_cannot_sign_for_another() {
    let both = validator(vec![
        issuer("https://one.example", secret(SECRET)),
        issuer("https://two.example", secret(OTHER_SECRET)),
    ]);
    for (id, key, expected) in [
        ("https://one.example", SECRET, true),
        ("https://two.example", OTHER_SECRET, true),
        ("https://one.example", OTHER_SECRET, false),
        ("https://two.example", SECRET, false),
    ] {
        let mut claims = claims();
        claims["iss"] = json!(id);
        let token = encode(&hs256(), &claims, &EncodingKey::from_secret(key).unwrap()).unwrap();
        let result = both.validate(&token, Role::Publisher);
        assert_eq!(result.is_ok(), expected, "{id}");
    }
}

#[test]
fn roles_have_their_own_keys() {
    let issuer = issuer(ISSUER, secret(SECRET));
    let validator = validator(vec![issuer.clone()]);
    let token = sign(&hs256(), &claims());
    assert!(validator.validate(&token, Role::Publisher).is_ok());
    assert!(validator.validate(&token, Role::Subscriber).is_err());
    // Keys can be replaced while the hub runs.
    issuer.set_keys(Role::Subscriber, secret(SECRET));
    issuer.set_keys(Role::Publisher, secret(OTHER_SECRET));
    assert!(validator.validate(&token, Role::Publisher).is_err());
    assert!(validator.validate(&token, Role::Subscriber).is_ok());
}

#[test]
fn huge_tokens_are_refused() {
    let error = changed(|claims| claims["unknown"] = json!("a".repeat(20_000))).unwrap_err();
    assert!(error.ends_with(" bytes, limit is 16384"), "{error}");
    let nested = changed(|claims| {
        let deep = format!("{}{}", "[".repeat(2000), "]".repeat(2000));
        claims["unknown"] = json!(deep);
    });
    assert!(nested.is_ok(), "a text");
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(3000), "]".repeat(3000));
    let message = format!(
        "{}.{}",
        encoded(&json!({"typ": "at+jwt", "alg": "HS256"})),
        BASE64_URL_SAFE_NO_PAD.encode(deep)
    );
    let algorithm = jsonwebtoken::Algorithm::HS256;
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &secret_key(), algorithm).unwrap();
    assert!(validate(secret(SECRET), &format!("{message}.{signature}")).is_err());
}

#[test]
fn errors_and_debug_texts_show_no_secrets() {
    let keys = secret(SECRET);
    let validator = validator(vec![issuer(ISSUER, keys)]);
    let debug = format!("{validator:?}");
    assert!(!debug.contains("shared secret"), "{debug}");
    let token = encode(
        &hs256(),
        &claims(),
        &EncodingKey::from_secret(OTHER_SECRET).unwrap(),
    )
    .unwrap();
    let error = validator.validate(&token, Role::Publisher).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(token.split('.').all(|part| !text.contains(part)), "{text}");
}

#[test]
fn keys_that_do_not_fit_are_refused() {
    let error = |result: Result<KeySet, InvalidKey>| result.unwrap_err().to_string();
    assert_eq!(
        error(KeySet::from_secret(b"short", Algorithm::Hs256)),
        "shared secret is 5 bytes, minimum is 32"
    );
    assert_eq!(
        error(KeySet::from_secret(SECRET, Algorithm::Rs256)),
        "shared secret cannot be used with RS256, which needs a public key"
    );
    assert_eq!(
        error(KeySet::from_pem(RSA_PUBLIC, Algorithm::Hs256)),
        "public key cannot be used with HS256, which needs a shared secret"
    );
    for (pem, algorithm) in [
        (RSA_PUBLIC, Algorithm::Es256),
        (b"text".as_slice(), Algorithm::Rs256),
        (RSA_PUBLIC, Algorithm::EdDsa),
    ] {
        let error = error(KeySet::from_pem(pem, algorithm));
        assert!(error.starts_with("not a public key in PEM: "), "{error}");
    }
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
    }
    assert_eq!(Algorithm::from_name("none"), None);
}
