//! Parser for the addresses of NATS servers, which separates the credentials from the addresses.
//!
//! The client of `async_nats` uses only credentials from its options, and logs whole addresses. So this module removes
//! the credentials from the addresses, and `link.rs` passes them to the client as options.

use core::str::FromStr as _;

use async_nats::{ConnectOptions, ServerAddr};
use percent_encoding::percent_decode_str;

use crate::InvalidConfig;

/// Credentials of an address. The type has no `Debug`, so that they are never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    None,
    Token(String),
    User { name: String, password: String },
}

impl Credentials {
    /// Returns the options with these credentials.
    pub(crate) fn apply(&self, options: ConnectOptions) -> ConnectOptions {
        match self.clone() {
            Self::None => options,
            Self::Token(token) => options.token(token),
            Self::User { name, password } => options.user_and_password(name, password),
        }
    }
}

/// Servers with the same credentials.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) servers: Vec<ServerAddr>,
    pub(crate) credentials: Credentials,
}

/// Parses a comma-separated list of addresses. Errors contain no part of an address, because it may be a password.
pub(crate) fn parse(addresses: &str) -> Result<Vec<Group>, InvalidConfig> {
    let mut groups: Vec<Group> = Vec::new();
    for (number, address) in (1_usize..).zip(addresses.split(',')) {
        let invalid = |reason: &str| InvalidConfig::new(format!("NATS address {number}: {reason}"));
        let (server, credentials) = split(address.trim()).map_err(|reason| invalid(&reason))?;
        match groups
            .iter_mut()
            .find(|group| group.credentials == credentials)
        {
            Some(group) => group.servers.push(server),
            None => groups.push(Group {
                servers: vec![server],
                credentials,
            }),
        }
    }
    Ok(groups)
}

/// Splits an address into the server and its credentials.
fn split(address: &str) -> Result<(ServerAddr, Credentials), String> {
    if let Some((scheme, _)) = address.split_once("://")
        && !["nats", "tls"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return Err("scheme is neither nats nor tls".to_owned());
    }
    let server = ServerAddr::from_str(address).map_err(|error| error.to_string())?;
    let mut url = server.into_inner();
    let is_bare =
        matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !is_bare {
        return Err("address has more than a user, a host and a port".to_owned());
    }
    let decode = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err("decoded user or password is not UTF-8".to_owned()),
    };
    let name = decode(url.username())?;
    let password = url.password().map(decode).transpose()?;
    let credentials = match (name.is_empty(), password) {
        (true, None) => Credentials::None,
        (true, Some(_)) => return Err("password without a user".to_owned()),
        (false, None) => Credentials::Token(name),
        (false, Some(password)) => Credentials::User { name, password },
    };
    // The setters fail only if the address has no host.
    if url.set_username("").is_err() || url.set_password(None).is_err() || !url.has_host() {
        return Err("no host".to_owned());
    }
    let server = ServerAddr::from_url(url).map_err(|error| error.to_string())?;
    Ok((server, credentials))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(addresses: &str) -> Vec<(String, Vec<String>)> {
        let groups = parse(addresses).unwrap();
        let servers = |group: &Group| {
            let urls = group
                .servers
                .iter()
                .map(|server| server.as_url_str().to_owned());
            urls.collect()
        };
        let credentials = |group: &Group| match group.credentials.clone() {
            Credentials::None => String::new(),
            Credentials::Token(token) => token,
            Credentials::User { name, password } => format!("{name} {password}"),
        };
        groups
            .iter()
            .map(|group| (credentials(group), servers(group)))
            .collect()
    }

    #[test]
    fn credentials_are_taken_out() {
        assert_eq!(
            parsed("a, tls://me:%3a@b:1,nats://t%40@[::1]:2, tls://me::@c/,nats://:@d"),
            [
                (
                    String::new(),
                    vec!["nats://a".to_owned(), "nats://d".to_owned()]
                ),
                (
                    "me :".to_owned(),
                    vec!["tls://b:1".to_owned(), "tls://c/".to_owned()]
                ),
                ("t@".to_owned(), vec!["nats://[::1]:2".to_owned()]),
            ]
        );
    }

    #[test]
    fn errors_contain_no_part_of_the_address() {
        for (address, reason) in [
            ("http://s3cret@x", "scheme"),
            ("ws://s3cret@x", "scheme"),
            ("s3cret://x", "scheme"),
            ("a b s3cret", "invalid"),
            ("nats://s3cret@", "host"),
            ("nats://:s3cret@x", "without a user"),
            ("nats://s3cret%ff@x", "UTF-8"),
            ("nats://x/s3cret", "more than"),
            ("nats://x?token=s3cret", "more than"),
            ("nats://x#s3cret", "more than"),
            ("nats://x:s3cret", "invalid port"),
            ("", "no host"),
        ] {
            let error = parse(&format!("y,{address}")).err().unwrap().to_string();
            let has_reason = error.starts_with("NATS address 2: ") && error.contains(reason);
            assert!(
                has_reason && !error.contains("s3cret"),
                "{address}: {error}"
            );
        }
    }
}
