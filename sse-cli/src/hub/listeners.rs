//! Listening sockets of all endpoints, and the sockets that they accept.

use core::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};
use std::io;

use anyhow::{Context as _, Result, bail};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

#[cfg(unix)]
use crate::hub::unix_socket::{self, SocketFile};
use crate::hub::{activation::PassedSocket, listen::Endpoint};

/// Maximum number of connections that wait to be accepted, for example when all clients reconnect after a restart.
/// Linux limits it to `net.core.somaxconn`, which has this value by default.
const BACKLOG: u32 = 4096;

/// Socket of a client.
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Listening sockets of all endpoints.
#[derive(Debug)]
pub(crate) struct Listeners {
    listeners: Vec<Listener>,
    /// Address that is shown for each endpoint.
    locations: Vec<Location>,
    /// Index of the listener that is asked first next time, so that a busy one does not delay the others.
    next: AtomicUsize,
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        /// File that is removed with the listener. A passed socket has no such file.
        _file: Option<SocketFile>,
    },
}

#[derive(Debug)]
enum Location {
    Tcp(SocketAddr),
    #[cfg(unix)]
    Unix(String),
}

impl Listeners {
    /// Listens at these endpoints.
    pub(crate) fn bind(endpoints: Vec<Endpoint>) -> Result<Self> {
        // With `0.0.0.0` and `[::]`, the second one would take the port of the first one, too.
        let ports_of_any_v4: Vec<_> = endpoints
            .iter()
            .flat_map(Endpoint::addresses)
            .filter(|address| address.ip() == Ipv4Addr::UNSPECIFIED)
            .map(SocketAddr::port)
            .collect();
        let is_only_v6 = |address: SocketAddr| {
            address.ip() == Ipv6Addr::UNSPECIFIED
                && address.port() != 0
                && ports_of_any_v4.contains(&address.port())
        };
        let mut listeners = Vec::new();
        let mut locations = Vec::new();
        for endpoint in endpoints {
            let failed = format!("cannot listen on {endpoint}");
            match endpoint {
                Endpoint::Tcp { addresses, .. } => {
                    let (bound, first) = bind_all(&addresses, is_only_v6)?;
                    locations.push(Location::Tcp(first));
                    listeners.extend(bound.into_iter().map(Listener::Tcp));
                }
                #[cfg(unix)]
                Endpoint::Unix { path, mode } => {
                    let (listener, file) =
                        unix_socket::listen(&path, mode, BACKLOG).context(failed)?;
                    locations.push(Location::Unix(path.display().to_string()));
                    let _file = Some(file);
                    listeners.push(Listener::Unix { listener, _file });
                }
                Endpoint::Passed(socket) => {
                    let (listener, location) = take_over(socket).context(failed)?;
                    locations.push(location);
                    listeners.push(listener);
                }
            }
        }
        Ok(Self {
            listeners,
            locations,
            next: AtomicUsize::new(0),
        })
    }

    /// Returns the URL of each endpoint, one per line. `is_tls` is for those of TCP.
    pub(crate) fn urls(&self, is_tls: bool) -> String {
        let url = |location: &Location| match location {
            Location::Tcp(address) if is_tls => format!("https://{address}/\n"),
            Location::Tcp(address) => format!("http://{address}/\n"),
            #[cfg(unix)]
            Location::Unix(path) => format!("unix:{path}\n"),
        };
        self.locations.iter().map(url).collect()
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Socket>> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.listeners.len().max(1);
        let (later, earlier) = (&self.listeners[first..], &self.listeners[..first]);
        let mut accepted = later
            .iter()
            .chain(earlier)
            .map(|listener| listener.poll_accept(cx));
        accepted.find(Poll::is_ready).unwrap_or(Poll::Pending)
    }
}

impl Listener {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Socket>> {
        Poll::Ready(match self {
            Self::Tcp(listener) => {
                ready!(listener.poll_accept(cx)).map(|(socket, _)| Socket::Tcp(socket))
            }
            #[cfg(unix)]
            Self::Unix { listener, .. } => {
                ready!(listener.poll_accept(cx)).map(|(socket, _)| Socket::Unix(socket))
            }
        })
    }
}

/// Listens on the addresses of a name, with one port, and returns the first one with its port. Skips those that this
/// machine does not have, if it has at least one: a name may have an IPv6 address where there is no IPv6. Port 0 takes
/// the port of the first listener.
fn bind_all(
    addresses: &[SocketAddr],
    is_only_v6: impl Fn(SocketAddr) -> bool,
) -> Result<(Vec<TcpListener>, SocketAddr)> {
    let mut listeners = Vec::new();
    let mut first: Option<SocketAddr> = None;
    let mut missing = None;
    for address in addresses {
        let mut address = *address;
        if let (0, Some(first)) = (address.port(), first) {
            address.set_port(first.port());
        }
        let failed = || format!("cannot listen on {address}");
        match listen(address, is_only_v6(address)) {
            Ok(listener) => {
                if first.is_none() {
                    first = Some(listener.local_addr().with_context(failed)?);
                }
                listeners.push(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
                missing.get_or_insert(Err(error).with_context(failed));
            }
            Err(error) => return Err(error).with_context(failed),
        }
    }
    match (first, missing) {
        (Some(first), _) => Ok((listeners, first)),
        (None, Some(error)) => error,
        (None, None) => bail!("cannot listen: the name has no address"),
    }
}

fn listen(address: SocketAddr, is_only_v6: bool) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if address.is_ipv6() && is_only_v6 {
        socket2::SockRef::from(&socket).set_only_v6(true)?;
    }
    // On Windows, another program could take the port then.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Takes over a socket of the service manager.
fn take_over(socket: PassedSocket) -> io::Result<(Listener, Location)> {
    match socket {
        PassedSocket::Tcp(socket) => {
            socket.set_nonblocking(true)?;
            let location = Location::Tcp(socket.local_addr()?);
            Ok((Listener::Tcp(TcpListener::from_std(socket)?), location))
        }
        #[cfg(unix)]
        PassedSocket::Unix(socket) => {
            socket.set_nonblocking(true)?;
            let address = socket.local_addr()?;
            let path = address.as_pathname().map(|path| path.display().to_string());
            let listener = Listener::Unix {
                listener: UnixListener::from_std(socket)?,
                _file: None,
            };
            Ok((listener, Location::Unix(path.unwrap_or_default())))
        }
    }
}

/// Maximum timeout for unacknowledged data on Linux, where it is a number of milliseconds as an `int`.
#[cfg(target_os = "linux")]
const MAX_USER_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// Sets the options of a connection. It fails when its client has acknowledged nothing for `write_timeout`.
pub(crate) fn set_socket_options(connection: &TcpStream, write_timeout: Duration) {
    // Without these options, the connection still works, or it fails when it is used.
    if let Err(error) = connection.set_nodelay(true) {
        tracing::warn!(%error, "a connection may be slow: TCP_NODELAY is not set");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = set_user_timeout(connection, write_timeout) {
        tracing::warn!(
            %error,
            "a client that vanishes may be noticed late: TCP_USER_TIMEOUT is not set"
        );
    }
}

/// Sets the time after which Linux closes a connection with unacknowledged data, whose client has vanished.
#[cfg(target_os = "linux")]
fn set_user_timeout(connection: &TcpStream, timeout: Duration) -> io::Result<()> {
    // For Linux, 0 means the default of the system.
    let timeout = timeout.clamp(Duration::from_millis(1), MAX_USER_TIMEOUT);
    socket2::SockRef::from(connection).set_tcp_user_timeout(Some(timeout))
}

#[cfg(test)]
mod tests {
    use core::future::poll_fn;

    use super::*;

    fn endpoint(addresses: &[SocketAddr]) -> Endpoint {
        Endpoint::Tcp {
            name: "a:0".to_owned(),
            addresses: addresses.to_owned(),
        }
    }

    fn port(listeners: &Listeners) -> u16 {
        match &listeners.locations[0] {
            Location::Tcp(address) => address.port(),
            location => panic!("{location:?}"),
        }
    }

    #[tokio::test]
    async fn all_addresses_have_one_port() {
        let addresses =
            [[127, 0, 0, 1], [127, 0, 0, 2], [192, 0, 2, 1]].map(|ip| SocketAddr::from((ip, 0)));
        let listeners = Listeners::bind(vec![endpoint(&addresses)]).unwrap();
        let port = port(&listeners);
        assert_eq!(
            listeners.urls(false),
            format!("http://127.0.0.1:{port}/\n"),
            "one line for a name"
        );
        for host in ["127.0.0.2", "127.0.0.1"] {
            TcpStream::connect((host, port)).await.unwrap();
            poll_fn(|cx| listeners.poll_accept(cx)).await.unwrap();
        }
        let error = Listeners::bind(vec![endpoint(&addresses[2..])]).unwrap_err();
        assert!(
            error.to_string().contains("cannot listen on 192.0.2.1:0"),
            "{error}"
        );
    }

    /// Checks that a listener with many connections does not keep another one waiting.
    #[tokio::test]
    async fn listeners_take_turns() {
        let address = [SocketAddr::from(([127, 0, 0, 1], 0))];
        let listeners = Listeners::bind(vec![endpoint(&address), endpoint(&address)]).unwrap();
        let ports: Vec<_> = listeners
            .locations
            .iter()
            .map(|location| match location {
                Location::Tcp(address) => address.port(),
                location => panic!("{location:?}"),
            })
            .collect();
        let mut connections = Vec::new();
        for port in [ports[0], ports[0], ports[0], ports[0], ports[1]] {
            connections.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
        }
        let mut accepted = Vec::new();
        while accepted.last() != Some(&ports[1]) {
            let Socket::Tcp(socket) = poll_fn(|cx| listeners.poll_accept(cx)).await.unwrap() else {
                panic!("not TCP");
            };
            accepted.push(socket.local_addr().unwrap().port());
        }
        assert!(accepted.len() < 5, "{accepted:?}");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn each_write_timeout_of_the_command_line_is_set_as_far_as_linux_takes_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let max = u64::MAX.to_string();
        for (seconds, expected) in [
            ("0.000000001", Duration::from_millis(1)),
            ("0.0015", Duration::from_millis(1)),
            ("1", Duration::from_secs(1)),
            ("2147483.647", MAX_USER_TIMEOUT),
            ("2147484", MAX_USER_TIMEOUT),
            (&max, MAX_USER_TIMEOUT),
            ("1e300", MAX_USER_TIMEOUT),
        ] {
            let connection = TcpStream::connect(address).await.unwrap();
            set_socket_options(&connection, crate::parse::seconds(seconds).unwrap());
            let socket = socket2::SockRef::from(&connection);
            let timeout = socket.tcp_user_timeout().unwrap();
            assert_eq!(timeout, Some(expected), "{seconds} s");
            assert!(socket.tcp_nodelay().unwrap());
        }
    }
}
