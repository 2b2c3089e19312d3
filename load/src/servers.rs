//! Servers of the feed, one for each library.
//!
//! All listen on a socket with `TCP_NODELAY`, and answer `GET /events` with a stream of their library's events. They
//! send a keep-alive comment after 15 s of silence, and shut down gracefully as their library does it.

mod actix;
mod axum;
mod epoll;
mod http1;
mod hub;
mod hub_hyper;
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
    commands::{Commands, print_listening},
    feed::Feed,
};

/// Library that serves events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Library {
    /// HTTP/1 connection of hyper with sse-hyper.
    Ours,
    /// axum with the body of sse-hyper.
    OursAxum,
    /// sse-hub with sse-reactor.
    Hub,
    /// sse-hub with sse-hyper, without an event loop of its own.
    HubHyper,
    /// [`Hub`](Self::Hub) with compressed streams.
    HubGzip,
    /// `Sse` of axum.
    Axum,
    /// [`Axum`](Self::Axum) with the compression of tower-http.
    AxumGzip,
    /// warp with sse-warp.
    OursWarp,
    /// `sse` of warp.
    Warp,
    /// actix-web, and `sse` of actix-web-lab.
    Actix,
    /// nginx with nchan, in its own processes.
    Nchan,
    /// System calls without a library.
    Epoll,
}

impl Library {
    /// Libraries that have a stream for each subscriber, in the order of the tables.
    pub const ALL: [Self; 5] = [
        Self::Ours,
        Self::OursAxum,
        Self::Axum,
        Self::OursWarp,
        Self::Warp,
    ];

    /// Library for fan-out of one feed.
    pub const HUB: Self = Self::Hub;

    /// Libraries that [`HUB`](Self::HUB) is compared with.
    pub const PEERS: [Self; 3] = [Self::Axum, Self::Actix, Self::Nchan];

    /// Upper bound of the speed.
    pub const BOUND: Self = Self::Epoll;

    /// Returns the name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::OursAxum => "ours-axum",
            Self::Hub => "hub",
            Self::HubHyper => "hub-hyper",
            Self::HubGzip => "hub-gzip",
            Self::Axum => "axum",
            Self::AxumGzip => "axum-gzip",
            Self::OursWarp => "ours-warp",
            Self::Warp => "warp",
            Self::Actix => "actix",
            Self::Nchan => "nchan",
            Self::Epoll => "epoll",
        }
    }

    /// Returns true if the program only starts other processes, which serve. Only these are measured.
    pub fn is_elsewhere(self) -> bool {
        self == Self::Nchan
    }

    /// Serves until `shutdown` is ready and the shutdown is complete. Processes that are
    /// [elsewhere](Self::is_elsewhere) run on the core.
    ///
    /// # Errors
    ///
    /// Returns an error if the listener fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        core: Option<usize>,
        commands: Commands,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<()> {
        if !self.is_elsewhere() {
            print_listening(listener.local_addr()?.port());
        }
        match self {
            Self::Ours => ours::serve(listener, Feed::by(commands), shutdown).await?,
            Self::OursAxum => ours_axum::serve(listener, Feed::by(commands), shutdown).await?,
            Self::Hub => hub::serve(listener, commands, false, shutdown).await?,
            Self::HubGzip => hub::serve(listener, commands, true, shutdown).await?,
            Self::HubHyper => hub_hyper::serve(listener, commands, shutdown).await?,
            Self::Axum => axum::serve(listener, Feed::by(commands), shutdown).await?,
            Self::AxumGzip => {
                axum::serve_compressed(listener, Feed::by(commands), shutdown).await?
            }
            Self::OursWarp => ours_warp::serve(listener, Feed::by(commands), shutdown).await?,
            Self::Warp => warp::serve(listener, Feed::by(commands), shutdown).await?,
            Self::Actix => actix::serve(listener, commands, shutdown).await?,
            Self::Nchan => nchan::serve(listener, core, commands, shutdown).await?,
            Self::Epoll => epoll::serve(listener, commands, shutdown).await?,
        }
        Ok(())
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Listens on 127.0.0.1. Connections inherit `TCP_NODELAY`, which not every library can set.
///
/// # Errors
///
/// Returns an error if the port is in use.
pub fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_nodelay(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(4096)
}
