//! Who serves the feed. All listen on a socket with `TCP_NODELAY`, answer `GET /events` with a
//! stream of their own kind of events and a keep-alive comment after 15 s of silence, and shut down
//! gracefully the way their library has it.

mod axum;
mod ours;
mod ours_axum;
mod ours_warp;
mod streams;
mod warp;

use std::{fmt, future::Future, io, net::Ipv4Addr};

use clap::ValueEnum;
use tokio::net::{TcpListener, TcpSocket};

use crate::feed::Feed;

/// A library that serves events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Library {
    /// hyper's plain HTTP/1 connection and sse-hyper.
    Ours,
    /// axum and sse-hyper's body.
    OursAxum,
    /// axum's own `Sse`.
    Axum,
    /// sse-warp.
    OursWarp,
    /// warp's own `sse`.
    Warp,
}

impl Library {
    /// All, in the order of the tables.
    pub const ALL: [Self; 5] = [
        Self::Ours,
        Self::OursAxum,
        Self::Axum,
        Self::OursWarp,
        Self::Warp,
    ];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursAxum => "ours-axum",
            Self::Axum => "axum",
            Self::OursWarp => "ours-warp",
            Self::Warp => "warp",
        }
    }

    /// Serves until it is told to shut down, and has.
    ///
    /// # Errors
    ///
    /// If the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        feed: Feed,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        match self {
            Self::Ours => ours::serve(listener, feed, shutdown).await,
            Self::OursAxum => ours_axum::serve(listener, feed, shutdown).await,
            Self::Axum => axum::serve(listener, feed, shutdown).await,
            Self::OursWarp => ours_warp::serve(listener, feed, shutdown).await,
            Self::Warp => warp::serve(listener, feed, shutdown).await,
        }
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Listens on 127.0.0.1. A connection inherits `TCP_NODELAY`, which not every library lets one set.
///
/// # Errors
///
/// If the port is taken.
pub fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(4096)
}
