//! Access control: tokens of publishers and subscribers, and allowed hosts.

use core::{fmt::Display, net::IpAddr};

use anyhow::{Context, Result, ensure};
use headers::{Authorization, HeaderMapExt as _, authorization::Bearer};
use http::{HeaderMap, Request, StatusCode, Uri};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use crate::hub::{
    host::{Host, HostPattern},
    openapi,
    response::{Refusal, RefusalKind},
};

/// Tokens and hosts that requests need.
pub(crate) struct Access {
    pub(crate) publish: Token,
    /// Token of subscribers. With `None`, every client may subscribe.
    pub(crate) subscribe: Option<Token>,
    /// Token for the metrics. With `None`, they are open if only programs of this machine can reach the server.
    pub(crate) metrics: Option<Token>,
    pub(crate) accepts_token_in_url: bool,
    /// Only programs of this machine can connect: all addresses are loopback addresses or Unix sockets.
    pub(crate) is_local: bool,
    /// Hosts that are served. If it is empty, a server on a loopback address serves only the names of loopback
    /// addresses, and another server serves any host.
    pub(crate) hosts: Vec<HostPattern>,
}

/// Names of the security schemes in `/openapi.json`.
pub(crate) const PUBLISH_SCHEME: &str = "publishToken";
const SUBSCRIBE_SCHEME: &str = "subscribeToken";
const SUBSCRIBE_IN_URL_SCHEME: &str = "subscribeTokenInUrl";
const METRICS_SCHEME: &str = "metricsToken";

/// Extension of a request that came over a Unix socket.
#[derive(Clone, Copy)]
pub(crate) struct LocalSocket;

impl Access {
    /// Checks that the request is for a host of this server. This prevents DNS rebinding: a page makes a name of its
    /// own point to this machine, and reads events that are only for programs of this machine. No page can connect to a
    /// Unix socket, so a request over one may have any host, as long as no hosts are named.
    pub(crate) fn check_host<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        // An HTTP/1.0 client may send no host. Browsers always send one.
        let host = Host::from_request(request);
        let Some(host) = host.map_err(|refusal| refusal.with_kind(RefusalKind::Host))? else {
            return Ok(());
        };
        let is_named = self.hosts.iter().any(|pattern| pattern.matches(&host.name));
        let is_over_unix = request.extensions().get::<LocalSocket>().is_some();
        let is_served = match self.is_local {
            true if !is_over_unix => is_named || is_loopback(&host.name),
            is_local => {
                let is_local_name = is_local && is_loopback(&host.name);
                is_named || self.hosts.is_empty() || is_local_name
            }
        };
        if is_served {
            return Ok(());
        }
        let reason = format_args!(
            "the host {} is not served here; --allow-host would allow it",
            host.name
        );
        Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, reason))
    }

    /// Checks that the request may read `/metrics`, which counts the events of all topics.
    ///
    /// A proxy may pass the requests of strangers on to a Unix socket. So the host has to be this machine.
    pub(crate) fn check_metrics<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let headers = request.headers();
        let Some(expected) = &self.metrics else {
            let host = Host::from_request(request)?;
            let is_for_this_machine = host.is_none_or(|host| is_loopback(&host.name));
            let is_open = self.is_local
                && self.subscribe.is_none()
                && self.hosts.is_empty()
                && is_for_this_machine;
            return match is_open {
                true => Ok(()),
                false => Err(Refusal::new(
                    StatusCode::FORBIDDEN,
                    "/metrics is not served without --metrics-token",
                )),
            };
        };
        check_bearer(headers, expected, "reading /metrics", "metrics")
    }

    /// Returns the security schemes of this server for `/openapi.json`, with their names.
    pub(crate) fn security_schemes(&self) -> Vec<(&'static str, Value)> {
        let publish = openapi::bearer("Token of publishers");
        let mut schemes = vec![(PUBLISH_SCHEME, publish)];
        if self.subscribe.is_some() {
            schemes.push((SUBSCRIBE_SCHEME, openapi::bearer("Token of subscribers")));
        }
        if self.accepts_token_in_url {
            let in_url = json!({
                "type": "apiKey",
                "in": "query",
                "name": "access_token",
                "description": "Token of subscribers, for clients that cannot send headers",
            });
            schemes.push((SUBSCRIBE_IN_URL_SCHEME, in_url));
        }
        schemes.extend(self.metrics_scheme());
        schemes
    }

    /// Returns the names of the schemes of subscribers.
    pub(crate) fn subscribe_schemes(&self) -> impl Iterator<Item = &'static str> {
        let header = self.subscribe.is_some().then_some(SUBSCRIBE_SCHEME);
        let in_url = self.accepts_token_in_url.then_some(SUBSCRIBE_IN_URL_SCHEME);
        header.into_iter().chain(in_url)
    }

    /// Returns the security scheme of `/metrics`, if it needs a token.
    pub(crate) fn metrics_scheme(&self) -> Option<(&'static str, Value)> {
        let scheme = || (METRICS_SCHEME, openapi::bearer("Token for the metrics"));
        self.metrics.is_some().then(scheme)
    }

    pub(crate) fn check_publisher(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        check_bearer(headers, &self.publish, "publishing", "publish")
    }

    pub(crate) fn check_subscriber<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let Some(expected) = &self.subscribe else {
            return Ok(());
        };
        // With a token in the URL, an `Authorization` of another scheme may be for a proxy.
        let is_right = match (bearer(request.headers()), self.token_in_url(request.uri())) {
            (Ok(Some(token)), _) => expected.matches(token.token()),
            (_, Some(token)) => expected.matches(&token),
            (Err(refusal), None) => return Err(refusal),
            (Ok(None), None) => return Err(missing("subscribing", "subscribe")),
        };
        match is_right {
            true => Ok(()),
            false => Err(wrong("subscribe")),
        }
    }

    fn token_in_url(&self, uri: &Uri) -> Option<String> {
        let query = uri.query().filter(|_| self.accepts_token_in_url)?;
        let mut fields = form_urlencoded::parse(query.as_bytes());
        let (_, token) = fields.find(|(name, _)| name == "access_token")?;
        Some(token.into_owned())
    }
}

/// Checks that the request has the token of this name, which `purpose` requires.
fn check_bearer(
    headers: &HeaderMap,
    expected: &Token,
    purpose: &str,
    name: &str,
) -> Result<(), Refusal> {
    match bearer(headers)? {
        Some(token) if expected.matches(token.token()) => Ok(()),
        Some(_) => Err(wrong(name)),
        None => Err(missing(purpose, name)),
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<Bearer>, Refusal> {
    match headers.typed_try_get::<Authorization<Bearer>>() {
        Ok(authorization) => Ok(authorization.map(|header| header.0)),
        Err(_) => Err(unauthorized("Authorization: expected `Bearer` and a token")
            .with_kind(RefusalKind::TokenMissing)),
    }
}

fn missing(purpose: &str, name: &str) -> Refusal {
    unauthorized(format_args!(
        "{purpose} requires `Authorization: Bearer` with the {name} token"
    ))
    .with_kind(RefusalKind::TokenMissing)
}

fn wrong(name: &str) -> Refusal {
    unauthorized(format_args!("this is not the {name} token")).with_kind(RefusalKind::TokenWrong)
}

fn unauthorized(reason: impl Display) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, reason)
}

fn is_loopback(name: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "the type says what is valid")]
    match name.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        // By RFC 6761, these names always stand for this machine.
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

/// Secret that authorizes a request. It has no `Debug`, so that no log shows it.
#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// Parses a token, which must be valid in a header.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        ensure!(!text.is_empty(), "a token cannot be empty");
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        ensure!(
            is_visible,
            "not valid in a header: only visible ASCII characters are allowed"
        );
        Ok(Self(text.to_owned()))
    }

    /// Creates a token of 128 random bits.
    pub(crate) fn random() -> Result<Self> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).context("cannot create a random token")?;
        Ok(Self(format!("{:032x}", u128::from_be_bytes(bytes))))
    }

    /// Compares the token in constant time, which does not reveal how many characters are right.
    pub(crate) fn matches(&self, token: &str) -> bool {
        self.0.as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// Returns the text of the token. Do not log it.
    pub(crate) fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl From<Token> for String {
    fn from(token: Token) -> Self {
        token.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(is_local: bool, hosts: &[&str]) -> Access {
        Access {
            publish: Token("t".to_owned()),
            subscribe: None,
            metrics: None,
            accepts_token_in_url: false,
            is_local,
            hosts: hosts
                .iter()
                .map(|host| HostPattern::parse_name(host).unwrap())
                .collect(),
        }
    }

    fn request(host: &'static str) -> Request<()> {
        let mut request = Request::new(());
        let host = http::HeaderValue::from_static(host);
        request.headers_mut().insert("host", host);
        request
    }

    #[test]
    fn where_others_reach_it_any_host_will_do_or_those_that_are_named() {
        let allows = |access: &Access, host| access.check_host(&request(host)).is_ok();
        let open = access(false, &[]);
        assert!(allows(&open, "a.example:80") && allows(&open, "[fe80::1]:80"));
        assert!(!allows(&open, "a b"));
        let named = access(false, &["a.example"]);
        assert!(allows(&named, "A.example.") && !allows(&named, "localhost"));
        let below = access(false, &["*.a.example"]);
        assert!(allows(&below, "b.a.example:1") && !allows(&below, "a.example"));
        let local = access(true, &["a.example"]);
        assert!(allows(&local, "a.example") && allows(&local, "[::ffff:127.0.0.1]:1"));
        assert!(!allows(&local, "b.example"));
        let mut without = Request::new(());
        assert!(local.check_host(&without).is_err());
        *without.version_mut() = http::Version::HTTP_10;
        assert!(local.check_host(&without).is_ok());
    }

    #[test]
    fn without_a_token_of_their_own_metrics_are_for_this_machine_alone() {
        let is_open = |access: &Access| access.check_metrics(&request("localhost")).is_ok();
        assert!(is_open(&access(true, &[])));
        assert!(!is_open(&access(false, &[])));
        assert!(!is_open(&access(true, &["a.example"])));
        let token = || Some(Token("s".to_owned()));
        let subscribe = Access {
            subscribe: token(),
            ..access(true, &[])
        };
        assert!(!is_open(&subscribe));
        let metrics = Access {
            metrics: token(),
            ..access(true, &[])
        };
        assert!(!is_open(&metrics));
    }

    #[test]
    fn over_a_unix_socket_any_host_will_do_but_metrics_are_for_this_machine() {
        let over_unix = |host| {
            let mut request = request(host);
            request.extensions_mut().insert(LocalSocket);
            request
        };
        for is_local in [true, false] {
            let open = access(is_local, &[]);
            assert!(open.check_host(&over_unix("a.example")).is_ok());
            assert!(open.check_host(&over_unix("a b")).is_err());
            let named = access(is_local, &["a.example"]);
            assert!(named.check_host(&over_unix("a.example")).is_ok());
            assert!(named.check_host(&over_unix("b.example")).is_err());
        }
        let local = access(true, &[]);
        assert!(local.check_metrics(&over_unix("localhost")).is_ok());
        assert!(local.check_metrics(&over_unix("a.example")).is_err());
        assert!(
            access(false, &[])
                .check_metrics(&over_unix("localhost"))
                .is_err()
        );
    }
}
