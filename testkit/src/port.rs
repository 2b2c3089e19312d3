//! Ports for servers that are started by number.

use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    net::{Ipv4Addr, TcpStream},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Above 10080, the last that browsers refuse to ask, and below those that Linux gives to clients: while a
/// server is dead, nobody is to take its port.
const FIRST: u16 = 10_100;
const COUNT: u64 = 22_000;

/// A port of 127.0.0.1 that nobody listens on, and that nobody else in this process is given.
///
/// # Errors
///
/// If there is none.
pub fn free() -> io::Result<u16> {
    free_row(1)
}

/// The first of so many, some dozens at most, that follow each other.
///
/// # Errors
///
/// If there is none.
pub fn free_row(count: u16) -> io::Result<u16> {
    /// Somewhere else for each process.
    static START: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(()) % COUNT);
    static GIVEN: AtomicU64 = AtomicU64::new(0);
    let next = |_| {
        let place = *START + GIVEN.fetch_add(count.into(), Ordering::Relaxed);
        FIRST + (place % COUNT) as u16
    };
    (0..COUNT)
        .map(next)
        .find(|first| (*first..*first + count).all(is_free))
        .ok_or_else(|| io::Error::other(format!("no {count} free ports in a row")))
}

/// Not by listening there: a process that another thread is starting would have the socket too, until it
/// runs its program, and whoever waits for a server of theirs would take that for it.
fn is_free(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err()
}
