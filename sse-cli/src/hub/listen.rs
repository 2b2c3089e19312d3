//! Addresses to listen on: the options, and their endpoints.

use core::{fmt, net::SocketAddr};
#[cfg(unix)]
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tokio::net::lookup_host;

use crate::hub::{activation::PassedSocket, tls::TlsOptions};

/// Options for the addresses to listen on.
#[derive(Args)]
pub(crate) struct ListenOptions {
    /// Address to listen on: an IP address or a host name, and a port; or `unix:` and the path of a Unix socket. May be
    /// repeated. Port 0 is any free port. For a name, the hub listens on all of its addresses.
    ///
    /// If one of the addresses is not a loopback address or a Unix socket, --publish-token is required. A Unix socket
    /// that is left over from a hub that crashed is replaced. If the service manager passes sockets (systemd socket
    /// activation), the hub uses these instead.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "SSE_HUB_LISTEN",
        value_delimiter = ',',
        value_parser = ListenAddress::parse,
        default_value = "127.0.0.1:8080"
    )]
    listen: Vec<ListenAddress>,
    /// Octal mode of the Unix sockets: by default, their user and group may connect.
    #[cfg(unix)]
    #[arg(
        long,
        value_name = "MODE",
        env = "SSE_HUB_SOCKET_MODE",
        value_parser = crate::hub::unix_socket::parse_mode,
        default_value = "660"
    )]
    socket_mode: u32,
    #[command(flatten)]
    pub(crate) tls: TlsOptions,
}

impl ListenOptions {
    /// Returns the endpoints to listen at, at least one: the sockets that the service manager has passed, or else the
    /// addresses of the options.
    pub(crate) async fn endpoints(&self, passed: Vec<PassedSocket>) -> Result<Vec<Endpoint>> {
        if !passed.is_empty() {
            return Ok(passed.into_iter().map(Endpoint::Passed).collect());
        }
        let mut endpoints = Vec::new();
        for address in &self.listen {
            endpoints.push(match address {
                ListenAddress::Tcp(name) => Endpoint::Tcp {
                    name: name.clone(),
                    addresses: resolve(name).await?,
                },
                #[cfg(unix)]
                ListenAddress::Unix(path) => Endpoint::Unix {
                    path: path.clone(),
                    mode: self.socket_mode,
                },
            });
        }
        Ok(endpoints)
    }
}

/// Resolves a name to all of its addresses, at least one.
async fn resolve(name: &str) -> Result<Vec<SocketAddr>> {
    let failed = || format!("cannot listen on {name}");
    let mut addresses = Vec::new();
    for address in lookup_host(name).await.with_context(failed)? {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    match addresses.is_empty() {
        true => bail!("cannot listen on {name}: the name has no address"),
        false => Ok(addresses),
    }
}

/// Value of `--listen`.
#[derive(Clone, Debug)]
pub(crate) enum ListenAddress {
    /// IP address or host name, and a port.
    Tcp(String),
    /// Path of a Unix socket.
    #[cfg(unix)]
    Unix(PathBuf),
}

impl ListenAddress {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        const EXPECTED_FORM: &str = "expected an IP address or a host name, and a port, or a Unix socket: \
                                     127.0.0.1:8080, localhost:8080, unix:/run/sse.sock";
        if let Some(path) = text.strip_prefix("unix:") {
            #[cfg(unix)]
            return match path.starts_with(['/', '.']) {
                true => Ok(Self::Unix(path.into())),
                false => Err(format!(
                    "the path of a Unix socket begins with `/` or `.`: unix:./{path}"
                )),
            };
            #[cfg(not(unix))]
            return Err(format!(
                "there are no Unix sockets on this system: unix:{path}"
            ));
        }
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
            true => Ok(Self::Tcp(text.to_owned())),
            false => Err(EXPECTED_FORM.to_owned()),
        }
    }
}

/// Endpoint at which the hub listens.
#[derive(Debug)]
pub(crate) enum Endpoint {
    Tcp {
        /// The address as the user has written it.
        name: String,
        addresses: Vec<SocketAddr>,
    },
    #[cfg(unix)]
    Unix { path: PathBuf, mode: u32 },
    /// Socket that the service manager has opened.
    Passed(PassedSocket),
}

impl Endpoint {
    /// Returns the addresses to listen on; none if this is not an endpoint of TCP, or a passed socket.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        match self {
            Self::Tcp { addresses, .. } => addresses,
            _ => &[],
        }
    }

    /// Returns whether only programs of this machine can connect.
    pub(crate) fn is_local(&self) -> bool {
        let is_loopback = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
        match self {
            Self::Tcp { addresses, .. } => addresses.iter().all(is_loopback),
            #[cfg(unix)]
            Self::Unix { .. } => true,
            // A socket without an address is not known to be safe.
            Self::Passed(socket) => match socket.tcp_address() {
                Some(address) => address.as_ref().is_ok_and(is_loopback),
                None => true,
            },
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { name, .. } => name.fmt(f),
            #[cfg(unix)]
            Self::Unix { path, .. } => write!(f, "unix:{}", path.display()),
            Self::Passed(socket) => socket.fmt(f),
        }
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
            let address = ListenAddress::parse(text).unwrap();
            assert!(matches!(address, ListenAddress::Tcp(name) if name == text));
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
            "unix:",
            "unix:a.sock",
            "/run/a.sock",
        ] {
            assert!(ListenAddress::parse(text).is_err(), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_unix_socket_has_a_path() {
        for text in ["unix:/run/a b.sock", "unix:./a.sock"] {
            let address = ListenAddress::parse(text).unwrap();
            let path = text.strip_prefix("unix:").map(PathBuf::from).unwrap();
            assert!(matches!(address, ListenAddress::Unix(it) if it == path));
        }
    }

    #[test]
    fn an_endpoint_is_local_if_all_of_its_addresses_are() {
        for (ips, expected) in [
            (&["127.0.0.1", "::1"][..], true),
            (&["127.0.0.1", "10.0.0.1"], false),
            (&["0.0.0.0"], false),
            (&["::"], false),
            (&["::ffff:127.0.0.1"], true),
        ] {
            #[expect(clippy::disallowed_methods, reason = "the addresses are literals")]
            let address = |ip: &&str| SocketAddr::new(ip.parse().unwrap(), 80);
            let endpoint = Endpoint::Tcp {
                name: "a".to_owned(),
                addresses: ips.iter().map(address).collect(),
            };
            assert_eq!(endpoint.is_local(), expected, "{ips:?}");
        }
    }
}
