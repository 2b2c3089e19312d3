//! Addresses that the server listens on.

use core::{
    fmt,
    net::SocketAddr,
    task::{Context, Poll},
};
use std::io;

use anyhow::{Context as _, Result, bail};
use tokio::net::{TcpListener, TcpStream, lookup_host};

/// IP address or host name, and a port.
#[derive(Clone, Debug)]
pub(crate) struct Address(String);

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        const EXPECTED_FORM: &str =
            "expected an IP address or a host name, and a port: 127.0.0.1:8080, localhost:8080";
        let Some((host, port)) = text.rsplit_once(':') else {
            return Err(EXPECTED_FORM.to_owned());
        };
        #[expect(clippy::disallowed_methods, reason = "the types say what is valid")]
        let (is_address, is_port) = (
            text.parse::<SocketAddr>().is_ok(),
            port.parse::<u16>().is_ok(),
        );
        let is_name = !host.is_empty() && !host.contains([':', '[', ']', '/', '@']);
        match is_address || (is_name && is_port) {
            true => Ok(Self(text.to_owned())),
            false => Err(EXPECTED_FORM.to_owned()),
        }
    }

    /// Resolves the name to all of its addresses, at least one.
    pub(crate) async fn resolve(&self) -> Result<Vec<SocketAddr>> {
        let failed = || format!("cannot listen on {self}");
        let mut addresses = Vec::new();
        for address in lookup_host(&*self.0).await.with_context(failed)? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        match addresses.is_empty() {
            true => bail!("cannot listen on {self}: the name has no address"),
            false => Ok(addresses),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Listeners for all addresses of a host, with one port.
pub(crate) struct Listeners(Vec<TcpListener>);

impl Listeners {
    /// Listens on these addresses. Skips those that this machine does not have, if it has at least one: a name may
    /// have an IPv6 address where there is no IPv6. Port 0 takes the port of the first listener.
    pub(crate) async fn bind(addresses: &[SocketAddr]) -> Result<Self> {
        let mut listeners: Vec<TcpListener> = Vec::new();
        let mut missing = None;
        for address in addresses {
            let mut address = *address;
            if let (0, Some(first)) = (address.port(), listeners.first()) {
                address.set_port(first.local_addr()?.port());
            }
            match TcpListener::bind(address).await {
                Ok(listener) => listeners.push(listener),
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                    missing.get_or_insert((address, error));
                }
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot listen on {address}"));
                }
            }
        }
        match missing {
            Some((address, error)) if listeners.is_empty() => {
                Err(error).with_context(|| format!("cannot listen on {address}"))
            }
            _ => Ok(Self(listeners)),
        }
    }

    /// Returns the address of the first listener.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        let first = self.0.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
        first.local_addr()
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        let accepted = self.0.iter().map(|it| it.poll_accept(cx));
        let ready = accepted.into_iter().find(Poll::is_ready);
        ready.map_or(Poll::Pending, |it| it.map_ok(|(connection, _)| connection))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for text in [
            "127.0.0.1:0",
            "[::1]:8080",
            "localhost:8080",
            "a-b.example:1",
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            ":",
            "8080",
            ":8080",
            "localhost",
            "localhost:",
            "localhost:x",
            "localhost:65536",
            "::1:8080",
            "http://localhost:8080",
            "[localhost]:8080",
            "a@b:1",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn all_addresses_have_one_port() {
        let addresses =
            [[127, 0, 0, 1], [127, 0, 0, 2], [192, 0, 2, 1]].map(|it| SocketAddr::from((it, 0)));
        let listeners = Listeners::bind(&addresses).await.unwrap();
        let port = listeners.local_addr().unwrap().port();
        for host in ["127.0.0.2", "127.0.0.1"] {
            TcpStream::connect((host, port)).await.unwrap();
            core::future::poll_fn(|cx| listeners.poll_accept(cx))
                .await
                .unwrap();
        }
        let error = Listeners::bind(&addresses[2..]).await.err().unwrap();
        assert!(
            error.to_string().contains("cannot listen on 192.0.2.1:0"),
            "{error}"
        );
    }
}
