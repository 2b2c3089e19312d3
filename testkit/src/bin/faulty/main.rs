//! A server that fails as it is asked to, for clients in browsers: it is on another origin than their
//! page, so each answer has what CORS wants. `faulty --port P` listens on 127.0.0.1.
//!
//! - `/events?...`: a stream of numbered events that goes on behind the last event ID, and all that
//!   can befall it: see [`script`]. The data of the events are their numbers.
//! - `/request?...`: the same, but the data are what the request was, as JSON.
//! - `/redirect?status=S&to=URL`: another place.
//! - `/cookie?value=V`: sets the cookie `who`.
//! - `/down?ms=T`: for so long nobody listens; all connections are cut.
//! - `/stats?key=K`: what became of the requests with this key, as JSON.
//!
//! # Map
//!
//! - [`request`]: what a client asks.
//! - [`script`]: what is to happen to it.
//! - [`answer`]: it happens.
//! - [`peer`]: the connection, which is silent, slow, reset or left.
//! - [`server`]: what all connections share.

mod answer;
mod peer;
mod request;
mod script;
mod server;

use std::{
    env, io,
    net::{Ipv4Addr, TcpListener},
    sync::Arc,
    thread::{self, sleep},
    time::Duration,
};

use server::Server;

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip_while(|argument| argument != "--port");
    let port = arguments.nth(1).and_then(|port| request::number(&port));
    let port = port.ok_or_else(|| io::Error::other("usage: faulty --port P"))?;
    let server = Arc::new(Server::new(port));
    loop {
        let pause = accept(&server)?;
        server.cut_all();
        sleep(pause);
    }
}

/// Listens until it is to stop, and says for how long.
fn accept(server: &Arc<Server>) -> io::Result<Duration> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, server.port))?;
    loop {
        let (connection, _) = listener.accept()?;
        if let Some(pause) = server.pause() {
            return Ok(pause);
        }
        let server = Arc::clone(server);
        // A client that leaves, and one that asks for nonsense, is no news.
        thread::spawn(move || _ = answer::serve(&server, connection));
    }
}
