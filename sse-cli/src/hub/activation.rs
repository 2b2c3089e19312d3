//! Sockets that a service manager has opened and passed to this process: socket activation of systemd.

use core::{fmt, net::SocketAddr};
use std::io;

use anyhow::Result;

/// Listening socket that the service manager has passed.
#[derive(Debug)]
pub(crate) enum PassedSocket {
    Tcp(std::net::TcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener),
}

impl PassedSocket {
    /// Takes the sockets that were passed to this process, which are listed in `LISTEN_FDS`.
    ///
    /// Call it before there are other threads, because it removes this variable.
    #[cfg(unix)]
    pub(crate) fn take_all() -> Result<Vec<Self>> {
        use anyhow::{Context as _, bail};
        use listenfd::ListenFd;

        let mut passed = ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..passed.len() {
            // The name of the first attempt's error does not matter: the second attempt fails, too.
            let tcp = passed.take_tcp_listener(index);
            if let Ok(Some(socket)) = tcp {
                sockets.push(Self::Tcp(socket));
                continue;
            }
            let unix = passed
                .take_unix_listener(index)
                .with_context(|| format!("socket {index} of LISTEN_FDS is not a stream socket"))?;
            match unix {
                Some(socket) => sockets.push(Self::Unix(socket)),
                None => bail!("socket {index} of LISTEN_FDS is missing"),
            }
        }
        Ok(sockets)
    }

    #[cfg(not(unix))]
    pub(crate) fn take_all() -> Result<Vec<Self>> {
        Ok(Vec::new())
    }

    /// Returns the address, or `None` for a Unix socket.
    pub(crate) fn tcp_address(&self) -> Option<io::Result<SocketAddr>> {
        match self {
            Self::Tcp(socket) => Some(socket.local_addr()),
            #[cfg(unix)]
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for PassedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tcp_address() {
            Some(Ok(address)) => write!(f, "the passed socket {address}"),
            Some(Err(_)) => f.write_str("the passed socket"),
            None => f.write_str("the passed Unix socket"),
        }
    }
}
