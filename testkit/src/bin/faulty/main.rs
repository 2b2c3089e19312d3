//! Faulty server for tests of clients in browsers: it fails as the request asks.
//!
//! Its origin is not that of the page, so each response has CORS headers. `faulty --port P` listens on 127.0.0.1.
//!
//! - `/events?...`: a stream of numbered events that resumes after the last event ID, with the faults of [`script`].
//!   The data of each event is its number.
//! - `/request?...`: a stream like that of `/events`, but the data is the request as JSON.
//! - `/redirect?status=S&to=URL`: redirects to the URL.
//! - `/cookie?value=V`: sets the cookie `who`.
//! - `/down?ms=T`: cuts all connections and does not listen for T milliseconds.
//! - `/stats?key=K`: counts of the requests with this key, as JSON.
//!
//! # Modules
//!
//! - [`request`]: the request of a client.
//! - [`script`]: the faults that the request asks for.
//! - [`response`]: the response with these faults.
//! - [`peer`]: the connection, which can be slow, be silent, or be reset.
//! - [`server`]: the state that all connections share.

mod peer;
mod request;
mod response;
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

/// Accepts connections until the server is to stop listening. Returns the time for which it must not listen.
fn accept(server: &Arc<Server>) -> io::Result<Duration> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, server.port))?;
    loop {
        let (connection, _) = listener.accept()?;
        if let Some(pause) = server.pause() {
            return Ok(pause);
        }
        let server = Arc::clone(server);
        // The result is ignored: a client that disconnects or sends an invalid request is not an error of the server.
        thread::spawn(move || _ = response::serve(&server, connection));
    }
}
