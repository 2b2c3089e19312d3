//! Ports for servers that are started by number.

use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    net::{Ipv4Addr, TcpListener},
};

/// A port of 127.0.0.1 that nobody listens on. Not one of those that the kernel gives to clients: while
/// a server is dead, nobody is to take its port.
///
/// # Errors
///
/// If there is none.
pub fn free() -> io::Result<u16> {
    // Somewhere else for each test, in whatever process.
    let start = 10_000 + (RandomState::new().hash_one(()) % 20_000) as u16;
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let port = (start..start + 100).find(is_free);
    port.ok_or_else(|| io::Error::other(format!("no free port behind {start}")))
}
