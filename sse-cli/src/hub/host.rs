//! The target host of a request.
//!
//! > A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a
//! > Host header field and to any request message that contains more than one Host header field line or a
//! > Host header field with an invalid field value.
//!
//! [RFC 9112, 3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2)

use core::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};
use std::borrow::Cow;

use http::{HeaderMap, Request, Uri, Version, header::HOST};

use crate::hub::response::Refusal;

/// Host name or IP address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// Name or address in lower case: a name without a dot at the end, an IPv6 address without brackets.
    pub(crate) name: String,
    pub(crate) port: Option<u16>,
}

impl Host {
    /// Returns the target host of a request, from the request target if that is an absolute URI, or from the Host
    /// header. It is an error if the two differ. Only an HTTP/1.0 request may have no host. HTTP/2 has the host in
    /// `:authority`, which is part of the request target.
    pub(crate) fn from_request<B>(request: &Request<B>) -> Result<Option<Self>, Refusal> {
        let in_header = in_header(request.headers())?;
        let in_target = in_target(request.uri())?;
        let is_missing = match request.version() {
            Version::HTTP_10 => false,
            Version::HTTP_2 => in_header.is_none() && in_target.is_none(),
            _ => in_header.is_none(),
        };
        if is_missing {
            return Err(Refusal::bad("no Host header"));
        }
        let Some((in_target, default_port)) = in_target else {
            return Ok(in_header);
        };
        let is_same = |host: &Self| {
            let ports = [host, &in_target].map(|host| host.port.unwrap_or(default_port));
            host.name == in_target.name && ports[0] == ports[1]
        };
        match in_header {
            Some(host) if !is_same(&host) => Err(Refusal::bad(format_args!(
                "Host is {host}, but the request target has {in_target}"
            ))),
            _ => Ok(Some(in_target)),
        }
    }

    /// Parses a host in the form of a URI, `name:port` or `[address]:port`. The port is optional.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains('@') {
            return Err("a user before the host is not allowed");
        }
        let (name, rest) = match text.strip_prefix('[') {
            Some(text) => {
                let (address, rest) = text.split_once(']').ok_or("`[` without `]`")?;
                #[expect(clippy::disallowed_methods, reason = "the type says what is valid")]
                let address: Ipv6Addr = address.parse().map_err(|_| "not an IPv6 address")?;
                (address.to_string(), rest)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                let (name, rest) = text.split_at(end);
                (domain(name)?, rest)
            }
        };
        Ok(Self {
            name,
            port: port(rest)?,
        })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.contains(':') {
            true => write!(f, "[{}]", self.name)?,
            false => f.write_str(&self.name)?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

fn in_header(headers: &HeaderMap) -> Result<Option<Host>, Refusal> {
    let mut values = headers.get_all(HOST).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| "not ASCII");
            let host = text.and_then(Host::parse);
            host.map(Some)
                .map_err(|reason| Refusal::bad(format_args!("Host: {reason}")))
        }
        (Some(_), Some(_)) => Err(Refusal::bad("Host: given twice")),
    }
}

/// Returns the host and the default port of an absolute request target.
fn in_target(target: &Uri) -> Result<Option<(Host, u16)>, Refusal> {
    let Some(authority) = target.authority() else {
        return Ok(None);
    };
    let default_port = match target.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return Err(Refusal::bad("the request target is not a path")),
    };
    match Host::parse(authority.as_str()) {
        Ok(host) => Ok(Some((host, default_port))),
        Err(reason) => Err(Refusal::bad(format_args!("the request target: {reason}"))),
    }
}

/// Parses a DNS name or an IPv4 address, and returns it in lower case and without a dot at the end.
fn domain(text: &str) -> Result<String, &'static str> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let mut bytes = label.bytes();
        !label.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    match name.split('.').all(is_label) {
        true => Ok(name.to_ascii_lowercase()),
        false => Err("not a name"),
    }
}

fn port(text: &str) -> Result<Option<u16>, &'static str> {
    let digits = match text.strip_prefix(':') {
        None if text.is_empty() => return Ok(None),
        None => return Err("text after the address is not a port"),
        Some(digits) => digits,
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("the port is not a number");
    }
    if digits.is_empty() {
        return Ok(None);
    }
    #[expect(clippy::disallowed_methods, reason = "there are only digits")]
    let port = digits.parse();
    port.map(Some).map_err(|_| "the port is above 65535")
}

/// Hosts that an option allows: one host, or all names below a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostPattern {
    /// Name in the form of [`Host::name`].
    name: String,
    /// Matches the names below this name instead of the name itself.
    is_parent: bool,
}

impl HostPattern {
    /// Parses a host, or `*.` and a domain, and an optional port. A name may have Unicode characters.
    pub(crate) fn parse(text: &str) -> Result<(Self, Option<u16>), &'static str> {
        let (is_parent, text) = match text.strip_prefix("*.") {
            Some(parent) => (true, parent),
            None => (false, text),
        };
        if text.contains('*') || (is_parent && text.is_empty()) {
            return Err("`*` stands before a domain, as in *.example.com");
        }
        let host = Host::parse(&in_ascii(text)?)?;
        #[expect(clippy::disallowed_methods, reason = "the type says what is valid")]
        let is_address = host.name.parse::<IpAddr>().is_ok();
        if is_parent && is_address {
            return Err("an address has no names below it");
        }
        let name = host.name;
        Ok((Self { name, is_parent }, host.port))
    }

    /// Parses a value of the option `--allow-host`, which allows the name with any port.
    pub(crate) fn parse_name(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Err(
                "`*` would allow DNS rebinding by any page: name each host, or all below a domain, as in \
                 *.example.com"
                    .to_owned(),
            );
        }
        if let Some((_, rest)) = text.split_once("://") {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            return Err(format!("expected a name, not a URL: write {host}"));
        }
        // An IPv6 address may have no brackets here.
        let parsed = match text.bytes().filter(|&byte| byte == b':').count() {
            2.. if !text.starts_with('[') => Self::parse(&format!("[{text}]")),
            _ => Self::parse(text),
        };
        match parsed? {
            (pattern, None | Some(80 | 443)) => Ok(pattern),
            (_, Some(port)) => Err(format!(
                "a name has no port here, because it is allowed with any port: leave out :{port}"
            )),
        }
    }

    /// Returns whether the pattern matches a name in the form of [`Host::name`].
    pub(crate) fn matches(&self, name: &str) -> bool {
        match self.is_parent {
            false => name == self.name,
            true => {
                let below = name.strip_suffix(&*self.name);
                below.is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
        }
    }
}

/// Converts a host to ASCII. IDNA encodes a name with Unicode characters.
fn in_ascii(text: &str) -> Result<Cow<'_, str>, &'static str> {
    if text.is_ascii() {
        return Ok(text.into());
    }
    let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
    let name = idna::domain_to_ascii(name).map_err(|_| "not a name")?;
    Ok((name + port).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_in_one_form() {
        for (text, shown) in [
            ("A.Example", "a.example"),
            ("a.example.:080", "a.example:80"),
            ("a_b-c:", "a_b-c"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("[0:0::1]:1", "[::1]:1"),
        ] {
            assert_eq!(Host::parse(text).unwrap().to_string(), shown);
        }
        for text in [
            "", ".", "a..", ".a", "[::1%lo]", "[v1.a]", "[::1]1", "a:1:2", "a b", "*",
        ] {
            assert!(Host::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn http2_has_the_host_in_the_target_or_in_the_header() {
        for (target, header, expected) in [
            ("http://a.example/", None, Some("a.example")),
            (
                "https://a.example/",
                Some("a.example:443"),
                Some("a.example"),
            ),
            ("/", Some("a.example"), Some("a.example")),
            ("http://a.example/", Some("b.example"), None),
            ("/", None, None),
        ] {
            let mut request = Request::builder().uri(target).version(Version::HTTP_2);
            if let Some(host) = header {
                request = request.header(HOST, host);
            }
            let host = Host::from_request(&request.body(()).unwrap());
            let host = host.ok().flatten().map(|host| host.name);
            assert_eq!(host.as_deref(), expected, "{target}, {header:?}");
        }
    }

    #[test]
    fn a_name_of_an_option_is_read_in_the_form_of_requests() {
        for (text, name) in [
            ("A.example", "a.example"),
            ("a.example.", "a.example"),
            ("a.example:443", "a.example"),
            ("a.example:80", "a.example"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("Bücher.example", "xn--bcher-kva.example"),
            ("bücher.example.:443", "xn--bcher-kva.example"),
            ("*.a.example", "b.a.example"),
            ("*.A.example.", "c.b.a.example"),
            ("*.bücher.example", "a.xn--bcher-kva.example"),
        ] {
            assert!(
                HostPattern::parse_name(text).unwrap().matches(name),
                "{text}"
            );
        }
        let below = HostPattern::parse_name("*.a.example").unwrap();
        for name in [
            "a.example",
            ".a.example",
            "ba.example",
            "b.a.example.evil",
            "example",
            "",
        ] {
            assert!(!below.matches(name), "{name}");
        }
        for (text, reason) in [
            ("a.example:8443", "leave out :8443"),
            ("http://a.example", "write a.example"),
            ("https://a.example:443/path", "write a.example:443"),
            ("*", "name each"),
            ("*.", "`*` stands before a domain"),
            ("*a.example", "`*` stands before a domain"),
            ("a.*.example", "`*` stands before a domain"),
            ("*.127.0.0.1", "an address has no names below it"),
            ("", "not a name"),
            ("a,b", "not a name"),
            ("a b", "not a name"),
            ("user@a.example", "a user before the host"),
            ("a.example/path", "not a name"),
        ] {
            let error = HostPattern::parse_name(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
