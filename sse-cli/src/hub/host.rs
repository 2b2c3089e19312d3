//! The host that a request is for.
//!
//! > A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a
//! > Host header field and to any request message that contains more than one Host header field line or a
//! > Host header field with an invalid field value.
//!
//! [RFC 9112, 3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2)

use core::{fmt, net::Ipv6Addr};

use http::{HeaderMap, HeaderValue, Request, Uri, Version, header::HOST};

use crate::hub::answer::Refusal;

/// A name or an address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// In lower case; a name without the dot at its end, an IPv6 address without brackets.
    pub(crate) name: String,
    pub(crate) port: Option<u16>,
}

impl Host {
    /// Returns the host that the request is for: that of the request target, if it is a whole URI, and of the
    /// Host header, which may not differ. Only a request of HTTP/1.0 may have neither.
    pub(crate) fn of_request<B>(request: &Request<B>) -> Result<Option<Self>, Refusal> {
        let in_header = in_header(request.headers())?;
        if in_header.is_none() && request.version() != Version::HTTP_10 {
            return Err(Refusal::bad("no Host"));
        }
        let Some((in_target, default_port)) = in_target(request.uri())? else {
            return Ok(in_header);
        };
        let is_same = |host: &Self| {
            let ports = [host, &in_target].map(|host| host.port.unwrap_or(default_port));
            host.name == in_target.name && ports[0] == ports[1]
        };
        match in_header {
            Some(host) if !is_same(&host) => Err(Refusal::bad(format_args!(
                "Host is {host}, and the request target has {in_target}"
            ))),
            _ => Ok(Some(in_target)),
        }
    }

    /// Reads a host as it stands in a URI, `name:port` or `[address]:port`, of which the port may be missing.
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
        (Some(_), Some(_)) => Err(Refusal::bad("Host: there are two")),
    }
}

/// The host and the default port of a request target that is not a path alone.
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

/// A name in DNS, or an IPv4 address. The root may be named by a dot at the end.
fn domain(text: &str) -> Result<String, &'static str> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let mut bytes = label.bytes();
        !label.is_empty() && bytes.all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it))
    };
    match name.split('.').all(is_label) {
        true => Ok(name.to_ascii_lowercase()),
        false => Err("not a name"),
    }
}

fn port(text: &str) -> Result<Option<u16>, &'static str> {
    let digits = match text.strip_prefix(':') {
        None if text.is_empty() => return Ok(None),
        None => return Err("no port follows the address"),
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

/// A name on the command line.
pub(crate) fn name(text: &str) -> Result<String, &'static str> {
    // The brackets may be left out there.
    let host = match text.bytes().filter(|&byte| byte == b':').count() {
        2.. if !text.starts_with('[') => Host::parse(&format!("[{text}]")),
        _ => Host::parse(text),
    };
    match host? {
        Host { name, port: None } => Ok(name),
        Host { .. } => Err("a name has no port here: it is allowed with any"),
    }
}

/// An origin on the command line, such as `https://example.com`, in the form in which browsers send it: they
/// are compared byte by byte.
pub(crate) fn origin(text: &str) -> Result<HeaderValue, String> {
    if text == "*" {
        return Ok(HeaderValue::from_static("*"));
    }
    if text.eq_ignore_ascii_case("null") {
        return Err(
            "sandboxed frames of any page and local files have the origin null, so any page could \
             read the events; if all pages may, allow *"
                .to_owned(),
        );
    }
    let uri = Uri::try_from(text).map_err(|error| format!("not an origin: {error}"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("not an origin, as in https://example.com".to_owned());
    };
    if authority.as_str().contains('*') {
        return Err("there are no patterns of origins: `*` alone stands for all".to_owned());
    }
    let mut host = Host::parse(authority.as_str()).map_err(|it| format!("not an origin: {it}"))?;
    let scheme = scheme.to_ascii_lowercase();
    host.port = host
        .port
        .filter(|port| !matches!((&*scheme, port), ("http", 80) | ("https", 443)));
    let sent = format!("{scheme}://{host}");
    match text == sent {
        true => HeaderValue::try_from(sent).map_err(|error| error.to_string()),
        false => Err(format!("not an origin as browsers send it: write {sent}")),
    }
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
    fn a_name_of_an_option_has_no_port() {
        for (text, expected) in [("A.example", "a.example"), ("::1", "::1"), ("[::1]", "::1")] {
            assert_eq!(name(text).unwrap(), expected);
        }
        for text in [
            "a.example:80",
            "http://a.example",
            "*",
            "*.a.example",
            "",
            "a,b",
        ] {
            assert!(name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_origin_is_taken_as_browsers_send_it_or_not_at_all() {
        for text in [
            "*",
            "https://a.example",
            "http://a.example:81",
            "http://[::1]:8080",
            "https://a.example:80",
            "chrome-extension://abcdefghijklmnop",
        ] {
            assert_eq!(origin(text).unwrap(), text);
        }
        let refused = [
            ("null", "any page could read the events"),
            ("NULL", "any page could read the events"),
            ("http://*", "no patterns"),
            ("https://*.a.example", "no patterns"),
            ("https://a.example:*", ""),
            ("https://a.example/", "write https://a.example"),
            ("https://a.example/path", "write https://a.example"),
            ("https://a.example?", "write https://a.example"),
            ("https://A.example", "write https://a.example"),
            ("HTTPS://a.example", "write https://a.example"),
            ("https://a.example:443", "write https://a.example"),
            ("http://a.example:80", "write http://a.example"),
            ("https://user@a.example", "a user before the host"),
            ("https://a.example:x", ""),
            ("https://bücher.example", "not an origin"),
            ("https://", "not an origin"),
            ("a.example", "as in https://example.com"),
            ("/", "as in https://example.com"),
            ("", "not an origin"),
        ];
        for (text, reason) in refused {
            let error = origin(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
