//! A connection that breaks in the middle of a stream.

use std::{
    io::{Read, Write, copy},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{Context, Result};

/// Proxy that forwards every connection to a server, and cuts the first one after the third event of `/golden`.
#[derive(Debug)]
pub struct Cutter {
    /// Port of the proxy.
    pub port: u16,
    heads: Heads,
}

type Heads = Arc<Mutex<Vec<String>>>;

impl Cutter {
    /// Starts a proxy for the server with this port. It runs until the test program ends.
    pub fn start(server: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let heads = Heads::default();
        let seen = Arc::clone(&heads);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let heads = Arc::clone(&heads);
                // The client detects errors here.
                thread::spawn(move || _ = hand_on(connection, server, &heads));
            }
        });
        Ok(Self { port, heads: seen })
    }

    /// Returns the `Last-Event-ID` of each request up to now.
    pub fn last_event_ids(&self) -> Vec<Option<String>> {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads
            .iter()
            .map(|head| header(head, "last-event-id"))
            .collect()
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    found.next().map(|(_, value)| value.trim().to_owned())
}

fn hand_on(mut client: TcpStream, server: u16, heads: &Heads) -> Result<()> {
    let head = read_until(&mut client, |bytes| end_of(bytes, b"\r\n\r\n"))?;
    let count = {
        let mut heads = heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.push(String::from_utf8_lossy(&head).into_owned());
        heads.len()
    };
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    server.write_all(&head)?;
    if count == 1 {
        let until_cut = read_until(&mut server, |bytes| {
            let line_end = end_of(bytes, b"id: 3\n")? - 1;
            Some(line_end + end_of(&bytes[line_end..], b"\n\n")?)
        })?;
        client.write_all(&until_cut)?;
    } else {
        copy(&mut server, &mut client)?;
    }
    Ok(())
}

/// Reads bytes up to the end that the function finds in them.
fn read_until(from: &mut TcpStream, end: impl Fn(&[u8]) -> Option<usize>) -> Result<Vec<u8>> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = from.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..read]);
        if let Some(end) = end(&bytes) {
            bytes.truncate(end);
            return Ok(bytes);
        }
        (read > 0)
            .then_some(())
            .context("unexpected end of the connection")?;
    }
}

fn end_of(bytes: &[u8], what: &[u8]) -> Option<usize> {
    let place = bytes.windows(what.len()).position(|window| window == what);
    place.map(|place| place + what.len())
}
