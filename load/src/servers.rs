//! Who serves the feed. All listen on a socket with `TCP_NODELAY`, answer `GET /events` with a
//! stream of their own kind of events and a keep-alive comment after 15 s of silence, and shut down
//! gracefully the way their library has it.

mod actix;
mod axum;
mod epoll;
mod http1;
mod hub;
mod nchan;
mod ours;
mod ours_axum;
mod ours_warp;
mod streams;
mod warp;

use std::{fmt, future::Future, io, net::Ipv4Addr};

use anyhow::Result;
use clap::ValueEnum;
use tokio::net::{TcpListener, TcpSocket};

use crate::{
    feed::Feed,
    orders::{Orders, say_listening},
};

/// Who serves events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Library {
    /// hyper's plain HTTP/1 connection and sse-hyper.
    Ours,
    /// axum and sse-hyper's body.
    OursAxum,
    /// sse-hub and sse-hyper.
    Hub,
    /// axum's own `Sse`.
    Axum,
    /// sse-warp.
    OursWarp,
    /// warp's own `sse`.
    Warp,
    /// actix-web, and `sse` of actix-web-lab.
    Actix,
    /// nginx with nchan, in processes of its own.
    Nchan,
    /// No library: the system calls that it takes.
    Epoll,
}

impl Library {
    /// Those that have a stream for each subscriber, in the order of the tables.
    pub const ALL: [Self; 5] = [
        Self::Ours,
        Self::OursAxum,
        Self::Axum,
        Self::OursWarp,
        Self::Warp,
    ];

    /// What sends one feed to many.
    pub const HUB: Self = Self::Hub;

    /// Those that it is compared with.
    pub const PEERS: [Self; 3] = [Self::Axum, Self::Actix, Self::Nchan];

    /// What it cannot be faster than.
    pub const BOUND: Self = Self::Epoll;

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursAxum => "ours-axum",
            Self::Hub => "hub",
            Self::Axum => "axum",
            Self::OursWarp => "ours-warp",
            Self::Warp => "warp",
            Self::Actix => "actix",
            Self::Nchan => "nchan",
            Self::Epoll => "epoll",
        }
    }

    /// What serves are processes that it starts, so that it is only these that count.
    pub fn is_elsewhere(self) -> bool {
        self == Self::Nchan
    }

    /// Serves until it is told to shut down, and has. What is [elsewhere](Self::is_elsewhere) stays
    /// on the core.
    ///
    /// # Errors
    ///
    /// If the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        core: Option<usize>,
        orders: Orders,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        if !self.is_elsewhere() {
            say_listening(listener.local_addr()?.port());
        }
        match self {
            Self::Ours => ours::serve(listener, Feed::by(orders), shutdown).await?,
            Self::OursAxum => ours_axum::serve(listener, Feed::by(orders), shutdown).await?,
            Self::Hub => hub::serve(listener, orders, shutdown).await?,
            Self::Axum => axum::serve(listener, Feed::by(orders), shutdown).await?,
            Self::OursWarp => ours_warp::serve(listener, Feed::by(orders), shutdown).await?,
            Self::Warp => warp::serve(listener, Feed::by(orders), shutdown).await?,
            Self::Actix => actix::serve(listener, orders, shutdown).await?,
            Self::Nchan => nchan::serve(listener, core, orders, shutdown).await?,
            Self::Epoll => epoll::serve(listener, orders, shutdown).await?,
        }
        Ok(())
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
