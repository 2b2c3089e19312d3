//! Access tokens for drafts up to 7: what is accepted, and attacks that are refused.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use sse_hub::Topic;
use sse_mercure::{
    AccessToken, Algorithm, Compatibility, HubUrl, Issuer, KeySet, Limits, MatcherType, Matchers,
    Role, TokenValidator,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const HUB: &str = "https://localhost/.well-known/mercure";
const ISSUER: &str = "https://localhost";
const SECRET: &[u8] = b"a shared secret of more than 32 bytes";
const OTHER_SECRET: &[u8] = b"another secret of more than 32 bytes!";
const RSA: &[u8] = include_bytes!("keys/rsa.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("keys/rsa.pub.pem");
const NAMESPACED: &str = "https://mercure.rocks/";

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn claims() -> Value {
    json!({"mercure": {"publish": ["a"], "subscribe": ["https://example.com/{id}"], "payload": 7}})
}

fn hs256() -> Header {
    Header::new(jsonwebtoken::Algorithm::HS256)
}

fn sign_with(secret: &[u8], header: &Header, claims: &Value) -> String {
    encode(header, claims, &EncodingKey::from_secret(secret).unwrap()).unwrap()
}

fn sign(claims: &Value) -> String {
    sign_with(SECRET, &hs256(), claims)
}

fn secret(secret: &[u8]) -> KeySet {
    KeySet::from_secret(secret, Algorithm::Hs256).unwrap()
}

fn matchers(compatibility: Compatibility) -> Matchers {
    Matchers::new(HubUrl::new(HUB).unwrap()).with_compatibility(compatibility)
}

fn validator(keys: &[(&str, KeySet)], compatibility: Compatibility) -> TokenValidator {
    let issuers = keys.iter().map(|(id, keys)| {
        let issuer = Issuer::new(*id);
        issuer.set_keys(Role::Publisher, keys.clone());
        issuer
    });
    TokenValidator::new(
        HUB,
        issuers.collect(),
        matchers(compatibility),
        Limits::default(),
    )
}

fn validate(keys: KeySet, token: &str) -> Result<AccessToken, String> {
    let validator = validator(&[(ISSUER, keys)], Compatibility::Draft7);
    let result = validator.validate(token, Role::Publisher);
    result.map_err(|error| error.to_string())
}

/// Signs the claims after a change, and validates the token with the secret.
fn changed(change: impl FnOnce(&mut Value)) -> Result<AccessToken, String> {
    let mut claims = claims();
    change(&mut claims);
    validate(secret(SECRET), &sign(&claims))
}

fn topic(text: &str) -> Topic {
    Topic::opaque(text).unwrap()
}

#[test]
fn a_token_has_selectors_for_each_action() {
    let token = changed(|_| {}).unwrap();
    assert_eq!((&*token.issuer, token.subject), (ISSUER, None));
    assert_eq!(token.expires_at, None);
    let grants = token.grants;
    assert!(grants.can_publish(&topic("a")) && !grants.can_publish(&topic("b")));
    let readable = grants.subscribe_filters().unwrap();
    assert!(readable.matches(&topic("https://example.com/1")));
    assert!(!readable.matches(&topic("https://example.com/1/2")) && !readable.matches(&topic("a")));
    let any = matchers(Compatibility::Draft7);
    let any = any.compile(MatcherType::Exact, "any", &Limits::default());
    assert_eq!(grants.payload(&any.unwrap()), Some(&json!(7)));

    for claim in [
        json!({"publish": ["*"]}),
        json!({"publish": ["x", "{+y}"], "subscribe": null}),
    ] {
        let token = changed(|claims| claims["mercure"] = claim.clone()).unwrap();
        assert!(token.grants.can_publish(&topic("any")), "{claim}");
        assert!(token.grants.subscribe_filters().is_none(), "{claim}");
    }
}

#[test]
fn a_missing_selector_grants_nothing() {
    for claim in [
        json!({}),
        json!({"publish": [], "subscribe": []}),
        json!({"publish": null}),
    ] {
        let token = changed(|claims| claims["mercure"] = claim.clone()).unwrap();
        assert!(!token.grants.can_publish(&topic("a")), "{claim}");
        assert!(token.grants.subscribe_filters().is_none(), "{claim}");
    }
}

#[test]
fn the_namespaced_claim_takes_precedence() {
    for mercure in [json!(null), json!({"publish": ["*"]})] {
        let claims = json!({"mercure": mercure, NAMESPACED: {"publish": ["b"]}});
        let token = validate(secret(SECRET), &sign(&claims)).unwrap();
        assert!(token.grants.can_publish(&topic("b")) && !token.grants.can_publish(&topic("a")));
    }
}

#[test]
fn the_type_and_registered_claims_are_optional() {
    for typ in [None, Some("JWT"), Some("at+jwt")] {
        let header = Header {
            typ: typ.map(str::to_owned),
            ..hs256()
        };
        validate(secret(SECRET), &sign_with(SECRET, &header, &claims())).unwrap();
    }
    for (name, value) in [
        ("iss", json!(ISSUER)),
        ("aud", json!(HUB)),
        ("aud", json!(["other", HUB])),
        ("nbf", json!(now() - 1)),
        ("sub", json!("alice")),
        ("unknown", json!([1])),
        ("authorization_details", json!(null)),
    ] {
        changed(|claims| claims[name] = value).unwrap();
    }
    let token = changed(|claims| claims["exp"] = json!(now() + 600)).unwrap();
    assert!(token.expires_at.unwrap() > SystemTime::now() + Duration::from_secs(500));
}

#[test]
fn claims_count_if_they_are_present() {
    for (name, value) in [
        ("exp", json!(now() - 1)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!("9999999999")),
        ("exp", json!(1e300)),
        ("exp", json!(null)),
        ("nbf", json!(now() + 60)),
        ("nbf", json!("soon")),
        ("aud", json!("https://other.example/.well-known/mercure")),
        ("aud", json!([])),
        ("iss", json!("https://evil.example")),
        ("iss", json!([ISSUER])),
        ("sub", json!(1)),
    ] {
        let result = changed(|claims| claims[name] = value.clone());
        assert!(result.is_err(), "{name}: {value}");
    }
    let critical = Header {
        crit: Some(vec!["b64".to_owned()]),
        ..hs256()
    };
    assert!(validate(secret(SECRET), &sign_with(SECRET, &critical, &claims())).is_err());
}

#[test]
fn invalid_selectors_reject_the_token() {
    let many = |count: usize| {
        (0..count)
            .map(|index| json!(index.to_string()))
            .collect::<Value>()
    };
    for name in ["publish", "subscribe"] {
        let with = |value: Value| changed(|claims| claims["mercure"][name] = value);
        assert!(with(many(64)).is_ok() && with(many(65)).is_err() && with(many(2000)).is_err());
        for value in [
            json!("a"),
            json!({"a": 1}),
            json!([1]),
            json!([null]),
            json!([{"match": "*"}]),
            json!([["*"]]),
            json!([""]),
            json!(["a\n"]),
            json!(["a".repeat(1025)]),
            json!([format!("{{{}}}", ["a"; 33].join(","))]),
        ] {
            assert!(with(value.clone()).is_err(), "{value}");
        }
    }
    for claim in [json!(null), json!("*"), json!(["*"]), json!(true)] {
        assert!(
            changed(|claims| claims["mercure"] = claim.clone()).is_err(),
            "{claim}"
        );
    }
}

#[test]
fn tokens_of_the_current_draft_are_validated_as_before() {
    let detail = |topic: &str| {
        json!({
            "type": "https://mercure.rocks/authorization-detail",
            "actions": ["publish"],
            "topics": [{"match": topic}],
        })
    };
    for details in [json!([detail("*")]), json!([]), json!("all"), json!({})] {
        let result = changed(|claims| claims["authorization_details"] = details.clone());
        assert!(result.is_err(), "no typ: {details}");
    }
    let header = Header {
        typ: Some("at+jwt".to_owned()),
        ..hs256()
    };
    let mut complete = claims();
    complete["authorization_details"] = json!([detail("b")]);
    for (name, value) in [
        ("iss", json!(ISSUER)),
        ("aud", json!(HUB)),
        ("exp", json!(now() + 600)),
    ] {
        let result = validate(secret(SECRET), &sign_with(SECRET, &header, &complete));
        assert!(result.is_err(), "without {name}");
        complete[name] = value;
    }
    let token = validate(secret(SECRET), &sign_with(SECRET, &header, &complete)).unwrap();
    assert!(token.grants.can_publish(&topic("b")));
    assert!(
        !token.grants.can_publish(&topic("a")),
        "the claim mercure is ignored"
    );
    // A token with neither claim is not one of an earlier draft.
    assert!(validate(secret(SECRET), &sign(&json!({"sub": "alice"}))).is_err());
}

#[test]
fn without_compatibility_such_tokens_are_refused() {
    let validator = validator(&[(ISSUER, secret(SECRET))], Compatibility::None);
    let mut complete = claims();
    for (name, value) in [
        ("iss", json!(ISSUER)),
        ("aud", json!(HUB)),
        ("exp", json!(now() + 600)),
    ] {
        assert!(
            validator
                .validate(&sign(&complete), Role::Publisher)
                .is_err()
        );
        complete[name] = value;
    }
    assert!(
        validator
            .validate(&sign(&complete), Role::Publisher)
            .is_err()
    );
    let header = Header {
        typ: Some("at+jwt".to_owned()),
        ..hs256()
    };
    let token = validator.validate(&sign_with(SECRET, &header, &complete), Role::Publisher);
    assert!(!token.unwrap().grants.can_publish(&topic("a")));
}

#[test]
fn a_token_without_issuer_may_have_the_key_of_any() {
    let keys = [
        ("https://one.example", secret(SECRET)),
        ("https://two.example", secret(OTHER_SECRET)),
    ];
    let validator = validator(&keys, Compatibility::Draft7);
    for (issuer, key, expected) in [
        (None, SECRET, Some("https://one.example")),
        (None, OTHER_SECRET, Some("https://two.example")),
        (None, b"a third secret of more than 32 bytes!", None),
        (
            Some("https://two.example"),
            OTHER_SECRET,
            Some("https://two.example"),
        ),
        (Some("https://two.example"), SECRET, None),
        (Some("https://three.example"), SECRET, None),
    ] {
        let mut claims = claims();
        if let Some(issuer) = issuer {
            claims["iss"] = json!(issuer);
        }
        let token = validator.validate(&sign_with(key, &hs256(), &claims), Role::Publisher);
        let found = token.as_ref().ok().map(|token| &*token.issuer);
        assert_eq!(found, expected, "{issuer:?}");
    }
    // The keys for publishers are not those for subscribers.
    assert!(
        validator
            .validate(&sign(&claims()), Role::Subscriber)
            .is_err()
    );
}

#[test]
fn a_key_id_is_unknown_if_no_issuer_has_it() {
    let secret = BASE64_URL_SAFE_NO_PAD.encode(SECRET);
    let jwk = json!({"kty": "oct", "alg": "HS256", "kid": "one", "k": secret});
    let set = json!({ "keys": [jwk] }).to_string();
    let set = KeySet::from_jwks(set.as_bytes(), &[Algorithm::Hs256]).unwrap();
    let keys = [
        ("https://one.example", set),
        ("https://two.example", KeySet::default()),
    ];
    for (kid, expected) in [("one", false), ("two", true)] {
        let header = Header {
            kid: Some(kid.to_owned()),
            ..hs256()
        };
        let token = sign_with(SECRET, &header, &claims());
        let is_unknown = |compatibility| {
            validator(&keys, compatibility).has_unknown_key(&token, Role::Publisher)
        };
        assert_eq!(is_unknown(Compatibility::Draft7), expected, "{kid}");
        assert!(!is_unknown(Compatibility::None), "{kid}");
    }
}

#[test]
fn forged_tokens_are_refused() {
    let token = sign(&claims());
    let [head, body, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let encoded = |part: Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let admin = encoded(json!({"mercure": {"publish": ["*"]}}));
    let alg = |name: &str| encoded(json!({"typ": "JWT", "alg": name}));
    for forged in [
        format!("{head}.{admin}.{signature}"),
        format!("{head}.{body}."),
        format!("{head}.{body}"),
        format!("{head}.{body}.{signature}.x"),
        format!("{}.{admin}.", alg("none")),
        format!("{}.{admin}.", alg("None")),
        format!("{}.{admin}.", alg("")),
        format!("{}.{body}.{signature}", alg("none")),
        format!("{}.{body}.{signature}", alg("HS384")),
        sign_with(OTHER_SECRET, &hs256(), &claims()),
    ] {
        assert!(validate(secret(SECRET), &forged).is_err(), "{forged}");
    }
}

#[test]
fn a_public_key_is_not_a_shared_secret() {
    let keys = KeySet::from_pem(RSA_PUBLIC, Algorithm::Rs256).unwrap();
    let rs256 = Header::new(jsonwebtoken::Algorithm::RS256);
    let rsa = EncodingKey::from_rsa_pem(RSA).unwrap();
    validate(keys.clone(), &encode(&rs256, &claims(), &rsa).unwrap()).unwrap();
    for secret in [RSA_PUBLIC, RSA_PUBLIC.trim_ascii_end()] {
        let forged = sign_with(secret, &hs256(), &claims());
        assert!(validate(keys.clone(), &forged).is_err());
    }
}
